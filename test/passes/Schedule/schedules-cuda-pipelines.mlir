// When the cost model takes warps with different roles, and when it cannot. Fields that are not printed have their defaults:
// each schedule is compared as a whole. `tasks` are the blocks of a launch.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cuda:sm_90a --tenon-assign-schedules | FileCheck %s

// The largest tile with the stages that there is room for, a block for each multiprocessor, and a square of tiles at a time. Two blocks ask
// the second cache for less than one and one.
// CHECK-LABEL: tenon.kernel @square(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<tile_columns = 256, band = 8, cluster = 2, mma = <wgmma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (132)>
tenon.kernel @square(%x: tensor<8192x8192xf16>, %w: tensor<8192x8192xf16>) -> tensor<8192x8192xf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<8192x8192xf16>, tensor<8192x8192xf16>) -> tensor<8192x8192xf16>
  tenon.yield %0 : tensor<8192x8192xf16>
}

// Fewer: a tile for nearly all multiprocessors, of one consumer.
// CHECK-LABEL: tenon.kernel @middle(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<consumers = 1, stages = 8, mma = <wgmma>>,
//  CHECK-SAME:   tasks = affine_map<() -> (128)>
tenon.kernel @middle(%x: tensor<1024x1024xbf16>, %w: tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  tenon.yield %0 : tensor<1024x1024xbf16>
}

// Columns that lie one beside the other are turned: whole panels of 64. Sizes that a run tells are products of symbols.
// CHECK-LABEL: tenon.kernel @turned(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<{{.*}}mma = <wgmma>>,
tenon.kernel @turned(%x: tensor<?x1024x1024xf16, affine_map<()[s0] -> (s0, 1024, 1024)>>, %w: tensor<?x1024x2048xf16, affine_map<()[s0] -> (s0, 1024, 2048)>>) -> tensor<?x1024x2048xf16, affine_map<()[s0] -> (s0, 1024, 2048)>> attributes {strategy = "contraction", num_symbols = 1 : i64} {
  %0 = tenon.matmul %x, %w : (tensor<?x1024x1024xf16, affine_map<()[s0] -> (s0, 1024, 1024)>>, tensor<?x1024x2048xf16, affine_map<()[s0] -> (s0, 1024, 2048)>>) -> tensor<?x1024x2048xf16, affine_map<()[s0] -> (s0, 1024, 2048)>>
  tenon.yield %0 : tensor<?x1024x2048xf16, affine_map<()[s0] -> (s0, 1024, 2048)>>
}

// Bytes and f32 take no columns one beside the other, but known weights are laid out as it is best.
// CHECK-LABEL: tenon.kernel @bytes(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<{{.*}}depth = 128, {{.*}}mma = <wgmma>>,
tenon.kernel @bytes(%x: tensor<4096x1024xui8>, %w: tensor<1024x1024xi8> {tenon.weights}) -> tensor<4096x1024xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4096x1024xui8>, tensor<1024x1024xi8>) -> tensor<4096x1024xi32>
  tenon.yield %0 : tensor<4096x1024xi32>
}
// CHECK-LABEL: tenon.kernel @unknown_bytes(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<
tenon.kernel @unknown_bytes(%x: tensor<4096x1024xui8>, %w: tensor<1024x1024xi8>) -> tensor<4096x1024xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4096x1024xui8>, tensor<1024x1024xi8>) -> tensor<4096x1024xi32>
  tenon.yield %0 : tensor<4096x1024xi32>
}

// f32 where it may be rounded.
// CHECK-LABEL: tenon.kernel @rounded(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<{{.*}}depth = 32, {{.*}}mma = <wgmma_tf32>>,
tenon.kernel @rounded(%x: tensor<4096x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<4096x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {transposeRhs, tenon.multiplied_type = tf32} : (tensor<4096x1024xf32>, tensor<1024x1024xf32>) -> tensor<4096x1024xf32>
  tenon.yield %0 : tensor<4096x1024xf32>
}

// Runs of pixels, whose channels are brought tap by tap.
// CHECK-LABEL: tenon.kernel @filters(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<{{.*}}mma = <wgmma>>,
tenon.kernel @filters(%x: tensor<8x58x58x64xf16>, %w: tensor<3x3x64x64xf16> {tenon.weights}) -> tensor<8x56x56x64xf16> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<8x58x58x64xf16>, tensor<3x3x64x64xf16>) -> tensor<8x56x56x64xf16>
  tenon.yield %0 : tensor<8x56x56x64xf16>
}

// Rows of 2046 bytes do not begin at multiples of 16, and what is computed in the kernel is not in memory.
// CHECK-LABEL: tenon.kernel @odd(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<
tenon.kernel @odd(%x: tensor<4096x1023xf16>, %w: tensor<1023x1024xf16>) -> tensor<4096x1024xf16> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4096x1023xf16>, tensor<1023x1024xf16>) -> tensor<4096x1024xf16>
  tenon.yield %0 : tensor<4096x1024xf16>
}
// CHECK-LABEL: tenon.kernel @mixed(
//  CHECK-SAME:   schedule = #cuda.tile_schedule<
tenon.kernel @mixed(%x: tensor<4096x1024xf32>, %w: tensor<1024x1024xbf16>) -> tensor<4096x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.multiplied_type = bf16} : (tensor<4096x1024xf32>, tensor<1024x1024xbf16>) -> tensor<4096x1024xf32>
  tenon.yield %0 : tensor<4096x1024xf32>
}

// Floats of 8 bits have the sums of a step beside those of all: 128 columns at most.
// CHECK-LABEL: tenon.kernel @floats_of_8_bits(
//  CHECK-SAME:   schedule = #cuda.pipeline_schedule<depth = 128, {{.*}}mma = <wgmma>>,
tenon.kernel @floats_of_8_bits(%x: tensor<8192x4096xf8E4M3FN>, %w: tensor<4096x4096xf8E5M2>) -> tensor<8192x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<8192x4096xf8E4M3FN>, tensor<4096x4096xf8E5M2>) -> tensor<8192x4096xf32>
  tenon.yield %0 : tensor<8192x4096xf32>
}
