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
