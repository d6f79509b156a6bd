// RUN: tenon-opt %s --mlir-print-local-scope --tenon-recognize --split-input-file | FileCheck %s

// CHECK-LABEL: func @powers
//       CHECK:   %[[A:.+]] = tenon.mul %arg0, %arg0
//       CHECK:   %[[B:.+]] = tenon.sqrt %arg0
//       CHECK:   %[[C:.+]] = tenon.pow %arg0
//       CHECK:   return %[[A]], %[[B]], %[[C]]
func.func @powers(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %two = tenon.constant dense<2.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<1xf32>
  %other = tenon.constant dense<1.7> : tensor<1xf32>
  %0 = tenon.pow %x, %two : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.pow %x, %half : (tensor<8xf32>, tensor<1xf32>) -> tensor<8xf32>
  %2 = tenon.pow %x, %other : (tensor<8xf32>, tensor<1xf32>) -> tensor<8xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// Only inverses of powers of two are exact.
// CHECK-LABEL: func @divisions
//   CHECK-DAG:   %[[INVERSE:.+]] = tenon.constant dense<1.250000e-01>
//       CHECK:   %[[A:.+]] = tenon.mul %arg0, %[[INVERSE]]
//       CHECK:   %[[B:.+]] = tenon.div %arg0
//       CHECK:   return %[[A]], %[[B]], %arg0
func.func @divisions(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %eight = tenon.constant dense<8.0> : tensor<f32>
  %three = tenon.constant dense<3.0> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %0 = tenon.div %x, %eight : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.div %x, %three : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.div %x, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// A neutral element that widens its partner has to stay.
// CHECK-LABEL: func @neutral
//       CHECK:   %[[WIDE:.+]] = tenon.add %arg0
//       CHECK:   return %arg0, %arg0, %[[WIDE]]
func.func @neutral(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<2x8xf32>) {
  %one = tenon.constant dense<1.0> : tensor<f32>
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %zeros = tenon.constant dense<0.0> : tensor<2x1xf32>
  %0 = tenon.mul %one, %x : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.sub %x, %zero : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.add %x, %zeros : (tensor<8xf32>, tensor<2x1xf32>) -> tensor<2x8xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<8xf32>, tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func @slices
//       CHECK:   %[[Y:.+]] = tenon.slice %arg0 {starts = affine_map<() -> (5)>, steps = array<i64: 6>} : (tensor<20xf32>) -> tensor<2xf32>
//       CHECK:   return %[[Y]]
func.func @slices(%x: tensor<20xf32>) -> tensor<2xf32> {
  %0 = tenon.slice %x {starts = affine_map<() -> (1)>, steps = array<i64: 2>} : (tensor<20xf32>) -> tensor<8xf32>
  %1 = tenon.slice %0 {starts = affine_map<() -> (2)>, steps = array<i64: 3>} : (tensor<8xf32>) -> tensor<2xf32>
  %2 = tenon.concat %1 {axis = 0} : (tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}
