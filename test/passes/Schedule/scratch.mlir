// What memory each task of a kernel needs for itself, by its root and schedule: whole lines of 64 bytes.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v4 --tenon-assign-schedules | FileCheck %s

// A tile of packed input, a panel of packed weights, and what packing writes beyond them.
// CHECK-LABEL: tenon.kernel @packs(
//  CHECK-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 2, tile_vectors = 2, block_tiles = 1, pack_input = true, pack_weights = true>, scratch = affine_map<() -> (51200)>
tenon.kernel @packs(%x: tensor<64x256xf32>, %w: tensor<256x64xf32>) -> tensor<64x64xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 2, tile_vectors = 2, block_tiles = 1, pack_input = true, pack_weights = true>} {
  %0 = tenon.matmul %x, %w : (tensor<64x256xf32>, tensor<256x64xf32>) -> tensor<64x64xf32>
  tenon.yield %0 : tensor<64x64xf32>
}

// The same for each channel of a depth that only a run tells.
// CHECK-LABEL: tenon.kernel @unknown_depth(
//  CHECK-SAME:   scratch = affine_map<()[s0] -> (s0 * 128 + 2048)>
tenon.kernel @unknown_depth(%x: tensor<64x?xf32, affine_map<()[s0] -> (64, s0)>>, %w: tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>) -> tensor<64x64xf32> attributes {strategy = "contraction", num_symbols = 1 : i64, schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 3, tile_vectors = 2, pack_weights = true>} {
  %0 = tenon.matmul %x, %w : (tensor<64x?xf32, affine_map<()[s0] -> (64, s0)>>, tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>) -> tensor<64x64xf32>
  tenon.yield %0 : tensor<64x64xf32>
}

// Nothing is packed: there is no need, whatever was written before.
// CHECK-LABEL: tenon.kernel @packs_nothing(
//   CHECK-NOT:   scratch
//       CHECK:   tenon.matmul
tenon.kernel @packs_nothing(%x: tensor<64x256xf32>, %w: tensor<256x64xf32>) -> tensor<64x64xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 2, tile_vectors = 2>, scratch = affine_map<() -> (64)>} {
  %0 = tenon.matmul %x, %w : (tensor<64x256xf32>, tensor<256x64xf32>) -> tensor<64x64xf32>
  tenon.yield %0 : tensor<64x64xf32>
}

// Transformed tiles and their products.
// CHECK-LABEL: tenon.kernel @winograd(
//  CHECK-SAME:   scratch = affine_map<() -> (688128)>, strategy = "winograd"
tenon.kernel @winograd(%x: tensor<1x34x34x64xf32>, %w: tensor<3x3x64x64xf32> {tenon.weights}) -> tensor<1x32x32x64xf32> attributes {strategy = "winograd"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x34x34x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x32x32x64xf32>
  tenon.yield %0 : tensor<1x32x32x64xf32>
}

// Scores and packed keys and values: bounded by the blocks of the schedule, whatever the lengths.
// CHECK-LABEL: tenon.kernel @attention(
//  CHECK-SAME:   scratch = affine_map<() -> (342336)>, strategy = "attention"
tenon.kernel @attention(%q: tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>, %k: tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>, %v: tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>) -> tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>> attributes {strategy = "attention", num_symbols = 1 : i64} {
  %0 = tenon.attention %q, %k, %v {scale = 1.25e-1} : (tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>, tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>, tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>) -> tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>
  tenon.yield %0 : tensor<2x?x64xf32, affine_map<()[s0] -> (2, s0, 64)>>
}

// A function of the library says its need; 72 bytes are two lines.
// CHECK-LABEL: tenon.kernel @library(
//  CHECK-SAME:   scratch = affine_map<() -> (128)>, strategy = "library"
tenon.kernel @library(%x: tensor<5x3x3xf32>) -> (tensor<5xf32>, tensor<2xi64>) attributes {strategy = "library"} {
  %0 = tenon.det %x : (tensor<5x3x3xf32>) -> tensor<5xf32>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xf32>, tensor<2xi64>
}

// One for matrices of any size.
// CHECK-LABEL: tenon.kernel @unknown_library(
//  CHECK-SAME:   scratch = affine_map<()[s0, s1] -> ((((s1 * s1) * 8) ceildiv 64) * 64)>
tenon.kernel @unknown_library(%x: tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0, s1, s1)>>) -> (tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>, tensor<2xi64>) attributes {strategy = "library", num_symbols = 2 : i64} {
  %0 = tenon.det %x : (tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0, s1, s1)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>, tensor<2xi64>
}

// Elements one by one need no memory.
// CHECK-LABEL: tenon.kernel @rows(
//   CHECK-NOT:   scratch
tenon.kernel @rows(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  %0 = tenon.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
