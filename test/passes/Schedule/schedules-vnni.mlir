// VNNI takes unsigned bytes times signed ones, in vectors of AVX-512 or of AVX; what is signed on both sides is left to
// pairs of 16 bits.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=icelake-server --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=alderlake --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,NARROW

// CHECK-LABEL: tenon.kernel @unsigned(
//  WIDE-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true, mma = <vpdpbusd>>,
// NARROW-SAME:  schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2, block_tiles = 1, packed = true, prefer_split_panels = true, mma = <vpdpbusd>>,
tenon.kernel @unsigned(%x: tensor<16x64xui8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<16x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xui8>, tensor<64x256xi8>) -> tensor<16x256xi32>
  tenon.yield %0 : tensor<16x256xi32>
}

// CHECK-LABEL: tenon.kernel @signed(
//  CHECK-SAME:   mma = <vpmaddwd>>,
tenon.kernel @signed(%x: tensor<16x64xi8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<16x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xi8>, tensor<64x256xi8>) -> tensor<16x256xi32>
  tenon.yield %0 : tensor<16x256xi32>
}

// Codes of a few bits become bytes, and the input as well where that is allowed: a tile has half as many sums, since
// there are those of a block and those of all.
// CHECK-LABEL: tenon.kernel @rounded(
//  WIDE-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 6, tile_vectors = 2, block_tiles = 32, packed = true, pack_input = true, pack_weights = true, prefer_split_panels = true, mma = <vpdpbusd>>,
// NARROW-SAME:  schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 3, tile_vectors = 2, block_tiles = 32, packed = true, pack_input = true, pack_weights = true, prefer_split_panels = true, mma = <vpdpbusd>>,
tenon.kernel @rounded(%x: tensor<24x1000xf32>, %q: tensor<1000x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<24x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1000x4096xi4>, tensor<32x4096xf32>) -> tensor<1000x4096xf32>
  %0 = tenon.matmul %x, %w {mayRoundInput} : (tensor<24x1000xf32>, tensor<1000x4096xf32>) -> tensor<24x4096xf32>
  tenon.yield %0 : tensor<24x4096xf32>
}

// One row takes the time that reading weights takes: codes are bytes as they are, and are not decoded.
// CHECK-LABEL: tenon.kernel @rounded_row(
//  CHECK-SAME:   tile_vectors = 4, block_tiles = 1, packed = true, pack_input = true, prefetch_lines = {{[24]}}, prefer_split_panels = true, mma = <vpdpbusd>>
tenon.kernel @rounded_row(%x: tensor<1x1024xf32>, %q: tensor<1024x4096xi4> {tenon.weights}, %s: tensor<32x4096xf32> {tenon.weights}) -> tensor<1x4096xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<1024x4096xi4>, tensor<32x4096xf32>) -> tensor<1024x4096xf32>
  %0 = tenon.matmul %x, %w {mayRoundInput} : (tensor<1x1024xf32>, tensor<1024x4096xf32>) -> tensor<1x4096xf32>
  tenon.yield %0 : tensor<1x4096xf32>
}

// Codes of 8 bits less zero points of their own are no bytes.
// CHECK-LABEL: tenon.kernel @wide_differences(
//   CHECK-NOT:   mma
//       CHECK: tenon.yield
tenon.kernel @wide_differences(%x: tensor<24x64xf32>, %q: tensor<64x128xui8> {tenon.weights}, %s: tensor<2x128xf32> {tenon.weights}, %z: tensor<2x128xui8> {tenon.weights}) -> tensor<24x128xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s, %z {axis = 0, block_size = 32} : (tensor<64x128xui8>, tensor<2x128xf32>, tensor<2x128xui8>) -> tensor<64x128xf32>
  %0 = tenon.matmul %x, %w {mayRoundInput} : (tensor<24x64xf32>, tensor<64x128xf32>) -> tensor<24x128xf32>
  tenon.yield %0 : tensor<24x128xf32>
}

// Codes that are too many to decode a panel of them are multiplied as they are, too, a few rows at a time.
// CHECK-LABEL: tenon.kernel @long_columns(
//  CHECK-SAME:   tile_rows = {{[0-9]+}}, block_tiles = 1, packed = true, pack_input = true, prefetch_lines = 1, mma = <vpdpbusd>>
tenon.kernel @long_columns(%x: tensor<24x262144xf32>, %q: tensor<262144x64xi4> {tenon.weights}, %s: tensor<8192x64xf32> {tenon.weights}) -> tensor<24x64xf32> attributes {strategy = "contraction"} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<262144x64xi4>, tensor<8192x64xf32>) -> tensor<262144x64xf32>
  %0 = tenon.matmul %x, %w {mayRoundInput} : (tensor<24x262144xf32>, tensor<262144x64xf32>) -> tensor<24x64xf32>
  tenon.yield %0 : tensor<24x64xf32>
}
