// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v4 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V4
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V3
// RUN: not tenon-opt %s --tenon-assign-target=target=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not tenon-opt %s --tenon-assign-schedules 2>&1 | FileCheck %s --check-prefix=NONE

// UNKNOWN: unknown target 'z80'
// NONE: the module has no 'tenon.target': tenon-assign-target gives it one

// The target is data on the module.
// V4: module attributes {tenon.target = #cpu.target<name = "x86-64-v4", cpu = "x86-64-v4", features = [{{.*}}"avx512vl"{{.*}}], vector_bits = 512, vector_registers = 32{{.*}}>}
// V3: module attributes {tenon.target = #cpu.target<name = "x86-64-v3", {{.*}}>}

// Vectors as wide as the target's; all sums of a tile fit its registers: 24 of 32 with AVX-512, 12 of
// 16 with AVX2. (The tile is tile_rows times tile_vectors.)
// CHECK-LABEL: tenon.kernel @large
//    V4-SAME:   #cpu.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2
//    V3-SAME:   #cpu.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2
tenon.kernel @large(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  tenon.yield %0 : tensor<1024x1024xf32>
}

// One row fills the registers with columns.
// CHECK-LABEL: tenon.kernel @one_row
//    V4-SAME:   #cpu.contraction_schedule<lanes = 16, tile_vectors = 8>
tenon.kernel @one_row(%x: tensor<1x256xf32>, %w: tensor<256x1024xf32>) -> tensor<1x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x256xf32>, tensor<256x1024xf32>) -> tensor<1x1024xf32>
  tenon.yield %0 : tensor<1x1024xf32>
}

// A schedule that is there already stays: a person's or a tuner's.
// CHECK-LABEL: tenon.kernel @by_hand
//  CHECK-SAME:   schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 3, unroll_k = 2>
tenon.kernel @by_hand(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 3, unroll_k = 2>} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  tenon.yield %0 : tensor<1024x1024xf32>
}

// An image larger than half of the second cache is streamed: short tiles of two lines.
// CHECK-LABEL: tenon.kernel @streamed
//    V4-SAME:   #cpu.depthwise_schedule<lanes = 16, tile_rows = 5, tile_lines = 2, channels_inside = true, prefetch_input = true>
tenon.kernel @streamed(%x: tensor<1x114x114x32xf32>, %w: tensor<3x3x1x32xf32>) -> tensor<1x112x112x32xf32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x114x114x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x112x112x32xf32>
  tenon.yield %0 : tensor<1x112x112x32xf32>
}

// Transformed filters have a schedule of their own.
// CHECK-LABEL: tenon.kernel @winograd
//    V4-SAME:   #cpu.winograd_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2
tenon.kernel @winograd(%x: tensor<1x30x30x64xf32>, %w: tensor<3x3x64x64xf32> {tenon.weights}) -> tensor<1x28x28x64xf32> attributes {strategy = "winograd"} {
  %0 = tenon.conv %x, %w {groups = 1, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x30x30x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x28x28x64xf32>
  tenon.yield %0 : tensor<1x28x28x64xf32>
}

// Weights that are known when the model is compiled are read in panels.
// CHECK-LABEL: tenon.kernel @known_weights
//    V4-SAME:   #cpu.contraction_schedule<lanes = 16, tile_rows = {{[0-9]+}}, tile_vectors = 2, {{.*}}packed = true
tenon.kernel @known_weights(%x: tensor<128x256xf32>, %w: tensor<256x1024xf32> {tenon.weights}) -> tensor<128x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x256xf32>, tensor<256x1024xf32>) -> tensor<128x1024xf32>
  tenon.yield %0 : tensor<128x1024xf32>
}

// Loops over elements have a schedule, too. Eight elements are not worth a second task.
// CHECK-LABEL: tenon.kernel @rows
//    V4-SAME:   schedule = #cpu.rows_schedule<lanes = 16>, strategy = "rows", tasks = affine_map<() -> (1)>
//    V3-SAME:   schedule = #cpu.rows_schedule<lanes = 8>, strategy = "rows", tasks = affine_map<() -> (1)>
tenon.kernel @rows(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  %0 = tenon.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}

// The work of a product: 2 * 64 * 512 * 64 operations, and two for each element that is moved, in parts
// of 16384.
// CHECK-LABEL: tenon.kernel @tasks_of_a_product
//  CHECK-SAME:   tasks = affine_map<() -> (264)>
tenon.kernel @tasks_of_a_product(%x: tensor<64x512xf32>, %w: tensor<512x64xf32>) -> tensor<64x64xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<64x512xf32>, tensor<512x64xf32>) -> tensor<64x64xf32>
  tenon.yield %0 : tensor<64x64xf32>
}

// Of sizes that only a run tells, the number of tasks is an expression.
// CHECK-LABEL: tenon.kernel @dynamic
//  CHECK-SAME:   tasks = affine_map<()[s0] -> (1024, (s0 * 256) floordiv 16384)>
tenon.kernel @dynamic(%x: tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>) -> tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>> attributes {strategy = "rows", num_symbols = 1 : i64} {
  %0 = tenon.relu %x : (tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>) -> tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
  tenon.yield %0 : tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
}

// A function of the kernel library says itself how many tasks it can use: one for each row.
// CHECK-LABEL: tenon.kernel @library
//   CHECK-NOT:   schedule
//  CHECK-SAME:   strategy = "library", tasks = affine_map<() -> (6)>
tenon.kernel @library(%x: tensor<6x40xf32>) -> (tensor<6x4xf32>, tensor<6x4xi64>) attributes {strategy = "library"} {
  %0, %1 = tenon.top_k %x {axis = 1, count = affine_map<() -> (4)>, largest} : (tensor<6x40xf32>) -> (tensor<6x4xf32>, tensor<6x4xi64>)
  tenon.yield %0, %1 : tensor<6x4xf32>, tensor<6x4xi64>
}

// Operands whose batches broadcast in part have no regular place: elements are computed one by one.
// CHECK-LABEL: tenon.kernel @broadcast_in_part
//  CHECK-SAME:   schedule = #cpu.rows_schedule<{{.*}}>, strategy = "rows"
tenon.kernel @broadcast_in_part(%x: tensor<2x1x3x4xf32>, %y: tensor<1x5x4x6xf32>) -> tensor<2x5x3x6xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %y : (tensor<2x1x3x4xf32>, tensor<1x5x4x6xf32>) -> tensor<2x5x3x6xf32>
  tenon.yield %0 : tensor<2x5x3x6xf32>
}
