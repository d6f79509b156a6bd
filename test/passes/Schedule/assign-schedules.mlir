// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v4 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V4
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,V3
// RUN: not tenon-opt %s --tenon-assign-target=target=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not tenon-opt %s --tenon-assign-schedules 2>&1 | FileCheck %s --check-prefix=NONE

// UNKNOWN: unknown target 'z80'
// NONE: the module has no 'tenon.target': tenon-assign-target gives it one

// The target is data on the module.
// V4: module attributes {tenon.target = #tenon.target<name = "x86-64-v4", vector_bits = 512, vector_registers = 32, {{.*}}masked_ops = 1>}
// V3: module attributes {tenon.target = #tenon.target<name = "x86-64-v3", {{.*}}>}

// Vectors as wide as the target's; all sums of a tile fit its registers: 24 of 32 with AVX-512, 12 of
// 16 with AVX2. (The tile is tile_rows times tile_vectors.)
// CHECK-LABEL: tenon.kernel @large
//    V4-SAME:   #tenon.contraction_schedule<lanes = 16, tile_rows = 12, tile_vectors = 2
//    V3-SAME:   #tenon.contraction_schedule<lanes = 8, tile_rows = 6, tile_vectors = 2
tenon.kernel @large(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> attributes {kernel_class = #tenon.kernel_class<contraction>} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  tenon.yield %0 : tensor<1024x1024xf32>
}

// One row fills the registers with columns.
// CHECK-LABEL: tenon.kernel @one_row
//    V4-SAME:   #tenon.contraction_schedule<lanes = 16, tile_vectors = 8>
tenon.kernel @one_row(%x: tensor<1x256xf32>, %w: tensor<256x1024xf32>) -> tensor<1x1024xf32> attributes {kernel_class = #tenon.kernel_class<contraction>} {
  %0 = tenon.matmul %x, %w : (tensor<1x256xf32>, tensor<256x1024xf32>) -> tensor<1x1024xf32>
  tenon.yield %0 : tensor<1x1024xf32>
}

// A schedule that is there already stays: a person's or a tuner's.
// CHECK-LABEL: tenon.kernel @by_hand
//  CHECK-SAME:   schedule = #tenon.contraction_schedule<lanes = 8, tile_rows = 3, unroll_k = 2>
tenon.kernel @by_hand(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> attributes {kernel_class = #tenon.kernel_class<contraction>, schedule = #tenon.contraction_schedule<lanes = 8, tile_rows = 3, unroll_k = 2>} {
  %0 = tenon.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  tenon.yield %0 : tensor<1024x1024xf32>
}

// Kernels of rows need none.
// CHECK-LABEL: tenon.kernel @rows
//   CHECK-NOT:   schedule
tenon.kernel @rows(%x: tensor<8xf32>) -> tensor<8xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  %0 = tenon.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
