// RUN: tenon-opt %s --tenon-assign-schedules=target=x86-64-v4 | FileCheck %s --check-prefixes=CHECK,V4
// RUN: tenon-opt %s --tenon-assign-schedules=target=x86-64-v3 | FileCheck %s --check-prefixes=CHECK,V3
// RUN: not tenon-opt %s --tenon-assign-schedules=target=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: z80

// Vectors as wide as the target's; all sums of a tile fit its registers: 24 of 32 with AVX-512, 12 of
// 16 with AVX2. (The tile is tile_rows times tile_vectors.)
// CHECK-LABEL: tenon.kernel @large
//    V4-SAME:   lanes = 16 : i64
//    V4-SAME:   tile_rows = 12 : i64, tile_vectors = 2 : i64
//    V3-SAME:   lanes = 8 : i64
//    V3-SAME:   tile_rows = 6 : i64, tile_vectors = 2 : i64
tenon.kernel @large(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> attributes {kernel_class = 1 : i32} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  tenon.yield %0 : tensor<1024x1024xf32>
}

// One row fills the registers with columns.
// CHECK-LABEL: tenon.kernel @one_row
//    V4-SAME:   tile_rows = 1 : i64, tile_vectors = 8 : i64
tenon.kernel @one_row(%x: tensor<1x256xf32>, %w: tensor<256x1024xf32>) -> tensor<1x1024xf32> attributes {kernel_class = 1 : i32} {
  %0 = tenon.matmul %x, %w : (tensor<1x256xf32>, tensor<256x1024xf32>) -> tensor<1x1024xf32>
  tenon.yield %0 : tensor<1x1024xf32>
}

// A schedule that is there already stays: a person's or a tuner's.
// CHECK-LABEL: tenon.kernel @by_hand
//  CHECK-SAME:   schedule = {block_tiles = 1 : i64, lanes = 8 : i64, pack_input = 0 : i64, pack_weights = 0 : i64, prefer_split_panels = 0 : i64, prefetch_lines = 0 : i64, tile_lines = 1 : i64, tile_rows = 3 : i64, tile_vectors = 1 : i64, unroll_k = 2 : i64}
tenon.kernel @by_hand(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> attributes {kernel_class = 1 : i32, schedule = {block_tiles = 1, lanes = 8, pack_input = 0, pack_weights = 0, prefer_split_panels = 0, prefetch_lines = 0, tile_lines = 1, tile_rows = 3, tile_vectors = 1, unroll_k = 2}} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  tenon.yield %0 : tensor<1024x1024xf32>
}

// Kernels of rows need none.
// CHECK-LABEL: tenon.kernel @rows
//   CHECK-NOT:   schedule
tenon.kernel @rows(%x: tensor<8xf32>) -> tensor<8xf32> attributes {kernel_class = 0 : i32} {
  %0 = tenon.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
