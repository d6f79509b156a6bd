// Weights that are quantized in blocks are read as narrow as they are where a strategy does so.
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-form-kernels --split-input-file | FileCheck %s

// The dequantization is part of the product's kernel, which has all that it is computed from as weights, splats as well.
// CHECK-LABEL: func @product
//   CHECK-NOT:   tenon.dequantize_blocks
//       CHECK:   tenon.launch @dequantize_blocks_matmul_relu(%{{.*}}, %{{.*}}, %{{.*}}, %arg0)
// CHECK-LABEL: tenon.kernel @dequantize_blocks_matmul_relu(
//  CHECK-SAME:   tensor<16x64xui4> {tenon.weights}, %{{.*}}: tensor<16x2xf32> {tenon.weights}, %{{.*}}: tensor<16x2xui4> {tenon.weights}, %{{[^{]*}}: tensor<1x64xf32>)
//       CHECK:   %[[W:.+]] = tenon.dequantize_blocks
//       CHECK:   tenon.matmul %{{.*}}, %[[W]] {transposeRhs}
func.func @product(%x: tensor<1x64xf32>) -> tensor<1x16xf32> {
  %q = tenon.constant dense<1> : tensor<16x64xui4>
  %s = tenon.constant dense<1.0> : tensor<16x2xf32>
  %z = tenon.constant dense<2> : tensor<16x2xui4>
  %w = tenon.dequantize_blocks %q, %s, %z {axis = 1, block_size = 32} : (tensor<16x64xui4>, tensor<16x2xf32>, tensor<16x2xui4>) -> tensor<16x64xf32>
  %y = tenon.matmul %x, %w {transposeRhs} : (tensor<1x64xf32>, tensor<16x64xf32>) -> tensor<1x16xf32>
  %r = tenon.relu %y : (tensor<1x16xf32>) -> tensor<1x16xf32>
  return %r : tensor<1x16xf32>
}

// -----

// Each of several products has one of its own.
// CHECK-LABEL: func @shared
//   CHECK-NOT:   tenon.dequantize_blocks
//       CHECK:   tenon.launch @dequantize_blocks_matmul
//       CHECK:   tenon.launch @dequantize_blocks_matmul
//       CHECK:   return
func.func @shared(%x: tensor<1x64xf32>, %v: tensor<2x64xf32>) -> (tensor<1x16xf32>, tensor<2x16xf32>) {
  %q = tenon.constant dense<1> : tensor<64x16xi8>
  %s = tenon.constant dense<1.0> : tensor<1x16xf32>
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 64} : (tensor<64x16xi8>, tensor<1x16xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<1x64xf32>, tensor<64x16xf32>) -> tensor<1x16xf32>
  %u = tenon.matmul %v, %w : (tensor<2x64xf32>, tensor<64x16xf32>) -> tensor<2x16xf32>
  return %y, %u : tensor<1x16xf32>, tensor<2x16xf32>
}

// -----

// Weights that only a run tells are dequantized by a kernel of their own.
// CHECK-LABEL: func @run_time
//       CHECK:   %[[W:.+]] = tenon.launch @dequantize_blocks_only(%arg1, %arg2)
//       CHECK:   tenon.launch @matmul_only(%arg0, %[[W]])
func.func @run_time(%x: tensor<1x64xf32>, %q: tensor<64x16xi8>, %s: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 64} : (tensor<64x16xi8>, tensor<1x16xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<1x64xf32>, tensor<64x16xf32>) -> tensor<1x16xf32>
  return %y : tensor<1x16xf32>
}

// -----

// Blocks across outputs, and blocks that end within a lane of codes, are no kernel's.
// CHECK-LABEL: func @other_blocks
//       CHECK:   tenon.launch @dequantize_blocks_only
//       CHECK:   tenon.launch @matmul_only
//       CHECK:   tenon.launch @dequantize_blocks_only
//       CHECK:   tenon.launch @matmul_only
func.func @other_blocks(%x: tensor<1x64xf32>, %v: tensor<1x64xf32>) -> (tensor<1x16xf32>, tensor<1x16xf32>) {
  %q = tenon.constant dense<1> : tensor<64x16xi4>
  %s = tenon.constant dense<1.0> : tensor<64x2xf32>
  %w = tenon.dequantize_blocks %q, %s {axis = 1, block_size = 8} : (tensor<64x16xi4>, tensor<64x2xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<1x64xf32>, tensor<64x16xf32>) -> tensor<1x16xf32>
  %t = tenon.constant dense<1.0> : tensor<16x16xf32>
  %w2 = tenon.dequantize_blocks %q, %t {axis = 0, block_size = 4} : (tensor<64x16xi4>, tensor<16x16xf32>) -> tensor<64x16xf32>
  %y2 = tenon.matmul %v, %w2 : (tensor<1x64xf32>, tensor<64x16xf32>) -> tensor<1x16xf32>
  return %y, %y2 : tensor<1x16xf32>, tensor<1x16xf32>
}
