// Weights that matrix units of GPUs read.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cuda:sm_80 --tenon-form-kernels --tenon-assign-schedules --tenon-pack-weights --split-input-file | FileCheck %s

// Taps and channels of an output side by side, up to a multiple of 16.
// CHECK-LABEL: func.func @conv
//       CHECK:   %[[padded:.*]] = tenon.pad {{.*}} -> tensor<32x2x16xf16>
//       CHECK:   %[[packed:.*]] = tenon.transpose %[[padded]] {permutation = array<i64: 1, 2, 0>} : (tensor<32x2x16xf16>) -> tensor<2x16x32xf16>
//       CHECK:   tenon.launch @conv_only(%{{.*}}, %[[packed]])
// CHECK-LABEL: tenon.kernel @conv_only
//       CHECK:   %[[own:.*]] = tenon.unpack %{{.*}} {layout = #cuda.columns<groups = 2>} : (tensor<2x16x32xf16>) -> tensor<3x3x3x32xf16>
//       CHECK:   tenon.conv %{{.*}}, %[[own]]
func.func @conv(%x: tensor<1x16x16x6xf16>) -> tensor<1x14x14x32xf16> {
  %w = tenon.constant dense<1.0> : tensor<3x3x3x32xf16>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x16x16x6xf16>, tensor<3x3x3x32xf16>) -> tensor<1x14x14x32xf16>
  return %y : tensor<1x14x14x32xf16>
}

// -----

// Bytes cannot be turned on their way to registers.
// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cuda.columns<>} : (tensor<1x48x64xi8>) -> tensor<64x48xi8>
func.func @bytes(%x: tensor<128x64xi8>) -> tensor<128x48xi32> {
  %w = tenon.constant dense<1> : tensor<64x48xi8>
  %y = tenon.matmul %x, %w : (tensor<128x64xi8>, tensor<64x48xi8>) -> tensor<128x48xi32>
  return %y : tensor<128x48xi32>
}

// -----

// Halves can: whole chunks of neighbouring outputs are read as they are, and so are weights of FMAs.
// CHECK-LABEL: func.func @as_they_are
//   CHECK-NOT: tenon.unpack
func.func @as_they_are(%x: tensor<128x64xf16>, %z: tensor<128x64xf32>) -> (tensor<128x48xf16>, tensor<128x47xf32>) {
  %w = tenon.constant dense<1.0> : tensor<64x48xf16>
  %v = tenon.constant dense<1.0> : tensor<64x47xf32>
  %y = tenon.matmul %x, %w : (tensor<128x64xf16>, tensor<64x48xf16>) -> tensor<128x48xf16>
  %u = tenon.matmul %z, %v : (tensor<128x64xf32>, tensor<64x47xf32>) -> tensor<128x47xf32>
  return %y, %u : tensor<128x48xf16>, tensor<128x47xf32>
}

// -----

// Few rows read outputs one by one.
// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cuda.columns<>} : (tensor<1x48x64xf16>) -> tensor<64x48xf16>
func.func @few_rows(%x: tensor<2x64xf16>) -> tensor<2x48xf32> {
  %w = tenon.constant dense<1.0> : tensor<64x48xf16>
  %y = tenon.matmul %x, %w : (tensor<2x64xf16>, tensor<64x48xf16>) -> tensor<2x48xf32>
  return %y : tensor<2x48xf32>
}

// -----

// Codes that few rows read as they are: two to a byte, up to a multiple of 16 bytes; scales by columns, too.
// CHECK-LABEL: func.func @codes
//       CHECK:   tenon.launch @dequantize_blocks_matmul({{.*}}) : (tensor<1x48x32xui8>, tensor<1x48x16xf32>, tensor<2x64xf32>) -> tensor<2x48xf32>
// CHECK-LABEL: tenon.kernel @dequantize_blocks_matmul
//   CHECK-DAG:   %[[Q:.+]] = tenon.unpack %{{.*}} {layout = #cuda.code_columns} : (tensor<1x48x32xui8>) -> tensor<64x48xui4>
//   CHECK-DAG:   %[[S:.+]] = tenon.unpack %{{.*}} {layout = #cuda.columns<>} : (tensor<1x48x16xf32>) -> tensor<2x48xf32>
//       CHECK:   tenon.dequantize_blocks %[[Q]], %[[S]] {axis = 0 : i64, block_size = 32 : i64}
func.func @codes(%x: tensor<2x64xf32>) -> tensor<2x48xf32> {
  %q = tenon.constant dense<3> : tensor<48x64xui4>
  %s = tenon.constant dense<0.5> : tensor<48x2xf32>
  %w = tenon.dequantize_blocks %q, %s {axis = 1, block_size = 32} : (tensor<48x64xui4>, tensor<48x2xf32>) -> tensor<48x64xf32>
  %y = tenon.matmul %x, %w {transposeRhs} : (tensor<2x64xf32>, tensor<48x64xf32>) -> tensor<2x48xf32>
  return %y : tensor<2x48xf32>
}

// -----

// Of more rows weights are floats.
// CHECK-LABEL: tenon.kernel @matmul_only
//   CHECK-NOT:   tenon.dequantize_blocks
//       CHECK:   tenon.matmul
func.func @many_rows(%x: tensor<64x64xf32>) -> tensor<64x48xf32> {
  %q = tenon.constant dense<3> : tensor<48x64xui4>
  %s = tenon.constant dense<0.5> : tensor<48x2xf32>
  %w = tenon.dequantize_blocks %q, %s {axis = 1, block_size = 32} : (tensor<48x64xui4>, tensor<48x2xf32>) -> tensor<48x64xf32>
  %y = tenon.matmul %x, %w {transposeRhs} : (tensor<64x64xf32>, tensor<48x64xf32>) -> tensor<64x48xf32>
  return %y : tensor<64x48xf32>
}
