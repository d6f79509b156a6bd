// Tiles as instructions of a warp.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-lower-kernels,canonicalize,cse)' --split-input-file | FileCheck %s

// Shared memory is what a launch gives, of which a buffer is a part. A copy that is not valid reads nothing.
// CHECK:       llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK-LABEL: llvm.func @copy(
//  CHECK-SAME:   %[[SOURCE:.*]]: !llvm.ptr, %[[VALID:.*]]: i1
//   CHECK-DAG:   %[[ALL:.*]] = llvm.mlir.constant(16 : i32)
//   CHECK-DAG:   %[[NONE:.*]] = llvm.mlir.constant(0 : i32)
//       CHECK:   %[[BASE:.*]] = llvm.mlir.addressof @shared : !llvm.ptr<3>
//       CHECK:   %[[TILES:.*]] = llvm.getelementptr %[[BASE]][1024]
//       CHECK:   llvm.xor
//       CHECK:   %[[TO:.*]] = llvm.getelementptr %[[TILES]]
//       CHECK:   %[[FROM:.*]] = llvm.addrspacecast %[[SOURCE]] : !llvm.ptr to !llvm.ptr<1>
//       CHECK:   %[[BYTES:.*]] = llvm.select %[[VALID]], %[[ALL]], %[[NONE]]
//       CHECK:   nvvm.cp.async.shared.global %[[TO]], %[[FROM]], 16, cache = cg, %[[BYTES]]
//       CHECK:   nvvm.cp.async.commit.group
//       CHECK:   nvvm.cp.async.wait.group 2
llvm.func @copy(%source: !llvm.ptr, %valid: i1, %stage: i64, %row: i64, %column: i64) {
  %tiles = tile.buffer at 1024 : !tile.buffer<4, 128, 32, f16, swizzled>
  tile.copy %source, %valid to %tiles[%stage, %row, %column] : !llvm.ptr, !tile.buffer<4, 128, 32, f16, swizzled>
  tile.commit
  tile.wait 2
  llvm.return
}

// -----

// Four matrices of eight rows at a time, turned where steps of the depth are lines; sixteen columns are two instructions.
// CHECK-LABEL: llvm.func @multiply(
//       CHECK:   nvvm.ldmatrix %{{.*}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, num = 4 : i32
//       CHECK:   nvvm.ldmatrix %{{.*}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK-COUNT-2: nvvm.mma.sync {{.*}} {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 16, n = 8, k = 16>} : (vector<2xf16>, vector<2xf16>, f32)
//   CHECK-NOT:   nvvm.mma.sync
llvm.func @multiply(%stage: i64, %row: i64, %column: i64, %sums: vector<8xf32>) -> vector<8xf32> {
  %left = tile.buffer at 0 : !tile.buffer<4, 128, 32, f16, swizzled>
  %right = tile.buffer at 32768 : !tile.buffer<4, 32, 128, f16, swizzled>
  %a = tile.operand rows of %left[%stage, %row, %column] : !tile.buffer<4, 128, 32, f16, swizzled>
  %b = tile.operand lines of %right[%stage, %column, %row] : !tile.buffer<4, 32, 128, f16, swizzled>
  %next = tile.mma f16 %a, f16 %b, %sums : vector<8xf32>
  llvm.return %next : vector<8xf32>
}

// -----

// Sums of bytes wrap around.
// CHECK-LABEL: llvm.func @bytes(
// CHECK-COUNT-2: nvvm.mma.sync {{.*}} {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<u8>, multiplicandBPtxType = #nvvm.mma_type<s8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>}
llvm.func @bytes(%a: vector<4xi32>, %b: vector<4xi32>, %sums: vector<8xi32>) -> vector<8xi32> {
  %next = tile.mma u8 %a, s8 %b, %sums : vector<8xi32>
  llvm.return %next : vector<8xi32>
}

// -----

// Numbers of f32 are rounded when they are loaded.
// CHECK-LABEL: llvm.func @rounded(
//       CHECK:   nvvm.ldmatrix
// CHECK-COUNT-4: nvvm.convert.float.to.tf32 %{{.*}} {rnd = #nvvm.fp_rnd_mode<rna>}
//       CHECK:   nvvm.mma.sync {{.*}} multiplicandAPtxType = #nvvm.mma_type<tf32>, multiplicandBPtxType = #nvvm.mma_type<tf32>, shape = #nvvm.shape<m = 16, n = 8, k = 8>
llvm.func @rounded(%stage: i64, %row: i64, %column: i64, %b: vector<4xi32>, %sums: vector<8xf32>) -> vector<8xf32> {
  %left = tile.buffer at 0 : !tile.buffer<4, 128, 16, f32, swizzled>
  %a = tile.operand rows of %left[%stage, %row, %column] : !tile.buffer<4, 128, 16, f32, swizzled>
  %next = tile.mma tf32 %a, tf32 %b, %sums : vector<8xf32>
  llvm.return %next : vector<8xf32>
}

// -----

// Sums become the left operand of another product: neighbours of halves are a word.
// CHECK-LABEL: llvm.func @left_of_halves(
// CHECK-COUNT-4: nvvm.convert.f32x2.to.f16x2 %{{.*}}, %{{.*}} {rnd = #nvvm.fp_rnd_mode<rn>} : vector<2xf16>
//   CHECK-NOT:   nvvm.convert
llvm.func @left_of_halves(%sums: vector<8xf32>) -> vector<4xi32> {
  %a = tile.left_of_sums f16 %sums part 0 : vector<8xf32>
  llvm.return %a : vector<4xi32>
}

// -----

// Of tf32 a lane has neighbours where it would need columns q and q + 4: even ones come first, then odd ones.
// CHECK-LABEL: llvm.func @left_of_tf32(
//  CHECK-SAME:   %[[SUMS:.*]]: vector<8xf32>
//   CHECK-DAG:   %[[AT4:.*]] = llvm.mlir.constant(4 : i64)
//   CHECK-DAG:   %[[AT5:.*]] = llvm.mlir.constant(5 : i64)
//   CHECK-DAG:   %[[AT6:.*]] = llvm.mlir.constant(6 : i64)
//   CHECK-DAG:   %[[AT7:.*]] = llvm.mlir.constant(7 : i64)
//   CHECK-DAG:   %[[FIRST:.*]] = llvm.extractelement %[[SUMS]][%[[AT4]]
//   CHECK-DAG:   %[[SECOND:.*]] = llvm.extractelement %[[SUMS]][%[[AT5]]
//   CHECK-DAG:   %[[THIRD:.*]] = llvm.extractelement %[[SUMS]][%[[AT6]]
//   CHECK-DAG:   %[[FOURTH:.*]] = llvm.extractelement %[[SUMS]][%[[AT7]]
//       CHECK:   nvvm.convert.float.to.tf32 %[[FIRST]]
//       CHECK:   nvvm.convert.float.to.tf32 %[[THIRD]]
//       CHECK:   nvvm.convert.float.to.tf32 %[[SECOND]]
//       CHECK:   nvvm.convert.float.to.tf32 %[[FOURTH]]
llvm.func @left_of_tf32(%sums: vector<8xf32>) -> vector<4xi32> {
  %a = tile.left_of_sums tf32 %sums part 1 : vector<8xf32>
  llvm.return %a : vector<4xi32>
}

// -----

// What goes with it is loaded number by number.
// CHECK-LABEL: llvm.func @paired(
// CHECK-COUNT-4: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
//   CHECK-NOT:   llvm.load
llvm.func @paired(%stage: i64, %row: i64, %column: i64) -> vector<4xi32> {
  %values = tile.buffer at 0 : !tile.buffer<2, 64, 32, f32, swizzled>
  %b = tile.operand paired_lines of %values[%stage, %row, %column] : !tile.buffer<2, 64, 32, f32, swizzled>
  llvm.return %b : vector<4xi32>
}

// -----

// Two sums of two rows, and as many of the eight columns beside.
// CHECK-LABEL: llvm.func @store(
// CHECK-COUNT-4: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : vector<2xf32>, !llvm.ptr<3>
//   CHECK-NOT:   llvm.store
llvm.func @store(%sums: vector<8xf32>, %row: i64, %column: i64, %stage: i64) {
  %tile = tile.buffer at 0 : !tile.buffer<1, 128, 128, f32, padded>
  tile.store_sums %sums to %tile[%stage, %row, %column] : vector<8xf32>, !tile.buffer<1, 128, 128, f32, padded>
  llvm.return
}

// -----

// Of halves an instruction is 32 deep and takes the words of two of four lanes, of bytes 64 deep and all lanes' words. Sums are stored
// turned: half of the lanes begin with their second one, so that no two rows meet in a bank.
// CHECK-LABEL: llvm.func @sparse(
// CHECK-COUNT-2: nvvm.mma.sp.sync {{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 32>
// CHECK-COUNT-2: nvvm.mma.sp.sync {{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 64>
//   CHECK-NOT:   nvvm.mma.sp.sync
// CHECK-COUNT-8: llvm.store %{{.*}} : f32, !llvm.ptr<3>
llvm.func @sparse(%a: vector<4xi32>, %places: i32, %b: vector<4xi32>, %c: vector<4xi32>, %sums: vector<8xf32>, %whole: vector<8xi32>, %row: i64, %column: i64) -> vector<8xi32> {
  %tile = tile.buffer at 0 : !tile.buffer<1, 64, 64, f32, padded>
  %stage = llvm.mlir.constant(0 : i64) : i64
  %halves = tile.mma_sparse bf16 %a, %places part 1, bf16 %b, %c, %sums : vector<8xf32>
  %bytes = tile.mma_sparse s8 %a, %places part 0, u8 %b, %c, %whole : vector<8xi32>
  tile.store_sums %halves to %tile[%stage, %row, %column] turned : vector<8xf32>, !tile.buffer<1, 64, 64, f32, padded>
  llvm.return %bytes : vector<8xi32>
}

// -----

// Floats of 8 bits, for which the dialect has no op.
// CHECK-LABEL: llvm.func @floats_of_8_bits(
// CHECK-COUNT-2: llvm.inline_asm has_side_effects {{.*}}"mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};", "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"
//     CHECK-NOT: llvm.inline_asm
llvm.func @floats_of_8_bits(%a: vector<4xi32>, %b: vector<4xi32>, %sums: vector<8xf32>) -> vector<8xf32> {
  %next = tile.mma e4m3 %a, e5m2 %b, %sums : vector<8xf32>
  llvm.return %next : vector<8xf32>
}
