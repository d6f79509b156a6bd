// What the cost model of GPUs chooses, and why it is so. Fields that are not printed have their defaults: each schedule is
// compared as a whole. `tasks` are the blocks of a launch.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cuda:sm_80 --tenon-assign-schedules | FileCheck %s

// Pointwise: four elements of a thread, and as many threads as that needs.
// CHECK-LABEL: tenon.kernel @pointwise(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<team = 1>,
//  CHECK-SAME:   tasks = affine_map<() -> (4)>
tenon.kernel @pointwise(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {strategy = "rows"} {
  %0 = tenon.relu %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  tenon.yield %0 : tensor<64x64xf32>
}

// Values that are needed to the end are in registers all the way, and fewer elements of each fit.
// CHECK-LABEL: tenon.kernel @long(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<lanes = 2, team = 1>,
tenon.kernel @long(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {strategy = "rows"} {
  %0 = tenon.exp %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = tenon.log %0 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %2 = tenon.sin %1 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %3 = tenon.cos %2 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %4 = tenon.exp %3 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %5 = tenon.log %4 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %6 = tenon.sin %5 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %7 = tenon.cos %6 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %8 = tenon.exp %7 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %9 = tenon.log %8 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %10 = tenon.sin %9 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %11 = tenon.cos %10 : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %12 = tenon.add %11, %10 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %13 = tenon.add %12, %9 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %14 = tenon.add %13, %8 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %15 = tenon.add %14, %7 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %16 = tenon.add %15, %6 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %17 = tenon.add %16, %5 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %18 = tenon.add %17, %4 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %19 = tenon.add %18, %3 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %20 = tenon.add %19, %2 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %21 = tenon.add %20, %1 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %22 = tenon.add %21, %0 : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  tenon.yield %22 : tensor<64x64xf32>
}

// What moves elements reads them one by one.
// CHECK-LABEL: tenon.kernel @moves(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<lanes = 1, team = 1>,
//  CHECK-SAME:   tasks = affine_map<() -> (16)>
tenon.kernel @moves(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {strategy = "rows"} {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<64x64xf32>) -> tensor<64x64xf32>
  tenon.yield %0 : tensor<64x64xf32>
}

// A warp for each row, whose lanes all have something to do with two elements each.
// CHECK-LABEL: tenon.kernel @warp(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<lanes = 2>,
//  CHECK-SAME:   tasks = affine_map<() -> (16)>
tenon.kernel @warp(%x: tensor<128x64xf32>) -> tensor<128x1xf32> attributes {strategy = "rows"} {
  %0 = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<128x64xf32>) -> tensor<128x1xf32>
  tenon.yield %0 : tensor<128x1xf32>
}

// Few long rows: a block for each.
// CHECK-LABEL: tenon.kernel @block(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<team = 256>,
//  CHECK-SAME:   tasks = affine_map<() -> (2)>
tenon.kernel @block(%x: tensor<2x8192xf32>) -> tensor<2x1xf32> attributes {strategy = "rows"} {
  %0 = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<2x8192xf32>) -> tensor<2x1xf32>
  tenon.yield %0 : tensor<2x1xf32>
}

// The last dimension stays: each thread has rows of its own.
// CHECK-LABEL: tenon.kernel @columns(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<team = 1>,
tenon.kernel @columns(%x: tensor<64x1024xf32>) -> tensor<1x1024xf32> attributes {strategy = "rows"} {
  %0 = tenon.reduce sum %x {axes = array<i64: 0>} : (tensor<64x1024xf32>) -> tensor<1x1024xf32>
  tenon.yield %0 : tensor<1x1024xf32>
}

// Enough tiles for two on each of 108 multiprocessors: the largest.
// CHECK-LABEL: tenon.kernel @large(
//  CHECK-SAME:   schedule = #cuda.contraction_schedule<tile_rows = 128, tile_columns = 128, depth = 8, thread_rows = 8, thread_columns = 8, mma = <fma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (256)>
tenon.kernel @large(%x: tensor<2048x64xf32>, %w: tensor<64x2048xf32>) -> tensor<2048x2048xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<2048x64xf32>, tensor<64x2048xf32>) -> tensor<2048x2048xf32>
  tenon.yield %0 : tensor<2048x2048xf32>
}

// Few tiles: smaller ones, for more multiprocessors.
// CHECK-LABEL: tenon.kernel @small(
//  CHECK-SAME:   schedule = #cuda.contraction_schedule<tile_rows = 32, tile_columns = 32, thread_rows = 2, thread_columns = 2, mma = <fma>>,
tenon.kernel @small(%x: tensor<256x64xf32>, %w: tensor<64x256xf32>) -> tensor<256x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<256x64xf32>, tensor<64x256xf32>) -> tensor<256x256xf32>
  tenon.yield %0 : tensor<256x256xf32>
}

// One row: tiles as wide as can be.
// CHECK-LABEL: tenon.kernel @one_row(
//  CHECK-SAME:   schedule = #cuda.contraction_schedule<tile_rows = 16, thread_rows = 1, mma = <fma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (4)>
tenon.kernel @one_row(%x: tensor<1x64xf32>, %w: tensor<64x256xf32>) -> tensor<1x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x64xf32>, tensor<64x256xf32>) -> tensor<1x256xf32>
  tenon.yield %0 : tensor<1x256xf32>
}

// One filter per channel: elements one by one.
// CHECK-LABEL: tenon.kernel @depthwise(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<lanes = 1, team = 1>, strategy = "rows"
tenon.kernel @depthwise(%x: tensor<1x10x10x32xf32>, %w: tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64} : (tensor<1x10x10x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x8x8x32xf32>
  tenon.yield %0 : tensor<1x8x8x32xf32>
}
