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

// Attention with work for all multiprocessors: as many rows as tiles have, and the keys that fit beside them.
// CHECK-LABEL: tenon.kernel @attention(
//  CHECK-SAME:   schedule = #cuda.attention_schedule<>,
//  CHECK-SAME:   tasks = affine_map<() -> (256)>
tenon.kernel @attention(%q: tensor<16x8x128x64xf32>, %k: tensor<16x8x128x64xf32>) -> tensor<16x8x128x64xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<16x8x128x64xf32>, tensor<16x8x128x64xf32>, tensor<16x8x128x64xf32>) -> tensor<16x8x128x64xf32>
  tenon.yield %0 : tensor<16x8x128x64xf32>
}

// One query: heads that share keys are the rows of a tile.
// CHECK-LABEL: tenon.kernel @decoder(
//  CHECK-SAME:   schedule = #cuda.attention_schedule<tile_rows = 16>,
//  CHECK-SAME:   tasks = affine_map<() -> (4)>
tenon.kernel @decoder(%q: tensor<1x32x1x128xf32>, %k: tensor<1x4x500x128xf32>) -> tensor<1x32x1x128xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<1x32x1x128xf32>, tensor<1x4x500x128xf32>, tensor<1x4x500x128xf32>) -> tensor<1x32x1x128xf32>
  tenon.yield %0 : tensor<1x32x1x128xf32>
}

// Halves, on matrix units: as many rows as a block of four warps has, and few steps of many keys.
// CHECK-LABEL: tenon.kernel @attention_of_halves(
//  CHECK-SAME:   schedule = #cuda.attention_tile_schedule<tile_keys = 128, mma = <mma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (2048)>
tenon.kernel @attention_of_halves(%q: tensor<16x8x1024x64xf16>, %k: tensor<16x8x1024x64xf16>) -> tensor<16x8x1024x64xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<16x8x1024x64xf16>, tensor<16x8x1024x64xf16>, tensor<16x8x1024x64xf16>) -> tensor<16x8x1024x64xf32>
  tenon.yield %0 : tensor<16x8x1024x64xf32>
}

// One query: warps share the keys of each step.
// CHECK-LABEL: tenon.kernel @decoder_of_halves(
//  CHECK-SAME:   schedule = #cuda.attention_tile_schedule<tile_rows = 16, tile_keys = 128, slices = 4, mma = <mma>>,
tenon.kernel @decoder_of_halves(%q: tensor<1x32x1x128xf16>, %k: tensor<1x4x500x128xf16>) -> tensor<1x32x1x128xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<1x32x1x128xf16>, tensor<1x4x500x128xf16>, tensor<1x4x500x128xf16>) -> tensor<1x32x1x128xf32>
  tenon.yield %0 : tensor<1x32x1x128xf32>
}

// What may be rounded to tf32 is.
// CHECK-LABEL: tenon.kernel @attention_of_tf32(
//  CHECK-SAME:   schedule = #cuda.attention_tile_schedule<tile_rows = 16, slices = 4, mma = <mma_tf32>>,
tenon.kernel @attention_of_tf32(%q: tensor<1x8x128x128xf32>, %k: tensor<1x8x500x128xf32>) -> tensor<1x8x128x128xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0, tenon.multiplied_type = tf32} : (tensor<1x8x128x128xf32>, tensor<1x8x500x128xf32>, tensor<1x8x500x128xf32>) -> tensor<1x8x128x128xf32>
  tenon.yield %0 : tensor<1x8x128x128xf32>
}

// Keys of f32 beside queries of halves, which nobody allows to round; and values whose neighbours in memory are heads.
// CHECK-LABEL: tenon.kernel @exact_keys(
//  CHECK-SAME:   schedule = #cuda.attention_schedule<
tenon.kernel @exact_keys(%q: tensor<1x8x128x64xf16>, %k: tensor<1x8x500x64xf32>) -> tensor<1x8x128x64xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<1x8x128x64xf16>, tensor<1x8x500x64xf32>, tensor<1x8x500x64xf32>) -> tensor<1x8x128x64xf32>
  tenon.yield %0 : tensor<1x8x128x64xf32>
}
// CHECK-LABEL: tenon.kernel @scattered_values(
//  CHECK-SAME:   schedule = #cuda.attention_schedule<
tenon.kernel @scattered_values(%q: tensor<1x8x128x64xf16>, %v: tensor<1x128x64x8xf16>) -> tensor<1x8x128x64xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %q, %v {scale = 1.0, valueOrder = array<i64: 0, 3, 1, 2>} : (tensor<1x8x128x64xf16>, tensor<1x8x128x64xf16>, tensor<1x128x64x8xf16>) -> tensor<1x8x128x64xf32>
  tenon.yield %0 : tensor<1x8x128x64xf32>
}

// Matrix units: for a product that is bound by them, tiles of which a warp reads the least, and as many rows of tiles at
// a time as make those that run at a time a square.
// CHECK-LABEL: tenon.kernel @square(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_rows = 256, warp_columns = 64, band = 4, mma = <mma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (2048)>
tenon.kernel @square(%x: tensor<8192x8192xf16>, %w: tensor<8192x8192xf16>) -> tensor<8192x8192xf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<8192x8192xf16>, tensor<8192x8192xf16>) -> tensor<8192x8192xf16>
  tenon.yield %0 : tensor<8192x8192xf16>
}

// Fewer: all multiprocessors have a tile, and both operands are in the second cache.
// CHECK-LABEL: tenon.kernel @middle(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<depth = 64, mma = <mma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (64)>
tenon.kernel @middle(%x: tensor<1024x1024xf16>, %w: tensor<1024x1024xf16>) -> tensor<1024x1024xf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf16>, tensor<1024x1024xf16>) -> tensor<1024x1024xf16>
  tenon.yield %0 : tensor<1024x1024xf16>
}

// Very few rows of weights that can be laid out: reading these is all that takes time. As many warps as hide it come before
// more columns for each.
// CHECK-LABEL: tenon.kernel @one_token(
//  CHECK-SAME:   schedule = #cuda.gemv_schedule<columns = 1>,
//  CHECK-SAME:   tasks = affine_map<() -> (512)>
tenon.kernel @one_token(%x: tensor<1x4096xbf16>, %w: tensor<4096x4096xbf16> {tenon.weights}) -> tensor<1x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<1x4096xf32>
  tenon.yield %0 : tensor<1x4096xf32>
}
// CHECK-LABEL: tenon.kernel @vocabulary(
//  CHECK-SAME:   schedule = #cuda.gemv_schedule<lanes = 4>,
tenon.kernel @vocabulary(%x: tensor<4x1024xf32>, %w: tensor<32000x1024xf32>) -> tensor<4x32000xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<4x1024xf32>, tensor<32000x1024xf32>) -> tensor<4x32000xf32>
  tenon.yield %0 : tensor<4x32000xf32>
}

// Too few columns for all warps: those of a block share the depth.
// CHECK-LABEL: tenon.kernel @few_columns(
//  CHECK-SAME:   schedule = #cuda.gemv_schedule<columns = 1, slices = 8>,
//  CHECK-SAME:   tasks = affine_map<() -> (768)>
tenon.kernel @few_columns(%x: tensor<1x4096xbf16>, %w: tensor<4096x768xbf16> {tenon.weights}) -> tensor<1x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x4096xbf16>, tensor<4096x768xbf16>) -> tensor<1x768xf32>
  tenon.yield %0 : tensor<1x768xf32>
}

// Weights in blocks are read as codes, of which a lane has neighbours in one block.
// CHECK-LABEL: tenon.kernel @codes(
//  CHECK-SAME:   schedule = #cuda.gemv_schedule<columns = 1>,
tenon.kernel @codes(%x: tensor<8x4096xf32>, %q: tensor<4096x4096xui4> {tenon.weights}, %s: tensor<4096x128xf32> {tenon.weights}) -> tensor<8x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 1, block_size = 32} : (tensor<4096x4096xui4>, tensor<4096x128xf32>) -> tensor<4096x4096xf32>
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<8x4096xf32>, tensor<4096x4096xf32>) -> tensor<8x4096xf32>
  tenon.yield %0 : tensor<8x4096xf32>
}

// Columns that lie side by side are read as rows of tiles; more rows, on matrix units.
// CHECK-LABEL: tenon.kernel @unknown_columns(
//  CHECK-SAME:   schedule = #cuda.contraction_schedule<tile_rows = 16,
tenon.kernel @unknown_columns(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32>) -> tensor<1x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x4096xf32>, tensor<4096x4096xf32>) -> tensor<1x4096xf32>
  tenon.yield %0 : tensor<1x4096xf32>
}
// CHECK-LABEL: tenon.kernel @sixteen_rows(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_rows = 16,
tenon.kernel @sixteen_rows(%x: tensor<16x4096xf16>, %w: tensor<4096x4096xf16> {tenon.weights}) -> tensor<16x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x4096xf16>, tensor<4096x4096xf16>) -> tensor<16x4096xf32>
  tenon.yield %0 : tensor<16x4096xf32>
}

// Few rows: tiles of sixteen, of which many run at a time.
// CHECK-LABEL: tenon.kernel @few_rows(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_rows = 16, tile_columns = 64, depth = 64, warp_rows = 16, warp_columns = 16, mma = <mma>>,
tenon.kernel @few_rows(%x: tensor<8x4096xbf16>, %w: tensor<4096x4096xbf16>) -> tensor<8x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<8x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<8x4096xf32>
  tenon.yield %0 : tensor<8x4096xf32>
}

// Bytes of either sign: steps are as long in memory, and so twice as deep.
// CHECK-LABEL: tenon.kernel @bytes(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_columns = 32, depth = 64, warp_rows = 32, mma = <mma>>,
tenon.kernel @bytes(%x: tensor<512x1024xui8>, %w: tensor<1024x512xi8>) -> tensor<512x512xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<512x1024xui8>, tensor<1024x512xi8>) -> tensor<512x512xi32>
  tenon.yield %0 : tensor<512x512xi32>
}

// f32 where it may be rounded.
// CHECK-LABEL: tenon.kernel @rounded(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_rows = 64, tile_columns = 64, warp_rows = 32, mma = <mma_tf32>>,
tenon.kernel @rounded(%x: tensor<512x1024xf32>, %w: tensor<1024x512xf32>) -> tensor<512x512xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.multiplied_type = tf32} : (tensor<512x1024xf32>, tensor<1024x512xf32>) -> tensor<512x512xf32>
  tenon.yield %0 : tensor<512x512xf32>
}

// f32 beside halves, where it may be rounded to these; else both are multiplied by FMAs.
// CHECK-LABEL: tenon.kernel @mixed(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_rows = 64, tile_columns = 64, depth = 64, warp_rows = 32, mma = <mma>>,
tenon.kernel @mixed(%x: tensor<512x1024xf32>, %w: tensor<1024x512xbf16>) -> tensor<512x512xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.multiplied_type = bf16} : (tensor<512x1024xf32>, tensor<1024x512xbf16>) -> tensor<512x512xf32>
  tenon.yield %0 : tensor<512x512xf32>
}
// CHECK-LABEL: tenon.kernel @exact(
//  CHECK-SAME:   schedule = #cuda.contraction_schedule<
tenon.kernel @exact(%x: tensor<512x1024xf32>, %w: tensor<1024x512xbf16>) -> tensor<512x512xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<512x1024xf32>, tensor<1024x512xbf16>) -> tensor<512x512xf32>
  tenon.yield %0 : tensor<512x512xf32>
}

// Three channels are no chunks: where elements are computed one by one, threads have registers for few of them.
// CHECK-LABEL: tenon.kernel @scattered(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<tile_rows = 32, tile_columns = 64, warp_rows = 16, mma = <mma>>,
tenon.kernel @scattered(%x: tensor<1x230x230x3xf16>, %w: tensor<7x7x3x64xf16> {tenon.weights}) -> tensor<1x112x112x64xf16> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>} : (tensor<1x230x230x3xf16>, tensor<7x7x3x64xf16>) -> tensor<1x112x112x64xf16>
  tenon.yield %0 : tensor<1x112x112x64xf16>
}
