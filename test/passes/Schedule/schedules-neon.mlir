// AArch64: tiles of the fewest loads for 24 sums, as none comes with a multiplication.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=neoverse-n1 --tenon-assign-schedules | FileCheck %s

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
