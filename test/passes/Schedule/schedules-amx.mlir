// AMX multiplies bytes of all signs in tiles of 16 positions, 64 channels and 16 outputs, and bf16 in tiles of half as
// many channels. What is too small to fill half of one is left to vectors.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=sapphirerapids --tenon-assign-schedules | FileCheck %s

// Two tiles of positions by two of outputs, of input that is read where it is.
// CHECK-LABEL: tenon.kernel @whole(
//  CHECK-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, tile_vectors = 2, unroll_k = 1, block_tiles = 1, packed = true, prefer_split_panels = true, mma = <tdpb>>,
tenon.kernel @whole(%x: tensor<128x64xui8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<128x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x64xui8>, tensor<64x256xi8>) -> tensor<128x256xi32>
  tenon.yield %0 : tensor<128x256xi32>
}

// Channels that do not fill tiles are packed, and those of neighbouring taps count together.
// CHECK-LABEL: tenon.kernel @rest(
//  CHECK-SAME:   tile_rows = 32, tile_vectors = 2, unroll_k = 1, block_tiles = 1, packed = true, pack_input = true, {{.*}}mma = <tdpb>, merge_taps = true>,
tenon.kernel @rest(%x: tensor<1x34x34x20xi8>, %w: tensor<3x3x20x32xi8> {tenon.weights}) -> tensor<1x32x32x32xi32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x34x34x20xi8>, tensor<3x3x20x32xi8>) -> tensor<1x32x32x32xi32>
  tenon.yield %0 : tensor<1x32x32x32xi32>
}

// Short lines share a tile.
// CHECK-LABEL: tenon.kernel @short(
//  CHECK-SAME:   tile_rows = 7, tile_vectors = 2, tile_lines = 4, unroll_k = 1, {{.*}}pack_input = true, {{.*}}mma = <tdpb>
tenon.kernel @short(%x: tensor<1x9x9x64xui8>, %w: tensor<3x3x64x64xui8> {tenon.weights}) -> tensor<1x7x7x64xi32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x9x9x64xui8>, tensor<3x3x64x64xui8>) -> tensor<1x7x7x64xi32>
  tenon.yield %0 : tensor<1x7x7x64xi32>
}

// Few positions meet four tiles of outputs.
// CHECK-LABEL: tenon.kernel @few(
//  CHECK-SAME:   tile_rows = 12, tile_vectors = 4, {{.*}}pack_input = true, {{.*}}mma = <tdpb>
tenon.kernel @few(%x: tensor<12x64xui8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<12x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<12x64xui8>, tensor<64x256xi8>) -> tensor<12x256xi32>
  tenon.yield %0 : tensor<12x256xi32>
}

// CHECK-LABEL: tenon.kernel @row(
//  CHECK-SAME:   mma = <vpdpbusd>
tenon.kernel @row(%x: tensor<1x64xui8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<1x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x64xui8>, tensor<64x256xi8>) -> tensor<1x256xi32>
  tenon.yield %0 : tensor<1x256xi32>
}

// CHECK-LABEL: tenon.kernel @channels(
//  CHECK-SAME:   mma = <vpmaddwd>
tenon.kernel @channels(%x: tensor<128x24xi8>, %w: tensor<24x256xi8> {tenon.weights}) -> tensor<128x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x24xi8>, tensor<24x256xi8>) -> tensor<128x256xi32>
  tenon.yield %0 : tensor<128x256xi32>
}

// A run would have to pack these.
// CHECK-LABEL: tenon.kernel @computed(
//  CHECK-SAME:   mma = <vpdpbusd>
tenon.kernel @computed(%x: tensor<128x64xui8>, %w: tensor<64x256xi8>) -> tensor<128x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x64xui8>, tensor<64x256xi8>) -> tensor<128x256xi32>
  tenon.yield %0 : tensor<128x256xi32>
}

// 32 channels of bf16 fill a tile.
// CHECK-LABEL: tenon.kernel @bfloats(
//  CHECK-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, tile_vectors = 2, unroll_k = 1, block_tiles = 1, packed = true, {{.*}}mma = <tdpbf16ps>>
tenon.kernel @bfloats(%x: tensor<128x96xbf16>, %w: tensor<96x256xbf16> {tenon.weights}) -> tensor<128x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x96xbf16>, tensor<96x256xbf16>) -> tensor<128x256xf32>
  tenon.yield %0 : tensor<128x256xf32>
}
