// Weights that are known when the model is compiled are laid out as the schedules of kernels read them.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-form-kernels --tenon-assign-schedules --tenon-pack-weights --split-input-file | FileCheck %s

// Panels of 16 columns: two vectors of eight. The packing stands in front of the launch.
// CHECK-LABEL: func.func @matmul
//       CHECK:   %[[w:.*]] = tenon.constant
//       CHECK:   %[[padded:.*]] = tenon.pad {{.*}} -> tensor<24x1x48xf32>
//       CHECK:   %[[packed:.*]] = tenon.transpose {{.*}} -> tensor<1x3x24x16xf32>
//       CHECK:   tenon.launch @matmul_only(%{{.*}}, %[[packed]])
// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   %[[own:.*]] = tenon.unpack %{{.*}} {layout = #cpu.panels<width = 16>} : (tensor<1x3x24x16xf32>) -> tensor<24x40xf32>
//       CHECK:   tenon.matmul %{{.*}}, %[[own]]
func.func @matmul(%x: tensor<128x24xf32>) -> tensor<128x40xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x40xf32>
  %y = tenon.matmul %x, %w : (tensor<128x24xf32>, tensor<24x40xf32>) -> tensor<128x40xf32>
  return %y : tensor<128x40xf32>
}

// -----

// Transposed weights are straightened first, and 1s in front stay.
// CHECK-LABEL: func.func @transposed
//       CHECK:   tenon.transpose %{{.*}} {permutation = array<i64: 0, 2, 1>} : (tensor<1x40x24xf32>) -> tensor<1x24x40xf32>
// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 16>} : (tensor<1x3x1x24x16xf32>) -> tensor<1x24x40xf32>
//       CHECK:   tenon.matmul
//   CHECK-NOT:   transposeRhs
func.func @transposed(%x: tensor<2x128x24xf32>) -> tensor<2x128x40xf32> {
  %w = tenon.constant dense<1.0> : tensor<1x40x24xf32>
  %y = tenon.matmul %x, %w {transposeRhs} : (tensor<2x128x24xf32>, tensor<1x40x24xf32>) -> tensor<2x128x40xf32>
  return %y : tensor<2x128x40xf32>
}

// -----

// Each group of a convolution has panels of its own.
// CHECK-LABEL: tenon.kernel @conv_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 16, groups = 2>} : (tensor<2x2x1x1x8x16xf32>) -> tensor<1x1x8x48xf32>
func.func @grouped(%x: tensor<1x9x9x16xf32>) -> tensor<1x9x9x48xf32> {
  %w = tenon.constant dense<1.0> : tensor<1x1x8x48xf32>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 2}
     : (tensor<1x9x9x16xf32>, tensor<1x1x8x48xf32>) -> tensor<1x9x9x48xf32>
  return %y : tensor<1x9x9x48xf32>
}

// -----

// A 3x3 convolution with enough channels is computed by minimal filtering: filters have 4x4 points.
// CHECK-LABEL: tenon.kernel @conv_only
//  CHECK-SAME:   strategy = "winograd"
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.winograd_filters<output_tile = 2, width = 16>} : (tensor<1x4x4x4x64x16xf32>) -> tensor<3x3x64x64xf32>
func.func @winograd(%x: tensor<1x58x58x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<1.0> : tensor<3x3x64x64xf32>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x58x58x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}

// -----

// With few channels, or a stride, sums are direct.
// CHECK-LABEL: tenon.kernel @conv_only
//  CHECK-SAME:   strategy = "contraction"
func.func @direct(%x: tensor<1x58x58x3xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<1.0> : tensor<3x3x3x64xf32>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x58x58x3xf32>, tensor<3x3x3x64xf32>) -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}

// -----

// Weights that only a run tells stay as they are, and so do those of a program that runs once.
// CHECK-LABEL: func.func @given
//   CHECK-NOT:   tenon.unpack
func.func @given(%x: tensor<128x24xf32>, %w: tensor<24x40xf32>) -> tensor<128x40xf32> {
  %y = tenon.matmul %x, %w : (tensor<128x24xf32>, tensor<24x40xf32>) -> tensor<128x40xf32>
  return %y : tensor<128x40xf32>
}
func.func @once() -> tensor<128x40xf32> {
  %x = tenon.constant dense<1.0> : tensor<128x24xf32>
  %w = tenon.constant dense<1.0> : tensor<24x40xf32>
  %y = tenon.matmul %x, %w : (tensor<128x24xf32>, tensor<24x40xf32>) -> tensor<128x40xf32>
  return %y : tensor<128x40xf32>
}

// -----

// What else reads the weights reads them as they are, from an argument of its own.
// CHECK-LABEL: tenon.kernel @both(
//  CHECK-SAME:   %[[x:.*]]: tensor<24x24xf32>, %[[w:.*]]: tensor<24x24xf32> {tenon.weights}, %[[p:.*]]: tensor<1x2x24x16xf32>)
//       CHECK:   %[[own:.*]] = tenon.unpack %[[p]]
//       CHECK:   %[[sum:.*]] = tenon.matmul %[[x]], %[[own]]
//       CHECK:   tenon.add %[[sum]], %[[w]]
tenon.kernel @both(%x: tensor<24x24xf32>, %w: tensor<24x24xf32> {tenon.weights}) -> tensor<24x24xf32> attributes {strategy = "contraction"} {
  %y = tenon.matmul %x, %w : (tensor<24x24xf32>, tensor<24x24xf32>) -> tensor<24x24xf32>
  %z = tenon.add %y, %w : (tensor<24x24xf32>, tensor<24x24xf32>) -> tensor<24x24xf32>
  tenon.yield %z : tensor<24x24xf32>
}
func.func @shared(%x: tensor<24x24xf32>) -> tensor<24x24xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x24xf32>
  %y = tenon.launch @both(%x, %w) : (tensor<24x24xf32>, tensor<24x24xf32>) -> tensor<24x24xf32>
  return %y : tensor<24x24xf32>
}

// -----

// Halves are read as halves by the few rows that read them once.
// CHECK-LABEL: func.func @halves
//       CHECK:   %[[packed:.*]] = tenon.transpose {{.*}} -> tensor<1x1x24x40xf16>
//       CHECK:   tenon.launch @matmul_only(%{{.*}}, %[[packed]])
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 40>} : (tensor<1x1x24x40xf16>) -> tensor<24x40xf16>
func.func @halves(%x: tensor<1x24xf32>) -> tensor<1x40xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x40xf16>
  %y = tenon.matmul %x, %w : (tensor<1x24xf32>, tensor<24x40xf16>) -> tensor<1x40xf32>
  return %y : tensor<1x40xf32>
}

// -----

// Weights that differ from batch to batch are no panels of one matrix.
// CHECK-LABEL: func.func @batches
//   CHECK-NOT:   tenon.unpack
func.func @batches(%x: tensor<2x128x24xf32>) -> tensor<2x128x40xf32> {
  %w = tenon.constant dense<1.0> : tensor<2x24x40xf32>
  %y = tenon.matmul %x, %w : (tensor<2x128x24xf32>, tensor<2x24x40xf32>) -> tensor<2x128x40xf32>
  return %y : tensor<2x128x40xf32>
}

// -----

// Bytes that one instruction multiplies by neighbouring channels lie together, those of neighbouring taps in one row:
// 3 x 3 channels are five pairs.
// CHECK-LABEL: func.func @bytes
//       CHECK:   tenon.reshape {{.*}} -> tensor<3x9x1x8xi8>
//       CHECK:   tenon.pad {{.*}} -> tensor<3x10x1x8xi8>
//       CHECK:   tenon.reshape {{.*}} -> tensor<3x5x2x1x1x8xi8>
//       CHECK:   tenon.transpose %{{.*}} {permutation = array<i64: 3, 4, 0, 1, 5, 2>} : (tensor<3x5x2x1x1x8xi8>) -> tensor<1x1x3x5x8x2xi8>
// CHECK-LABEL: tenon.kernel @conv_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 8, interleave = 2, merge_taps = true>} : (tensor<1x1x3x5x8x2xi8>) -> tensor<3x3x3x8xi8>
func.func @bytes(%x: tensor<1x9x9x3xui8>) -> tensor<1x7x7x8xi32> {
  %w = tenon.constant dense<1> : tensor<3x3x3x8xi8>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x9x9x3xui8>, tensor<3x3x3x8xi8>) -> tensor<1x7x7x8xi32>
  return %y : tensor<1x7x7x8xi32>
}

// -----

// Filters of bytes, transformed, take 16 bits, and pairs of channels lie together.
// CHECK-LABEL: func.func @winograd_bytes
//       CHECK:   %[[w:.+]] = tenon.cast %{{.*}} : (tensor<3x3x33x32xi8>) -> tensor<3x3x33x32xi32>
//       CHECK:   tenon.cast %{{.*}} : (tensor<4x4x33x32xi32>) -> tensor<4x4x33x32xi16>
// CHECK-LABEL: tenon.kernel @conv_only
//  CHECK-SAME:   strategy = "winograd"
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.winograd_filters<output_tile = 2, width = 16, interleave = 2>} : (tensor<1x2x4x4x17x16x2xi16>) -> tensor<3x3x33x32xi8>
func.func @winograd_bytes(%x: tensor<1x30x30x33xui8>) -> tensor<1x28x28x32xi32> {
  %w = tenon.constant dense<1> : tensor<3x3x33x32xi8>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x30x30x33xui8>, tensor<3x3x33x32xi8>) -> tensor<1x28x28x32xi32>
  return %y : tensor<1x28x28x32xi32>
}

// -----

// What weights are dequantized from is laid out instead of them, as it is read: eight codes of an output lie in 32 bits.
// Signed ones are stored from 0 on.
// CHECK-LABEL: func.func @codes
//   CHECK-DAG:   %[[Q:.+]] = tenon.transpose %{{.*}} {permutation = array<i64: 2, 0, 3, 1>} : (tensor<3x4x1x24xui8>) -> tensor<1x3x24x4xui8>
//   CHECK-DAG:   %[[S:.+]] = tenon.transpose %{{.*}} -> tensor<1x1x2x24xf32>
//   CHECK-DAG:   %[[Z:.+]] = tenon.transpose %{{.*}} -> tensor<1x1x2x24xi4>
//       CHECK:   tenon.launch @dequantize_blocks_matmul(%[[Q]], %[[S]], %[[Z]], %arg0)
// CHECK-LABEL: tenon.kernel @dequantize_blocks_matmul
//   CHECK-DAG:   %[[Q:.+]] = tenon.unpack %{{.*}} {layout = #cpu.code_panels<width = 24>} : (tensor<1x3x24x4xui8>) -> tensor<20x19xi4>
//   CHECK-DAG:   %[[S:.+]] = tenon.unpack %{{.*}} {layout = #cpu.panels<width = 24>} : (tensor<1x1x2x24xf32>) -> tensor<2x19xf32>
//   CHECK-DAG:   %[[Z:.+]] = tenon.unpack %{{.*}} {layout = #cpu.panels<width = 24>} : (tensor<1x1x2x24xi4>) -> tensor<2x19xi4>
//       CHECK:   %[[W:.+]] = tenon.dequantize_blocks %[[Q]], %[[S]], %[[Z]] {axis = 0 : i64, block_size = 16 : i64}
//       CHECK:   tenon.matmul %{{.*}}, %[[W]] : (tensor<1x20xf32>, tensor<20x19xf32>) -> tensor<1x19xf32>
func.func @codes(%x: tensor<1x20xf32>) -> tensor<1x19xf32> {
  %q = tenon.constant dense<1> : tensor<19x20xi4>
  %s = tenon.constant dense<1.0> : tensor<19x2xf32>
  %z = tenon.constant dense<2> : tensor<19x2xi4>
  %w = tenon.dequantize_blocks %q, %s, %z {axis = 1, block_size = 16} : (tensor<19x20xi4>, tensor<19x2xf32>, tensor<19x2xi4>) -> tensor<19x20xf32>
  %y = tenon.matmul %x, %w {transposeRhs} : (tensor<1x20xf32>, tensor<19x20xf32>) -> tensor<1x19xf32>
  return %y : tensor<1x19xf32>
}
