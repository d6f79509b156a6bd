// AMX-BF16 takes bf16 in tiles, AVX512-BF16 in pairs, where that is faster than multiply-adds of f32: on some
// processors it is not, unless reading takes the time. Beside f32, and without these instructions, bf16 is widened.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=sapphirerapids --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,TILES
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=znver4 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=icelake-server --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,SINGLE

// CHECK-LABEL: tenon.kernel @halves(
//  TILES-SAME:   tile_rows = 16, tile_vectors = 4, unroll_k = 1, block_tiles = 1, packed = true, pack_input = true, {{.*}}mma = <tdpbf16ps>>
//  PAIRS-SAME:   mma = <vdpbf16ps>>
// SINGLE-NOT:    mma
//       CHECK:   tenon.matmul
tenon.kernel @halves(%x: tensor<16x64xbf16>, %w: tensor<64x256xbf16> {tenon.weights}) -> tensor<16x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x256xbf16>) -> tensor<16x256xf32>
  tenon.yield %0 : tensor<16x256xf32>
}

// Too few outputs for tiles.
// CHECK-LABEL: tenon.kernel @narrow(
//   TILES-NOT:   mma
//  PAIRS-SAME:   mma = <vdpbf16ps>>
//  SINGLE-NOT:   mma
//       CHECK:   tenon.matmul
tenon.kernel @narrow(%x: tensor<16x64xbf16>, %w: tensor<64x8xbf16> {tenon.weights}) -> tensor<16x8xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x8xbf16>) -> tensor<16x8xf32>
  tenon.yield %0 : tensor<16x8xf32>
}

// Few rows take the time that reading weights takes.
// CHECK-LABEL: tenon.kernel @row(
//  TILES-SAME:   mma = <vdpbf16ps>>
//  PAIRS-SAME:   mma = <vdpbf16ps>>
//  SINGLE-NOT:   mma
//       CHECK:   tenon.matmul
tenon.kernel @row(%x: tensor<1x64xbf16>, %w: tensor<64x256xbf16> {tenon.weights}) -> tensor<1x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x64xbf16>, tensor<64x256xbf16>) -> tensor<1x256xf32>
  tenon.yield %0 : tensor<1x256xf32>
}

// CHECK-LABEL: tenon.kernel @mixed(
//   CHECK-NOT:   mma
//       CHECK:   tenon.matmul
tenon.kernel @mixed(%x: tensor<16x64xf32>, %w: tensor<64x256xbf16> {tenon.weights}) -> tensor<16x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xf32>, tensor<64x256xbf16>) -> tensor<16x256xf32>
  tenon.yield %0 : tensor<16x256xf32>
}
