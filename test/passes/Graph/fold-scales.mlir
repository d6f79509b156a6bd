// RUN: tenon-opt %s --mlir-print-local-scope --tenon-fold-scales --split-input-file | FileCheck %s

// A batch normalization after a convolution with a bias: one convolution and one addition stay.
// CHECK-LABEL: func @batch_norm
//       CHECK:   %[[W:.+]] = tenon.mul %{{.+}}, %{{.+}} : (tensor<1x1x3x4xf32>, tensor<4xf32>)
//       CHECK:   %[[Y:.+]] = tenon.conv %arg0, %[[W]]
//       CHECK:   %[[SCALED:.+]] = tenon.mul
//  CHECK-SAME:     (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
//       CHECK:   %[[BIAS:.+]] = tenon.add %[[SCALED]]
//       CHECK:   %[[R:.+]] = tenon.add %[[Y]], %[[BIAS]]
//       CHECK:   return %[[R]]
func.func @batch_norm(%x: tensor<1x8x8x3xf32>) -> tensor<1x8x8x4xf32> {
  %w = tenon.constant dense<[[[[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [5.0, 2.0, 3.0, 4.0]]]]> : tensor<1x1x3x4xf32>
  %a = tenon.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %s = tenon.constant dense<[5.0, 6.0, 7.0, 8.0]> : tensor<4xf32>
  %b = tenon.constant dense<[9.0, 1.0, 2.0, 3.0]> : tensor<4xf32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<1x1x3x4xf32>) -> tensor<1x8x8x4xf32>
  %1 = tenon.add %0, %a : (tensor<1x8x8x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
  %2 = tenon.mul %1, %s : (tensor<1x8x8x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
  %3 = tenon.add %2, %b : (tensor<1x8x8x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
  return %3 : tensor<1x8x8x4xf32>
}

// -----

// A transposed weight matrix has its channels in rows. Divisions are scales as well.
// CHECK-LABEL: func @transposed
//       CHECK:   tenon.reciprocal
//       CHECK:   %[[W:.+]] = tenon.mul {{.+}} -> tensor<2x3xf32>
//       CHECK:   %[[Y:.+]] = tenon.matmul %arg0, %[[W]] {transposeRhs}
//       CHECK:   return %[[Y]]
func.func @transposed(%x: tensor<5x3xf32>) -> tensor<5x2xf32> {
  %w = tenon.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %s = tenon.constant dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<5x3xf32>, tensor<2x3xf32>) -> tensor<5x2xf32>
  %1 = tenon.div %0, %s : (tensor<5x2xf32>, tensor<1x2xf32>) -> tensor<5x2xf32>
  return %1 : tensor<5x2xf32>
}

// -----

// What someone else reads stays as it is.
// CHECK-LABEL: func @shared
//       CHECK:   %[[Y:.+]] = tenon.matmul
//       CHECK:   %[[Z:.+]] = tenon.mul %[[Y]]
//       CHECK:   return %[[Y]], %[[Z]]
func.func @shared(%x: tensor<5x3xf32>) -> (tensor<5x2xf32>, tensor<5x2xf32>) {
  %w = tenon.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %s = tenon.constant dense<[5.0, 6.0]> : tensor<2xf32>
  %0 = tenon.matmul %x, %w : (tensor<5x3xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  %1 = tenon.mul %0, %s : (tensor<5x2xf32>, tensor<2xf32>) -> tensor<5x2xf32>
  return %0, %1 : tensor<5x2xf32>, tensor<5x2xf32>
}

// -----

// Factors per row are not factors per channel.
// CHECK-LABEL: func @rows
//       CHECK:   tenon.matmul
//       CHECK:   tenon.mul {{.*}} -> tensor<2x2xf32>
func.func @rows(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = tenon.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %s = tenon.constant dense<[[5.0], [6.0]]> : tensor<2x1xf32>
  %0 = tenon.matmul %x, %w : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = tenon.mul %0, %s : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}
