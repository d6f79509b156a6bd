// Codes of few rows: how many vectors one row takes, what is prefetched beside them, and what is chosen where only a run
// tells how many rows there are.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=znver4 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,ZEN4
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V3

// Eight vectors that the processor itself reads ahead, or four and a prefetch of the next panel.
// CHECK-LABEL: tenon.kernel @one_row(
//   ZEN4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_vectors = 8, block_tiles = 1, packed = true, pack_input = true, prefer_split_panels = true>,
//     V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 4, block_tiles = 1, packed = true, pack_input = true, prefetch_lines = 2, prefer_split_panels = true>,
tenon.kernel @one_row(%x: tensor<1x1024xf32>, %q: tensor<1024x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<1x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x4096xi4>, tensor<32x4096xf32>) -> tensor<1024x4096xf32>
  %0 = tenon.matmul %x, %w : (tensor<1x1024xf32>, tensor<1024x4096xf32>) -> tensor<1x4096xf32>
  tenon.yield %0 : tensor<1x4096xf32>
}

// 65 vectors are eleven panels of six; nine of eight would have more than a sixteenth of padding.
// CHECK-LABEL: tenon.kernel @little_padding(
//   ZEN4-SAME:   tile_vectors = 6,
//     V3-SAME:   tile_vectors = 4,
tenon.kernel @little_padding(%x: tensor<1x1024xf32>, %q: tensor<1024x1040xi4> {tenon.weights}, %s: tensor<32x1040xf32> {tenon.weights}) -> tensor<1x1040xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x1040xi4>, tensor<32x1040xf32>) -> tensor<1024x1040xf32>
  %0 = tenon.matmul %x, %w : (tensor<1x1024xf32>, tensor<1024x1040xf32>) -> tensor<1x1040xf32>
  tenon.yield %0 : tensor<1x1040xf32>
}

// Panels for several tasks come first.
// CHECK-LABEL: tenon.kernel @few_panels(
//  CHECK-SAME:   tile_vectors = 4,
tenon.kernel @few_panels(%x: tensor<1x1024xf32>, %q: tensor<1024x512xi4> {tenon.weights}, %s: tensor<32x512xf32> {tenon.weights}) -> tensor<1x512xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x512xi4>, tensor<32x512xf32>) -> tensor<1024x512xf32>
  %0 = tenon.matmul %x, %w : (tensor<1x1024xf32>, tensor<1024x512xf32>) -> tensor<1x512xf32>
  tenon.yield %0 : tensor<1x512xf32>
}

// Eight rows are two tiles that share what becomes of a code.
// CHECK-LABEL: tenon.kernel @eight_rows(
//   ZEN4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true, pack_input = true, prefer_split_panels = true>,
//     V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 3, tile_vectors = 2, block_tiles = 1, packed = true, pack_input = true, prefetch_lines = 1, prefer_split_panels = true>,
tenon.kernel @eight_rows(%x: tensor<8x1024xf32>, %q: tensor<1024x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<8x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x4096xi4>, tensor<32x4096xf32>) -> tensor<1024x4096xf32>
  %0 = tenon.matmul %x, %w : (tensor<8x1024xf32>, tensor<1024x4096xf32>) -> tensor<8x4096xf32>
  tenon.yield %0 : tensor<8x4096xf32>
}

// Panels are decoded for many rows, and multiplied as they are, several side by side, for one.
// CHECK-LABEL: tenon.kernel @any_rows(
//   ZEN4-SAME:   tile_rows = 12, tile_vectors = 2, block_tiles = 10, packed = true, pack_input = true, pack_weights = true, prefer_split_panels = true, few_rows = 4, row_vectors = 8>,
//     V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, packed = true, pack_weights = true, prefer_split_panels = true, few_rows = 3, row_vectors = 4>,
tenon.kernel @any_rows(%x: tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>, %q: tensor<1024x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<?x4096xf32, affine_map<()[s0] -> (s0, 4096)>> attributes {strategy = "contraction", num_symbols = 1 : i64} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x4096xi4>, tensor<32x4096xf32>) -> tensor<1024x4096xf32>
  %0 = tenon.matmul %x, %w : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>, tensor<1024x4096xf32>) -> tensor<?x4096xf32, affine_map<()[s0] -> (s0, 4096)>>
  tenon.yield %0 : tensor<?x4096xf32, affine_map<()[s0] -> (s0, 4096)>>
}
