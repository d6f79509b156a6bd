// Every field of the schedules that the cost model of CPUs chooses, and why it is so. Fields that are not printed have
// their defaults: each schedule is compared as a whole.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v4 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V4
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V3

// Known weights that stay in half of the second cache, so a tile's input is read once for all panels
// (block_tiles = 1). They are more bytes than the input: tasks share panels.
// CHECK-LABEL: tenon.kernel @more_weights(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
tenon.kernel @more_weights(%x: tensor<16x64xf32>, %w: tensor<64x256xf32> {tenon.weights}) -> tensor<16x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xf32>, tensor<64x256xf32>) -> tensor<16x256xf32>
  tenon.yield %0 : tensor<16x256xf32>
}

// More input than weights: tasks share tiles.
// CHECK-LABEL: tenon.kernel @more_input(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1, packed = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true>,
tenon.kernel @more_input(%x: tensor<4096x64xf32>, %w: tensor<64x64xf32> {tenon.weights}) -> tensor<4096x64xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4096x64xf32>, tensor<64x64xf32>) -> tensor<4096x64xf32>
  tenon.yield %0 : tensor<4096x64xf32>
}

// Weights that leave the cache are visited panel by panel, and the next one is fetched meanwhile: two tiles of
// 12 rows share that, or four of 6.
// CHECK-LABEL: tenon.kernel @prefetch(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, packed = true, prefetch_lines = 4, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, packed = true, prefetch_lines = 2, prefer_split_panels = true>,
tenon.kernel @prefetch(%x: tensor<24x512xf32>, %w: tensor<512x4096xf32> {tenon.weights}) -> tensor<24x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<24x512xf32>, tensor<512x4096xf32>) -> tensor<24x4096xf32>
  tenon.yield %0 : tensor<24x4096xf32>
}

// Rows of 4 KB fight for the same sets of the nearest cache if a tile has many: with AVX-512 the input is packed,
// and ten packed tiles stay in half of the second cache. 84 tiles share the prefetching, a line each.
// CHECK-LABEL: tenon.kernel @collide(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 10, packed = true, pack_input = true, prefetch_lines = 1, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, packed = true, prefetch_lines = 1, prefer_split_panels = true>,
tenon.kernel @collide(%x: tensor<1000x1024xf32>, %w: tensor<1024x1024xf32> {tenon.weights}) -> tensor<1000x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1000x1024xf32>, tensor<1024x1024xf32>) -> tensor<1000x1024xf32>
  tenon.yield %0 : tensor<1000x1024xf32>
}

// Weights that only a run tells are packed by each task, a panel at a time. 17 tiles of 6 rows become 20, which
// four tasks can share.
// CHECK-LABEL: tenon.kernel @run_time(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 9, tile_vectors = 2, pack_weights = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 5, tile_vectors = 2, pack_weights = true, prefer_split_panels = true>,
tenon.kernel @run_time(%x: tensor<100x64xf32>, %w: tensor<64x256xf32>) -> tensor<100x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<100x64xf32>, tensor<64x256xf32>) -> tensor<100x256xf32>
  tenon.yield %0 : tensor<100x256xf32>
}

// Transposed ones too, with enough rows to pay for it.
// CHECK-LABEL: tenon.kernel @transposed(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 9, tile_vectors = 2, pack_weights = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 5, tile_vectors = 2, pack_weights = true, prefer_split_panels = true>,
tenon.kernel @transposed(%x: tensor<100x64xf32>, %w: tensor<256x64xf32>) -> tensor<100x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<100x64xf32>, tensor<256x64xf32>) -> tensor<100x256xf32>
  tenon.yield %0 : tensor<100x256xf32>
}

// Lines of three outputs: a tile has several of them.
// CHECK-LABEL: tenon.kernel @lines(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 3, tile_vectors = 2, tile_lines = 4, block_tiles = 1, packed = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 3, tile_vectors = 2, tile_lines = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
tenon.kernel @lines(%x: tensor<1x9x5x32xf32>, %w: tensor<3x3x32x32xf32> {tenon.weights}) -> tensor<1x7x3x32xf32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x9x5x32xf32>, tensor<3x3x32x32xf32>) -> tensor<1x7x3x32xf32>
  tenon.yield %0 : tensor<1x7x3x32xf32>
}

// Half as many lanes.
// CHECK-LABEL: tenon.kernel @f64(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 9, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 4, tile_rows = 5, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
tenon.kernel @f64(%x: tensor<100x64xf64>, %w: tensor<64x256xf64> {tenon.weights}) -> tensor<100x256xf64> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<100x64xf64>, tensor<64x256xf64>) -> tensor<100x256xf64>
  tenon.yield %0 : tensor<100x256xf64>
}

// An image that stays in the second cache: as wide a tile as there are registers for sums. Nine weights more fit
// 32 registers, and not 16.
// CHECK-LABEL: tenon.kernel @near(
//    V4-SAME:   schedule = #cpu.depthwise_schedule<lanes = 16, tile_rows = 16, keep_weights = true>,
//    V3-SAME:   schedule = #cpu.depthwise_schedule<lanes = 8, tile_rows = 8>,
tenon.kernel @near(%x: tensor<1x16x16x32xf32>, %w: tensor<3x3x1x32xf32>) -> tensor<1x14x14x32xf32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x16x16x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x14x14x32xf32>
  tenon.yield %0 : tensor<1x14x14x32xf32>
}

// 25 weights fit neither.
// CHECK-LABEL: tenon.kernel @many_taps(
//    V4-SAME:   schedule = #cpu.depthwise_schedule<lanes = 16, tile_rows = 16>,
//    V3-SAME:   schedule = #cpu.depthwise_schedule<lanes = 8, tile_rows = 8>,
tenon.kernel @many_taps(%x: tensor<1x18x18x32xf32>, %w: tensor<5x5x1x32xf32>) -> tensor<1x14x14x32xf32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x18x18x32xf32>, tensor<5x5x1x32xf32>) -> tensor<1x14x14x32xf32>
  tenon.yield %0 : tensor<1x14x14x32xf32>
}

// A larger image is streamed, and windows that do not overlap have no lines in common.
// CHECK-LABEL: tenon.kernel @streamed(
//    V4-SAME:   schedule = #cpu.depthwise_schedule<lanes = 16, tile_rows = 8, channels_inside = true, prefetch_input = true>,
//    V3-SAME:   schedule = #cpu.depthwise_schedule<lanes = 8, tile_rows = 8, channels_inside = true, prefetch_input = true>,
tenon.kernel @streamed(%x: tensor<1x115x115x32xf32>, %w: tensor<3x3x1x32xf32>) -> tensor<1x38x38x32xf32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 3, 3>, dilations = array<i64: 1, 1>} : (tensor<1x115x115x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x38x38x32xf32>
  tenon.yield %0 : tensor<1x38x38x32xf32>
}

// Filters of 64 channels, transformed, stay in the second cache, and so does a block of seven or eight tiles.
// CHECK-LABEL: tenon.kernel @winograd_small(
//    V4-SAME:   schedule = #cpu.winograd_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 7>,
//    V3-SAME:   schedule = #cpu.winograd_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 8>,
tenon.kernel @winograd_small(%x: tensor<1x30x30x64xf32>, %w: tensor<3x3x64x64xf32> {tenon.weights}) -> tensor<1x28x28x64xf32> attributes {strategy = "winograd"} {
  %0 = tenon.conv %x, %w {groups = 1, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x30x30x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32>
  tenon.yield %0 : tensor<1x28x28x64xf32>
}

// Those of 256 leave it: they are prefetched, and their blocks are smaller.
// CHECK-LABEL: tenon.kernel @winograd_large(
//    V4-SAME:   schedule = #cpu.winograd_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 2, prefetch_lines = 4>,
//    V3-SAME:   schedule = #cpu.winograd_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 2, prefetch_lines = 4>,
tenon.kernel @winograd_large(%x: tensor<1x30x30x256xf32>, %w: tensor<3x3x256x256xf32> {tenon.weights}) -> tensor<1x28x28x256xf32> attributes {strategy = "winograd"} {
  %0 = tenon.conv %x, %w {groups = 1, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x30x30x256xf32>, tensor<3x3x256x256xf32>) -> tensor<1x28x28x256xf32>
  tenon.yield %0 : tensor<1x28x28x256xf32>
}

// Filters of bytes become numbers of 16 bits.
// CHECK-LABEL: tenon.kernel @winograd_bytes(
//    V4-SAME:   schedule = #cpu.winograd_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 8, mma = <vpmaddwd>>,
//    V3-SAME:   schedule = #cpu.winograd_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 8, mma = <vpmaddwd>>,
tenon.kernel @winograd_bytes(%x: tensor<1x30x30x64xui8>, %w: tensor<3x3x64x64xi8> {tenon.weights}) -> tensor<1x28x28x64xi32> attributes {strategy = "winograd"} {
  %0 = tenon.conv %x, %w {groups = 1, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x30x30x64xui8>, tensor<3x3x64x64xi8>) -> tensor<1x28x28x64xi32>
  tenon.yield %0 : tensor<1x28x28x64xi32>
}

// Many queries: keys and values are packed to panels, both products have full tiles, and row blocks take the
// panels in turn.
// CHECK-LABEL: tenon.kernel @attention(
//    V4-SAME:   schedule = #cpu.attention_schedule<scores = <lanes = 16, tile_rows = 11, tile_vectors = 2, block_tiles = 1, packed = true>, values = <lanes = 16, tile_rows = 11, tile_vectors = 2, block_tiles = 1, packed = true>, lanes = 16, row_block = 11, key_block = 128, group_blocks = 17, pack_keys = true, pack_values = true>,
//    V3-SAME:   schedule = #cpu.attention_schedule<scores = <lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true>, values = <lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true>, lanes = 8, row_block = 6, key_block = 128, group_blocks = 32, pack_keys = true, pack_values = true>,
tenon.kernel @attention(%q: tensor<8x128x64xf32>, %k: tensor<8x128x64xf32>, %v: tensor<8x128x64xf32>) -> tensor<8x128x64xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %v {scale = 1.0} : (tensor<8x128x64xf32>, tensor<8x128x64xf32>, tensor<8x128x64xf32>) -> tensor<8x128x64xf32>
  tenon.yield %0 : tensor<8x128x64xf32>
}

// One query: dot products with the keys as they are, which stay in two blocks; as many sums of values as there are
// registers or columns.
// CHECK-LABEL: tenon.kernel @one_query(
//    V4-SAME:   schedule = #cpu.attention_schedule<scores = <lanes = 16, block_tiles = 1>, values = <lanes = 16, tile_vectors = 4, block_tiles = 1>, lanes = 16, key_block = 512, group_blocks = 192>,
//    V3-SAME:   schedule = #cpu.attention_schedule<scores = <lanes = 8, block_tiles = 1>, values = <lanes = 8, tile_vectors = 8, block_tiles = 1>, lanes = 8, key_block = 504, group_blocks = 192>,
tenon.kernel @one_query(%q: tensor<8x1x64xf32>, %k: tensor<8x1000x64xf32>, %v: tensor<8x1000x64xf32>) -> tensor<8x1x64xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %q, %k, %v {scale = 1.0} : (tensor<8x1x64xf32>, tensor<8x1000x64xf32>, tensor<8x1000x64xf32>) -> tensor<8x1x64xf32>
  tenon.yield %0 : tensor<8x1x64xf32>
}

// Four registers per trip and rows shared from eight on are the defaults.
// CHECK-LABEL: tenon.kernel @rows(
//    V4-SAME:   schedule = #cpu.rows_schedule<lanes = 16>,
//    V3-SAME:   schedule = #cpu.rows_schedule<lanes = 8>,
tenon.kernel @rows(%x: tensor<8x100xf32>) -> tensor<8x100xf32> attributes {strategy = "rows"} {
  %0 = tenon.relu %x : (tensor<8x100xf32>) -> tensor<8x100xf32>
  tenon.yield %0 : tensor<8x100xf32>
}

// Bytes: AVX2 and AVX-512 without VNNI widen them to 16 bits where they pack input, be it of several taps. The channels
// of neighbouring taps are one row of weights.
// CHECK-LABEL: tenon.kernel @bytes(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1, packed = true, pack_input = true, mma = <vpmaddwd>, merge_taps = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true, pack_input = true, mma = <vpmaddwd>, merge_taps = true>,
tenon.kernel @bytes(%x: tensor<1x26x26x16xi8>, %w: tensor<3x3x16x64xi8> {tenon.weights}) -> tensor<1x24x24x64xi32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x26x26x16xi8>, tensor<3x3x16x64xi8>) -> tensor<1x24x24x64xi32>
  tenon.yield %0 : tensor<1x24x24x64xi32>
}

// Weights that only a run tells are packed wherever rows share them, since bytes are read packed only.
// CHECK-LABEL: tenon.kernel @bytes_of_a_run(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 10, tile_vectors = 2, block_tiles = 32, pack_input = true, pack_weights = true, prefer_split_panels = true, mma = <vpmaddwd>>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 32, pack_input = true, pack_weights = true, prefer_split_panels = true, mma = <vpmaddwd>>,
tenon.kernel @bytes_of_a_run(%x: tensor<10x64xui8>, %w: tensor<64x256xi8>) -> tensor<10x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<10x64xui8>, tensor<64x256xi8>) -> tensor<10x256xi32>
  tenon.yield %0 : tensor<10x256xi32>
}

// One row reads them in place, channel by channel.
// CHECK-LABEL: tenon.kernel @one_row_of_bytes(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_vectors = 8, block_tiles = 1>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 8, block_tiles = 1>,
tenon.kernel @one_row_of_bytes(%x: tensor<1x64xui8>, %w: tensor<64x256xi8>) -> tensor<1x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x64xui8>, tensor<64x256xi8>) -> tensor<1x256xi32>
  tenon.yield %0 : tensor<1x256xi32>
}

// Integers of 32 bits are multiplied one by one.
// CHECK-LABEL: tenon.kernel @wide_integers(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true>,
tenon.kernel @wide_integers(%x: tensor<16x64xi32>, %w: tensor<64x256xi32> {tenon.weights}) -> tensor<16x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xi32>, tensor<64x256xi32>) -> tensor<16x256xi32>
  tenon.yield %0 : tensor<16x256xi32>
}

// Codes of a few bits are multiplied as they are with few rows: four vectors at most, as each has two sums. Input is
// prepared for them.
// CHECK-LABEL: tenon.kernel @codes_of_one_row(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_vectors = 4, block_tiles = 1, packed = true, pack_input = true, prefetch_lines = 4, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 4, block_tiles = 1, packed = true, pack_input = true, prefetch_lines = 2, prefer_split_panels = true>,
tenon.kernel @codes_of_one_row(%x: tensor<1x1024xf32>, %q: tensor<1024x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<1x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x4096xi4>, tensor<32x4096xf32>) -> tensor<1024x4096xf32>
  %0 = tenon.matmul %x, %w : (tensor<1x1024xf32>, tensor<1024x4096xf32>) -> tensor<1x4096xf32>
  tenon.yield %0 : tensor<1x4096xf32>
}

// With many rows a panel of them is decoded first.
// CHECK-LABEL: tenon.kernel @codes_of_many_rows(
//    V4-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, packed = true, pack_weights = true, prefer_split_panels = true>,
//    V3-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, packed = true, pack_weights = true, prefer_split_panels = true>,
tenon.kernel @codes_of_many_rows(%x: tensor<24x1000xf32>, %q: tensor<1000x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<24x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1000x4096xi4>, tensor<32x4096xf32>) -> tensor<1000x4096xf32>
  %0 = tenon.matmul %x, %w : (tensor<24x1000xf32>, tensor<1000x4096xf32>) -> tensor<24x4096xf32>
  tenon.yield %0 : tensor<24x4096xf32>
}

// Unless it is too large.
// CHECK-LABEL: tenon.kernel @codes_of_long_columns(
//  CHECK-SAME:   tile_rows = 3, block_tiles = 1, packed = true, pack_input = true
tenon.kernel @codes_of_long_columns(%x: tensor<24x65536xf32>, %q: tensor<65536x64xi4> {tenon.weights}, %s: tensor<2048x64xf32> {tenon.weights}) -> tensor<24x64xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<65536x64xi4>, tensor<2048x64xf32>) -> tensor<65536x64xf32>
  %0 = tenon.matmul %x, %w : (tensor<24x65536xf32>, tensor<65536x64xf32>) -> tensor<24x64xf32>
  tenon.yield %0 : tensor<24x64xf32>
}
