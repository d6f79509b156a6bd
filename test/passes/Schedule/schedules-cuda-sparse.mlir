// Where weights of which two in four are zero are multiplied without them on GPUs, and why.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cuda:sm_80 --tenon-assign-schedules | FileCheck %s
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cuda:sm_90a --tenon-assign-schedules | FileCheck %s --check-prefix=WGMMA

// Twice the rate, and half of the weights' bytes.
// CHECK-LABEL: tenon.kernel @large(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<{{.*}}mma = <mma_sparse>>
// Weights are rows of instructions there: a block has 128 outputs by 256 positions, and one more stage than of dense weights. The
// tiles of a cluster are side by side.
// WGMMA-LABEL: tenon.kernel @large(
//  WGMMA-SAME:   schedule = #cuda.pipeline_schedule<tile_columns = 256, stages = 5, band = 8, cluster = 2, mma = <wgmma_sparse>>,
//  WGMMA-SAME:   tasks = affine_map<() -> (132)>
tenon.kernel @large(%x: tensor<4096x4096xf16>, %w: tensor<4096x4096xf16> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 0, 2>, array<i64: 1, 1, 8388608>], run_bytes = 0}}) -> tensor<4096x4096xf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4096x4096xf16>, tensor<4096x4096xf16>) -> tensor<4096x4096xf16>
  tenon.yield %0 : tensor<4096x4096xf16>
}

// As many zeros, but not two of each four.
// CHECK-LABEL: tenon.kernel @elsewhere(
//  CHECK-SAME:   mma = <mma>>
tenon.kernel @elsewhere(%x: tensor<4096x4096xf16>, %w: tensor<4096x4096xf16> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 1, 2>, array<i64: 1, 1, 8388608>], run_bytes = 0}}) -> tensor<4096x4096xf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4096x4096xf16>, tensor<4096x4096xf16>) -> tensor<4096x4096xf16>
  tenon.yield %0 : tensor<4096x4096xf16>
}

// A step has 64 of the depth at least: words tell for so many where the weights of sixteen outputs were.
// CHECK-LABEL: tenon.kernel @bytes(
//  CHECK-SAME:   depth = {{128|256}}, {{.*}}mma = <mma_sparse>>
// It would gain 11%, which may be none.
// WGMMA-LABEL: tenon.kernel @bytes(
//  WGMMA-SAME:   mma = <wgmma>>
tenon.kernel @bytes(%x: tensor<512x1024xui8>, %w: tensor<1024x1024xi8> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 0, 2>, array<i64: 1, 1, 524288>], run_bytes = 0}}) -> tensor<512x1024xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<512x1024xui8>, tensor<1024x1024xi8>) -> tensor<512x1024xi32>
  tenon.yield %0 : tensor<512x1024xi32>
}

// Four neighbours are channels of one tap. A tile for each multiprocessor: it would gain 9%.
// CHECK-LABEL: tenon.kernel @little(
//  CHECK-SAME:   mma = <mma>>
// Of 64 rows of dense weights' instructions, and 192 of these, the latter have fewer tiles.
// WGMMA-LABEL: tenon.kernel @little(
//  WGMMA-SAME:   schedule = #cuda.pipeline_schedule<tile_columns = 192, {{.*}}mma = <wgmma_sparse>>
tenon.kernel @little(%x: tensor<8x58x58x64xf16>, %w: tensor<3x3x64x128xf16> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 0, 2>, array<i64: 1, 1, 36864>], run_bytes = 0}}) -> tensor<8x56x56x128xf16> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<8x58x58x64xf16>, tensor<3x3x64x128xf16>) -> tensor<8x56x56x128xf16>
  tenon.yield %0 : tensor<8x56x56x128xf16>
}
// CHECK-LABEL: tenon.kernel @conv(
//  CHECK-SAME:   mma = <mma_sparse>>
// WGMMA-LABEL: tenon.kernel @conv(
//  WGMMA-SAME:   mma = <wgmma_sparse>>
tenon.kernel @conv(%x: tensor<8x30x30x128xf16>, %w: tensor<3x3x128x128xf16> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 0, 2>, array<i64: 1, 1, 73728>], run_bytes = 0}}) -> tensor<8x28x28x128xf16> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<8x30x30x128xf16>, tensor<3x3x128x128xf16>) -> tensor<8x28x28x128xf16>
  tenon.yield %0 : tensor<8x28x28x128xf16>
}
// Steps of 64 channels would not be of one tap.
// WGMMA-LABEL: tenon.kernel @taps(
//  WGMMA-SAME:   mma = <mma_sparse>>
tenon.kernel @taps(%x: tensor<8x16x16x96xf16>, %w: tensor<3x3x96x96xf16> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 0, 2>, array<i64: 1, 1, 41472>], run_bytes = 0}}) -> tensor<8x14x14x96xf16> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<8x16x16x96xf16>, tensor<3x3x96x96xf16>) -> tensor<8x14x14x96xf16>
  tenon.yield %0 : tensor<8x14x14x96xf16>
}

// CHECK-LABEL: tenon.kernel @three_channels(
//  CHECK-SAME:   mma = <mma>>
tenon.kernel @three_channels(%x: tensor<8x58x58x3xf16>, %w: tensor<3x3x3x128xf16> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 1, 0, 2>, array<i64: 1, 1, 1700>], run_bytes = 0}}) -> tensor<8x56x56x128xf16> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<8x58x58x3xf16>, tensor<3x3x3x128xf16>) -> tensor<8x56x56x128xf16>
  tenon.yield %0 : tensor<8x56x56x128xf16>
}
