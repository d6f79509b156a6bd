// The structure of kernels for GPUs.
// RUN: tenon-opt %s --tenon-generate-kernels --canonicalize --cse | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-generate-kernels,builtin.module(tenon-expand-math,tenon-lower-kernels),tenon-verify-stage{stage=llvm})' -o /dev/null

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {

// Threads take four elements each, which they load at once, with steps of all threads. A multiprocessor has registers for
// three blocks.
// CHECK-LABEL: module @relu
//       CHECK: llvm.func @relu(%[[X:.*]]: !llvm.ptr {llvm.noalias}, %[[Y:.*]]: !llvm.ptr {llvm.noalias})
//  CHECK-SAME:   nvvm.kernel, nvvm.minctasm = 3 : i32, nvvm.reqntid = array<i32: 256>
//       CHECK:   %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x
//       CHECK:   nvvm.read.ptx.sreg.ctaid.x
//       CHECK:   nvvm.read.ptx.sreg.nctaid.x
//       CHECK:   scf.for
//       CHECK:     llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
//       CHECK:     llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr
tenon.kernel @relu(%x: tensor<16x64xf32>) -> tensor<16x64xf32>
    attributes {strategy = "rows", schedule = #cuda.rows_schedule<team = 1>} {
  %0 = tenon.relu %x : (tensor<16x64xf32>) -> tensor<16x64xf32>
  tenon.yield %0 : tensor<16x64xf32>
}

// A length that is no multiple of the lanes goes element by element.
// CHECK-LABEL: module @odd
//       CHECK:   llvm.load %{{.*}} : !llvm.ptr -> f32
//   CHECK-NOT:   vector
tenon.kernel @odd(%x: tensor<3x5xf32>) -> tensor<3x5xf32>
    attributes {strategy = "rows", schedule = #cuda.rows_schedule<team = 1>} {
  %0 = tenon.relu %x : (tensor<3x5xf32>) -> tensor<3x5xf32>
  tenon.yield %0 : tensor<3x5xf32>
}

// A warp folds a row by five exchanges, and its first lane stores the sum.
// CHECK-LABEL: module @warp
//       CHECK:   scf.for
//       CHECK:     scf.for
// CHECK-COUNT-5:   nvvm.shfl.sync  bfly
//   CHECK-NOT:   nvvm.barrier0
//       CHECK:   scf.if
//       CHECK:     llvm.store %{{.*}} : f32, !llvm.ptr
tenon.kernel @warp(%x: tensor<16x512xf32>) -> tensor<16x1xf32>
    attributes {strategy = "rows", schedule = #cuda.rows_schedule<lanes = 4>} {
  %0 = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<16x512xf32>) -> tensor<16x1xf32>
  tenon.yield %0 : tensor<16x1xf32>
}

// A block folds what its warps have through shared memory, which is free again behind the second barrier.
// CHECK-LABEL: module @block
//       CHECK:   llvm.mlir.global internal @block_shared_0() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<8 x f32>
// CHECK-COUNT-5:   nvvm.shfl.sync  bfly
//       CHECK:   scf.if
//       CHECK:     llvm.store %{{.*}} : f32, !llvm.ptr<3>
//       CHECK:   nvvm.barrier0
// CHECK-COUNT-8:   llvm.load %{{.*}} : !llvm.ptr<3> -> f32
//       CHECK:   nvvm.barrier0
tenon.kernel @block(%x: tensor<2x8192xf32>) -> tensor<2x1xf32>
    attributes {strategy = "rows", schedule = #cuda.rows_schedule<team = 256>} {
  %0 = tenon.reduce max %x {axes = array<i64: 1>} : (tensor<2x8192xf32>) -> tensor<2x1xf32>
  tenon.yield %0 : tensor<2x1xf32>
}

// Both operands go to shared memory between barriers; what follows the sums does before the only store.
// CHECK-LABEL: module @product
//       CHECK:   nvvm.reqntid = array<i32: 256>
//       CHECK:   scf.for
//       CHECK:     scf.for {{.*}} iter_args
//       CHECK:       llvm.store %{{.*}} : f32, !llvm.ptr<3>
//       CHECK:       nvvm.barrier0
//       CHECK:       scf.for {{.*}} iter_args
//       CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
//       CHECK:         vector.fma
//       CHECK:       nvvm.barrier0
//       CHECK:     arith.addf
//       CHECK:     llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr
tenon.kernel @product(%x: tensor<128x64xf32>, %w: tensor<64x128xf32>, %b: tensor<128x128xf32>) -> tensor<128x128xf32>
    attributes {strategy = "contraction", schedule = #cuda.contraction_schedule<mma = <fma>>} {
  %0 = tenon.matmul %x, %w : (tensor<128x64xf32>, tensor<64x128xf32>) -> tensor<128x128xf32>
  %1 = tenon.add %0, %b : (tensor<128x128xf32>, tensor<128x128xf32>) -> tensor<128x128xf32>
  tenon.yield %1 : tensor<128x128xf32>
}
// Queries stay in shared memory, keys and values take turns there; 16 threads fold each of their four rows' largest
// scores. Results are divided and stored once.
// CHECK-LABEL: module @attention
//       CHECK:   scf.for
//       CHECK:     scf.for {{.*}} iter_args
//       CHECK:       nvvm.barrier0
//       CHECK:       vector.fma
//       CHECK:       nvvm.barrier0
// CHECK-COUNT-16:    nvvm.shfl.sync  bfly
//       CHECK:       math.exp
//       CHECK:       llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<3>
//       CHECK:       nvvm.barrier0
//       CHECK:       vector.fma
//       CHECK:       nvvm.barrier0
//       CHECK:     arith.divf
//       CHECK:     arith.addf
//       CHECK:     llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr
tenon.kernel @attention(%q: tensor<16x8x128x64xf32>, %k: tensor<16x8x128x64xf32>) -> tensor<16x8x128x64xf32>
    attributes {strategy = "attention", schedule = #cuda.attention_schedule<>} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<16x8x128x64xf32>, tensor<16x8x128x64xf32>, tensor<16x8x128x64xf32>) -> tensor<16x8x128x64xf32>
  %1 = tenon.add %0, %q : (tensor<16x8x128x64xf32>, tensor<16x8x128x64xf32>) -> tensor<16x8x128x64xf32>
  tenon.yield %1 : tensor<16x8x128x64xf32>
}

// Steps are copied to all stages but one, a group each. Each further one begins with the one barrier that says both
// that a step is there and that a stage is free. Sums take the place of the tiles, and four neighbours are finished at a
// time.
// CHECK-LABEL: module @matrix_units
//       CHECK:   nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 256>, passthrough = {{\[\[}}"tenon-shared-bytes", "69632"]]
//       CHECK:   %[[LEFT:.*]] = tile.buffer at 0 : <4, 128, 32, f16, swizzled>
//       CHECK:   %[[RIGHT:.*]] = tile.buffer at 32768 : <4, 32, 128, f16, swizzled>
//       CHECK:   %[[SUMS:.*]] = tile.buffer at 0 : <1, 128, 128, f32, padded>
//       CHECK:   scf.for
// CHECK-COUNT-3:   tile.commit
//   CHECK-NOT:     tile.commit
//       CHECK:     scf.for
//       CHECK:       tile.wait 2
//  CHECK-NEXT:       nvvm.barrier0
//       CHECK:       scf.if
//       CHECK:         tile.copy %{{.*}}, %{{.*}} to %[[LEFT]]
//       CHECK:         tile.copy %{{.*}}, %{{.*}} to %[[RIGHT]]
//       CHECK:       tile.commit
// CHECK-COUNT-4:     tile.operand rows of %[[LEFT]]
// CHECK-COUNT-2:     tile.operand lines of %[[RIGHT]]
// CHECK-COUNT-8:     tile.mma f16
//       CHECK:     nvvm.barrier0
// CHECK-COUNT-8:   tile.store_sums %{{.*}} to %[[SUMS]]
//  CHECK-NEXT:     nvvm.barrier0
//       CHECK:     scf.for
//       CHECK:       tile.load %[[SUMS]]{{.*}} vector<4xf32>
//       CHECK:       llvm.store %{{.*}} {alignment = 8 : i64} : vector<4xf16>, !llvm.ptr
//       CHECK:     nvvm.barrier0
tenon.kernel @matrix_units(%x: tensor<128x256xf16>, %w: tensor<256x128xf16>) -> tensor<128x128xf16>
    attributes {strategy = "contraction", schedule = #cuda.tile_schedule<mma = <mma>>} {
  %0 = tenon.matmul %x, %w : (tensor<128x256xf16>, tensor<256x128xf16>) -> tensor<128x128xf16>
  tenon.yield %0 : tensor<128x128xf16>
}

// What is not in memory as it is multiplied goes through registers, and is stored behind the products: here f32 that
// is rounded. It is read two steps later.
// CHECK-LABEL: module @through_registers
//       CHECK:   scf.for
//       CHECK:     tile.wait 1
//  CHECK-NEXT:     nvvm.barrier0
//       CHECK:     %[[HELD:.*]]:{{.*}} = scf.if
//       CHECK:       llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr -> vector<8xf32>
//       CHECK:       arith.truncf %{{.*}} : vector<8xf32> to vector<8xf16>
//       CHECK:     tile.mma
//       CHECK:     scf.if
//       CHECK:       tile.store %[[HELD]]#0 to
tenon.kernel @through_registers(%x: tensor<128x256xf32>, %w: tensor<256x128xf16>) -> tensor<128x128xf32>
    attributes {strategy = "contraction", schedule = #cuda.tile_schedule<stages = 3, mma = <mma>>} {
  %0 = tenon.matmul %x, %w {tenon.multiplied_type = f16} : (tensor<128x256xf32>, tensor<256x128xf16>) -> tensor<128x128xf32>
  tenon.yield %0 : tensor<128x128xf32>
}

// f32 in two parts: the same tiles are read as words, which are rounded, and what that loses is multiplied, too.
// CHECK-LABEL: module @in_parts
//       CHECK:   tile.buffer at 0 : <3, 128, 32, f32, swizzled>
//       CHECK:   %[[WORDS:.*]] = tile.buffer at 0 : <3, 128, 32, i32, swizzled>
//       CHECK:   tile.operand rows of %[[WORDS]]
//       CHECK:   nvvm.convert.float.to.tf32
//       CHECK:   arith.subf
//       CHECK:   nvvm.convert.float.to.tf32
// CHECK-COUNT-3: tile.mma tf32
// Sums that are not finite are taken again.
//       CHECK:   tile.load
//       CHECK:   arith.cmpf olt
//       CHECK:   scf.if
//       CHECK:     scf.for
//       CHECK:       vector.fma {{.*}} : vector<4xf32>
//       CHECK:     arith.select
tenon.kernel @in_parts(%x: tensor<128x256xf32>, %w: tensor<128x256xf32>) -> tensor<128x128xf32>
    attributes {strategy = "contraction", schedule = #cuda.tile_schedule<warp_columns = 32, warp_rows = 32, stages = 3, mma = <mma_3xtf32>>} {
  %0 = tenon.matmul %x, %w {transposeRhs, tenon.bfloat_products = 3} : (tensor<128x256xf32>, tensor<128x256xf32>) -> tensor<128x128xf32>
  tenon.yield %0 : tensor<128x128xf32>
}

// Few rows: each lane loads neighbours of all columns before those of rows, lanes add up, and each one finishes one sum.
// CHECK-LABEL: module @few_rows
//       CHECK:   scf.for
//       CHECK:     scf.for {{.*}} iter_args
// CHECK-COUNT-4:   llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr -> vector<8xf16>
//       CHECK:     llvm.intr.fma
// CHECK-COUNT-20:  nvvm.shfl.sync  bfly
//       CHECK:     scf.if
//   CHECK-NOT:       llvm.store
//       CHECK:       arith.addf
//       CHECK:       llvm.store
//   CHECK-NOT:       llvm.store
tenon.kernel @few_rows(%x: tensor<2x1024xf16>, %w: tensor<64x1024xf16>, %b: tensor<64xf32>) -> tensor<2x64xf32>
    attributes {strategy = "contraction", schedule = #cuda.gemv_schedule<columns = 2>} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<2x1024xf16>, tensor<64x1024xf16>) -> tensor<2x64xf32>
  %1 = tenon.add %0, %b : (tensor<2x64xf32>, tensor<64xf32>) -> tensor<2x64xf32>
  tenon.yield %1 : tensor<2x64xf32>
}

// Weights in blocks: eight codes of 4 bits are one load; each becomes a float below the bits of 2^23. Warps that share the
// depth meet before their sums are added up, and before the next ones take their place.
// CHECK-LABEL: module @few_rows_of_codes
//       CHECK:   %[[SUMS:.*]] = llvm.mlir.addressof @few_rows_of_codes_shared_0
//       CHECK:   scf.for
//       CHECK:     scf.for {{.*}} iter_args
//       CHECK:       llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<1xi32>
// CHECK-COUNT-8:       arith.ori
//       CHECK:       llvm.intr.fma
//       CHECK:     nvvm.barrier0
// CHECK-COUNT-3:   arith.addf
//       CHECK:     nvvm.barrier0
//       CHECK:     scf.if
//       CHECK:       llvm.store
tenon.kernel @few_rows_of_codes(%x: tensor<1x1024xf32>, %q: tensor<1x64x512xui8>, %s: tensor<1x64x32xf32>) -> tensor<1x64xf32>
    attributes {strategy = "contraction", schedule = #cuda.gemv_schedule<columns = 1, slices = 4>} {
  %c = tenon.unpack %q {layout = #cuda.code_columns} : (tensor<1x64x512xui8>) -> tensor<1024x64xi4>
  %t = tenon.unpack %s {layout = #cuda.columns<>} : (tensor<1x64x32xf32>) -> tensor<32x64xf32>
  %w = tenon.dequantize_blocks %c, %t {axis = 0, block_size = 32} : (tensor<1024x64xi4>, tensor<32x64xf32>) -> tensor<1024x64xf32>
  %0 = tenon.matmul %x, %w : (tensor<1x1024xf32>, tensor<1024x64xf32>) -> tensor<1x64xf32>
  tenon.yield %0 : tensor<1x64xf32>
}

// Attention on matrix units: queries stay in registers, and each step is multiplied while the next one is brought. Scores
// become powers, in two parts, and multiply values without leaving their lanes. One barrier a step.
// CHECK-LABEL: module @attention_units
//       CHECK:   %[[QUERIES:.*]] = tile.buffer at 0 : <1, 64, 64, f16, swizzled>
//       CHECK:   %[[KEYS:.*]] = tile.buffer at 8192 : <2, 32, 64, f16, swizzled>
//       CHECK:   %[[VALUES:.*]] = tile.buffer at 16384 : <2, 32, 64, f16, swizzled>
//       CHECK:   %[[RESULTS:.*]] = tile.buffer at 0 : <1, 64, 64, f32, padded>
//       CHECK:   scf.for
//       CHECK:     tile.commit
//  CHECK-NEXT:     tile.wait 0
//  CHECK-NEXT:     nvvm.barrier0
// CHECK-COUNT-4:   tile.operand rows of %[[QUERIES]]
//       CHECK:     scf.for
//       CHECK:       scf.if
//       CHECK:         tile.copy %{{.*}}, %{{.*}} to %[[KEYS]]
//       CHECK:         tile.copy %{{.*}}, %{{.*}} to %[[VALUES]]
//       CHECK:       tile.commit
//   CHECK-NOT:       tile.operand rows
//       CHECK:       tile.operand columns of %[[KEYS]]
//       CHECK:       tile.mma f16
// CHECK-COUNT-4:     nvvm.shfl.sync  bfly
//       CHECK:       llvm.call_intrinsic "llvm.nvvm.ex2.approx"
// CHECK-COUNT-2:     tile.left_of_sums f16 %{{.*}} part 0
//       CHECK:       tile.operand lines of %[[VALUES]]
// CHECK-COUNT-2:     tile.mma f16
//       CHECK:       tile.wait 0
//  CHECK-NEXT:       nvvm.barrier0
//   CHECK-NOT:     nvvm.barrier0
//       CHECK:     arith.divf
// CHECK-COUNT-4:   tile.store_sums %{{.*}} to %[[RESULTS]]
//  CHECK-NEXT:     nvvm.barrier0
//       CHECK:       llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr
//       CHECK:     nvvm.barrier0
tenon.kernel @attention_units(%q: tensor<8x128x64xf16>, %k: tensor<8x128x64xf16>) -> tensor<8x128x64xf32>
    attributes {strategy = "attention", schedule = #cuda.attention_tile_schedule<tile_keys = 32, mma = <mma>>} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<8x128x64xf16>, tensor<8x128x64xf16>, tensor<8x128x64xf16>) -> tensor<8x128x64xf32>
  tenon.yield %0 : tensor<8x128x64xf32>
}

// Warps that share keys weigh their results by what all of them know. What is rounded is brought without copies, and
// nobody waits for any.
// CHECK-LABEL: module @attention_slices
//       CHECK:   %[[STATES:.*]] = tile.buffer at 3072 : <2, 16, 4, f32, padded>
//   CHECK-NOT:   tile.commit
//   CHECK-NOT:   tile.wait
//       CHECK:   tile.left_of_sums bf16 %[[POWERS:.*]] part 0
//   CHECK-NOT:   tile.left_of_sums
//       CHECK:   tile.store %{{.*}} to %[[STATES]]
//       CHECK:   nvvm.barrier0
// CHECK-COUNT-4: tile.load %[[STATES]]
//       CHECK:   tile.store_sums
//       CHECK:   %[[FIRST:.*]] = tile.load
//  CHECK-NEXT:   %[[SECOND:.*]] = tile.load
//  CHECK-NEXT:   arith.addf %[[FIRST]], %[[SECOND]]
tenon.kernel @attention_slices(%q: tensor<8x1x16xf32>, %k: tensor<1x128x16xf32>) -> tensor<8x1x16xf32>
    attributes {strategy = "attention", schedule = #cuda.attention_tile_schedule<tile_rows = 16, tile_keys = 32, slices = 2, mma = <mma>>} {
  %0 = tenon.attention %q, %k, %k {scale = 1.0, tenon.multiplied_type = bf16} : (tensor<8x1x16xf32>, tensor<1x128x16xf32>, tensor<1x128x16xf32>) -> tensor<8x1x16xf32>
  tenon.yield %0 : tensor<8x1x16xf32>
}

// Groups of warps that share a step's depth add up their sums in order.
// CHECK-LABEL: module @slices
//       CHECK:   tile.buffer at 0 : <2, 16, 32, f32, padded>
//       CHECK:   %[[FIRST:.*]] = tile.load
//  CHECK-NEXT:   %[[SECOND:.*]] = tile.load
//  CHECK-NEXT:   arith.addf %[[FIRST]], %[[SECOND]]
tenon.kernel @slices(%x: tensor<16x256xbf16>, %w: tensor<256x32xbf16>) -> tensor<16x32xf32>
    attributes {strategy = "contraction", schedule = #cuda.tile_schedule<tile_rows = 16, tile_columns = 32,
        warp_rows = 16, warp_columns = 16, slices = 2, mma = <mma>>} {
  %0 = tenon.matmul %x, %w : (tensor<16x256xbf16>, tensor<256x32xbf16>) -> tensor<16x32xf32>
  tenon.yield %0 : tensor<16x32xf32>
}

// Keys in parts: a tile goes through the steps of its own. It does not divide, and stores largest scores and sums of powers behind
// its columns.
// CHECK-LABEL: module @key_parts
//       CHECK:   %[[END:.*]] = arith.minsi
//       CHECK:   scf.for %{{.*}} = %{{.*}} to %[[END]] step
//   CHECK-NOT:   arith.divf
//       CHECK:   llvm.store %{{.*}} {alignment = 4 : i64} : f32
//       CHECK:   llvm.store %{{.*}} {alignment = 4 : i64} : f32
//       CHECK:   tile.store_sums
//       CHECK:   llvm.store %{{.*}} {alignment = 8 : i64} : vector<4xf32>
tenon.kernel @key_parts(%q: tensor<4x1x32xf16>, %k: tensor<2x700x32xf16>, %v: tensor<2x700x48xf16>) -> tensor<16x4x1x50xf32>
    attributes {strategy = "attention", schedule = #cuda.attention_tile_schedule<tile_rows = 16, slices = 4, mma = <mma>>} {
  %0 = tenon.attention %q, %k, %v {scale = 0.05, keyParts = 16} : (tensor<4x1x32xf16>, tensor<2x700x32xf16>, tensor<2x700x48xf16>) -> tensor<16x4x1x50xf32>
  tenon.yield %0 : tensor<16x4x1x50xf32>
}

// CHECK-LABEL: module @key_parts_by_fma
//       CHECK:   %[[END:.*]] = arith.minsi
//       CHECK:   scf.for %{{.*}} = %{{.*}} to %[[END]] step
//   CHECK-NOT:   arith.divf
//       CHECK:   llvm.store %{{.*}} {alignment = 4 : i64} : f32
tenon.kernel @key_parts_by_fma(%q: tensor<4x1x32xf32>, %k: tensor<2x700x32xf32>, %v: tensor<2x700x48xf32>) -> tensor<16x4x1x50xf32>
    attributes {strategy = "attention", schedule = #cuda.attention_schedule<tile_rows = 16>} {
  %0 = tenon.attention %q, %k, %v {scale = 0.05, keyParts = 16} : (tensor<4x1x32xf32>, tensor<2x700x32xf32>, tensor<2x700x48xf32>) -> tensor<16x4x1x50xf32>
  tenon.yield %0 : tensor<16x4x1x50xf32>
}

}
