// RUN: tenon-opt %s --mlir-print-local-scope --tenon-recognize --split-input-file | FileCheck %s

// CHECK-LABEL: func @gelu_erf
//       CHECK:   %[[Y:.+]] = tenon.gelu %arg0 :
//       CHECK:   return %[[Y]]
func.func @gelu_erf(%x: tensor<8xf32>) -> tensor<8xf32> {
  %root = tenon.constant dense<1.41421354> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<f32>
  %0 = tenon.div %x, %root : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.erf %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = tenon.add %1, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.mul %x, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = tenon.mul %3, %half : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %4 : tensor<8xf32>
}

// -----

// The tanh form, of a value that is a sum itself.
// CHECK-LABEL: func @gelu_tanh
//       CHECK:   %[[X:.+]] = tenon.add %arg0, %arg1
//       CHECK:   %[[Y:.+]] = tenon.gelu %[[X]] {approximate}
//       CHECK:   return %[[Y]]
func.func @gelu_tanh(%m: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32> {
  %three = tenon.constant dense<3.0> : tensor<f32>
  %c = tenon.constant dense<0.044715> : tensor<f32>
  %d = tenon.constant dense<0.797884583> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<f32>
  %x = tenon.add %m, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %0 = tenon.pow %x, %three : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.mul %0, %c : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.add %x, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = tenon.mul %d, %2 : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = tenon.tanh %3 : (tensor<8xf32>) -> tensor<8xf32>
  %5 = tenon.add %one, %4 : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %6 = tenon.mul %half, %x : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %7 = tenon.mul %6, %5 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %7 : tensor<8xf32>
}

// -----

// Another constant in front of erf is another function.
// CHECK-LABEL: func @not_gelu
//   CHECK-NOT:   tenon.gelu
func.func @not_gelu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %factor = tenon.constant dense<0.75> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %half = tenon.constant dense<0.5> : tensor<f32>
  %0 = tenon.mul %x, %factor : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.erf %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = tenon.add %1, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.mul %x, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = tenon.mul %3, %half : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %4 : tensor<8xf32>
}

// -----

// CHECK-LABEL: func @silu
//       CHECK:   tenon.silu %arg0
func.func @silu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %one = tenon.constant dense<1.0> : tensor<f32>
  %0 = tenon.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.exp %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = tenon.add %1, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.div %one, %2 : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = tenon.mul %3, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %4 : tensor<8xf32>
}
