// RUN: tenon-opt %s --tenon-keep-weights-narrow --split-input-file | FileCheck %s

// One scale for each output, of weights as they are and transposed.
// CHECK-LABEL: func @outputs
//       CHECK:   %[[W:.+]] = tenon.dequantize_blocks %{{.*}} {axis = 0 : i64, block_size = 64 : i64} : (tensor<64x16xi8>, tensor<1x16xf32>, tensor<1x16xi8>) -> tensor<64x16xf32>
//       CHECK:   tenon.matmul %arg0, %[[W]] :
func.func @outputs(%x: tensor<8x64xf32>) -> tensor<8x16xf32> {
  %q = tenon.constant dense<7> : tensor<64x16xi8>
  %s = tenon.constant dense<0.5> : tensor<16xf32>
  %z = tenon.constant dense<1> : tensor<16xi8>
  %w = tenon.dequantize %q, %s, %z : (tensor<64x16xi8>, tensor<16xf32>, tensor<16xi8>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// One for all, which is one for each.
// CHECK-LABEL: func @transposed
//       CHECK:   %[[W:.+]] = tenon.dequantize_blocks %{{.*}} {axis = 1 : i64, block_size = 64 : i64} : (tensor<16x64xi4>, tensor<16x1xf32>) -> tensor<16x64xf32>
//       CHECK:   tenon.matmul %arg0, %[[W]] {transposeRhs}
func.func @transposed(%x: tensor<8x64xf32>) -> tensor<8x16xf32> {
  %q = tenon.constant dense<7> : tensor<16x64xi4>
  %s = tenon.constant dense<0.5> : tensor<f32>
  %w = tenon.dequantize %q, %s : (tensor<16x64xi4>, tensor<f32>) -> tensor<16x64xf32>
  %y = tenon.matmul %x, %w {transposeRhs} : (tensor<8x64xf32>, tensor<16x64xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// Not where scales differ within a sum, of weights that only a run tells, or of wider ones.
// CHECK-LABEL: func @others
//   CHECK-NOT:   tenon.dequantize_blocks
func.func @others(%x: tensor<8x64xf32>, %q: tensor<64x16xi8>) -> (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>) {
  %c = tenon.constant dense<7> : tensor<64x16xi8>
  %s = tenon.constant dense<0.5> : tensor<64x1xf32>
  %w = tenon.dequantize %c, %s : (tensor<64x16xi8>, tensor<64x1xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %t = tenon.constant dense<0.5> : tensor<f32>
  %w2 = tenon.dequantize %q, %t : (tensor<64x16xi8>, tensor<f32>) -> tensor<64x16xf32>
  %y2 = tenon.matmul %x, %w2 : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %d = tenon.constant dense<7> : tensor<64x16xi16>
  %w3 = tenon.dequantize %d, %t : (tensor<64x16xi16>, tensor<f32>) -> tensor<64x16xf32>
  %y3 = tenon.matmul %x, %w3 : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  return %y, %y2, %y3 : tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>
}

// -----

// Rows of a table, with parameters for each row or for each column.
// CHECK-LABEL: func @rows
//   CHECK-DAG:   %[[Q:.+]] = tenon.gather %{{.*}}, %arg0 {axis = 0 : i64} : (tensor<100x16xi8>, tensor<2x3xi64>) -> tensor<2x3x16xi8>
//   CHECK-DAG:   %[[S:.+]] = tenon.gather %{{.*}}, %arg0 {axis = 0 : i64} : (tensor<100x1xf32>, tensor<2x3xi64>) -> tensor<2x3x1xf32>
//   CHECK-DAG:   %[[Z:.+]] = tenon.constant dense<1> : tensor<16xi8>
//       CHECK:   tenon.dequantize %[[Q]], %[[S]], %[[Z]]
func.func @rows(%i: tensor<2x3xi64>) -> tensor<2x3x16xf32> {
  %q = tenon.constant dense<7> : tensor<100x16xi8>
  %s = tenon.constant dense<0.5> : tensor<100x1xf32>
  %z = tenon.constant dense<1> : tensor<1x16xi8>
  %w = tenon.dequantize %q, %s, %z : (tensor<100x16xi8>, tensor<100x1xf32>, tensor<1x16xi8>) -> tensor<100x16xf32>
  %y = tenon.gather %w, %i {axis = 0} : (tensor<100x16xf32>, tensor<2x3xi64>) -> tensor<2x3x16xf32>
  return %y : tensor<2x3x16xf32>
}
