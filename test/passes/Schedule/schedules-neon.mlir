// AArch64: tiles of the fewest loads for 24 sums, as none comes with a multiplication; and what multiplies bytes and bf16 on
// each processor.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cortex-a72 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=neoverse-n1 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,DOTS
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=neoverse-v1 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,ROWS

// CHECK-LABEL: tenon.kernel @four(
//  CHECK-SAME:   #cpu.contraction_schedule<lanes = 4, tile_rows = 6, tile_vectors = 4,
tenon.kernel @four(%x: tensor<400x64xf32>, %w: tensor<64x64xf32> {tenon.weights}) -> tensor<400x64xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<400x64xf32>, tensor<64x64xf32>) -> tensor<400x64xf32>
  tenon.yield %0 : tensor<400x64xf32>
}

// Three vectors of 24 channels: 8 x 3 leaves none unused.
// CHECK-LABEL: tenon.kernel @three(
//  CHECK-SAME:   #cpu.contraction_schedule<lanes = 4, tile_rows = 8, tile_vectors = 3,
tenon.kernel @three(%x: tensor<400x64xf32>, %w: tensor<64x24xf32> {tenon.weights}) -> tensor<400x24xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<400x64xf32>, tensor<64x24xf32>) -> tensor<400x24xf32>
  tenon.yield %0 : tensor<400x24xf32>
}

// CHECK-LABEL: tenon.kernel @two(
//  CHECK-SAME:   #cpu.contraction_schedule<lanes = 4, tile_rows = 12, tile_vectors = 2,
tenon.kernel @two(%x: tensor<400x64xf32>, %w: tensor<64x8xf32> {tenon.weights}) -> tensor<400x8xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<400x64xf32>, tensor<64x8xf32>) -> tensor<400x8xf32>
  tenon.yield %0 : tensor<400x8xf32>
}

// CHECK-LABEL: tenon.kernel @signed(
//  PAIRS-SAME:   mma = <sadalp>>
//   DOTS-SAME:   mma = <sdot>>
//   ROWS-SAME:   mma = <smmla>>
tenon.kernel @signed(%x: tensor<16x64xi8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<16x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xi8>, tensor<64x256xi8>) -> tensor<16x256xi32>
  tenon.yield %0 : tensor<16x256xi32>
}

// What multiplies bytes of both signs is there with FEAT_I8MM only.
// CHECK-LABEL: tenon.kernel @mixed(
//   PAIRS-NOT:   mma
//    DOTS-NOT:   mma
//   ROWS-SAME:   mma = <smmla>>
//       CHECK:   tenon.matmul
tenon.kernel @mixed(%x: tensor<16x64xui8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<16x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xui8>, tensor<64x256xi8>) -> tensor<16x256xi32>
  tenon.yield %0 : tensor<16x256xi32>
}

// One row has no other to be multiplied with.
// CHECK-LABEL: tenon.kernel @row(
//  PAIRS-SAME:   mma = <sadalp>>
//   DOTS-SAME:   mma = <sdot>>
//   ROWS-SAME:   mma = <usdot>>
tenon.kernel @row(%x: tensor<1x64xi8>, %w: tensor<64x256xi8> {tenon.weights}) -> tensor<1x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x64xi8>, tensor<64x256xi8>) -> tensor<1x256xi32>
  tenon.yield %0 : tensor<1x256xi32>
}

// CHECK-LABEL: tenon.kernel @halves(
//   PAIRS-NOT:   mma
//    DOTS-NOT:   mma
//   ROWS-SAME:   mma = <bfdot>>
//       CHECK:   tenon.matmul
tenon.kernel @halves(%x: tensor<16x64xbf16>, %w: tensor<64x256xbf16> {tenon.weights}) -> tensor<16x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x256xbf16>) -> tensor<16x256xf32>
  tenon.yield %0 : tensor<16x256xf32>
}
