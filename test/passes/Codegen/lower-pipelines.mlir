// Ops of warps with different roles as instructions.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-lower-kernels,canonicalize,cse)' --split-input-file | FileCheck %s

// The assembler sees that a warpgroup's number is the same in a warp.
// CHECK-LABEL: llvm.func @roles(
//       CHECK:   %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x : i32
//       CHECK:   %[[GROUP:.*]] = llvm.udiv %[[THREAD]], %{{.*}} : i32
//       CHECK:   nvvm.shfl.sync idx %{{.*}}, %[[GROUP]]
//       CHECK:   nvvm.setmaxregister decrease 40
//       CHECK:   nvvm.bar.warp.sync
llvm.func @roles() -> i64 {
  %group = tile.warpgroup
  tile.registers decrease to 40
  tile.meet
  llvm.return %group : i64
}

// -----

// The copy engine sees barriers once they are made. A wait goes on where the instruction gives up.
// CHECK-LABEL: llvm.func @barriers(
//       CHECK:   %[[BARRIERS:.*]] = llvm.getelementptr %{{.*}}[4096]
// CHECK-COUNT-2: nvvm.mbarrier.init
//   CHECK-NOT:   nvvm.mbarrier.init
//       CHECK:   nvvm.fence.mbarrier.init
//       CHECK:   nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
//       CHECK:   nvvm.mbarrier.arrive.expect_tx
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}mbarrier.try_wait.parity.shared::cta.b64 over, [$0], $1;{{.*}}@!over bra again_${:uid}{{.*}} "l,r,~{memory}"
//       CHECK:   nvvm.mbarrier.arrive %
llvm.func @barriers(%stage: i64, %parity: i64) {
  %full = tile.barriers at 4096 : !tile.barriers<2>
  tile.start_barriers %full for 1 : !tile.barriers<2>
  tile.expect 32768 at %full[%stage] : !tile.barriers<2>
  tile.await %full[%stage], %parity : !tile.barriers<2>
  tile.arrive at %full[%stage] : !tile.barriers<2>
  llvm.return
}

// -----

// CHECK-LABEL: llvm.func @bring(
//       CHECK:   llvm.addrspacecast %{{.*}} : !llvm.ptr<3> to !llvm.ptr<7>
//       CHECK:   nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %{{.*}}, %{{.*}}, box[%{{[0-9]+}}, %{{[0-9]+}}] : !llvm.ptr<7>, !llvm.ptr
//       CHECK:   nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, box[%{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}] im2col[%{{[0-9]+}}, %{{[0-9]+}}] {mode = #nvvm.tma_load_mode<im2col>} : !llvm.ptr<7>, !llvm.ptr
llvm.func @bring(%map: !llvm.ptr, %stage: i64, %row: i64, %depth: i64, %tap: i64) {
  %tiles = tile.buffer at 0 : !tile.buffer<4, 128, 64, f16, swizzled>
  %full = tile.barriers at 65536 : !tile.barriers<4>
  tile.bring %map[%depth, %row] to %tiles[%stage, %row] by %full[%stage] : !llvm.ptr, !tile.buffer<4, 128, 64, f16, swizzled>, !tile.barriers<4>
  tile.bring %map[%depth, %row, %row, %row] tap[%tap, %tap] to %tiles[%stage, %row] by %full[%stage] : !llvm.ptr, !tile.buffer<4, 128, 64, f16, swizzled>, !tile.barriers<4>
  llvm.return
}

// -----

// Sums are read and written: no copy of one comes between products under way. Swizzles of 128 and of 64 bytes.
// CHECK-LABEL: llvm.func @multiply(
//   CHECK-DAG:   llvm.mlir.constant(4611686293305360384 : i64)
//   CHECK-DAG:   llvm.mlir.constant(-9223371899415756800 : i64)
//       CHECK:   nvvm.wgmma.fence.aligned
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {$0, {{.*}}, $15}, $32, $33, accumulates, 1, 1, 0, 0;{{.*}} "=f,{{.*}},15,l,l,r,~{memory}"
//       CHECK:   nvvm.wgmma.commit.group.sync.aligned
//       CHECK:   nvvm.wgmma.wait.group.sync.aligned 1
//       CHECK:   llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,{{.*}},15,~{memory}"
llvm.func @multiply(%stage: i64, %row: i64, %depth: i64, %later: i1, %sums: vector<8xf32>) -> vector<8xf32> {
  %left = tile.buffer at 0 : !tile.buffer<4, 128, 64, f16, swizzled>
  %right = tile.buffer at 65536 : !tile.buffer<4, 32, 32, f16, swizzled>
  tile.fence_products
  %next:2 = tile.multiply f16 %left[%stage, %row, %depth], f16 %right[%stage, %row, %depth], %later, %sums, %sums
      : !tile.buffer<4, 128, 64, f16, swizzled>, !tile.buffer<4, 32, 32, f16, swizzled>, vector<8xf32>, vector<8xf32> -> vector<8xf32>, vector<8xf32>
  tile.commit_products
  tile.wait_products 1
  %done:2 = tile.wait_products 0 of %next#0, %next#1 : vector<8xf32>, vector<8xf32> -> vector<8xf32>, vector<8xf32>
  llvm.return %done#0 : vector<8xf32>
}

// -----

// Panels of 64 columns, each of 64 steps of the depth, are 512 units of 16 bytes apart.
// CHECK-LABEL: llvm.func @turned(
//       CHECK:   llvm.mlir.constant(4611686293338849280 : i64)
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, accumulates, 1, 1, 0, 1;
llvm.func @turned(%stage: i64, %row: i64, %depth: i64, %later: i1, %sums: vector<8xf32>) -> vector<8xf32> {
  %left = tile.buffer at 0 : !tile.buffer<4, 128, 64, bf16, swizzled>
  %right = tile.buffer at 65536 : !tile.buffer<4, 64, 64, bf16, swizzled>
  %next:4 = tile.multiply bf16 %left[%stage, %row, %depth], bf16 %right[%stage, %depth, %row] panel 64, %later, %sums, %sums, %sums, %sums
      : !tile.buffer<4, 128, 64, bf16, swizzled>, !tile.buffer<4, 64, 64, bf16, swizzled>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
      -> vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
  llvm.return %next#0 : vector<8xf32>
}

// -----

// Bytes of either sign have no signs of operands to choose; of f32 the depth is eight.
// CHECK-LABEL: llvm.func @numbers(
//       CHECK:   wgmma.mma_async.sync.aligned.m64n16k32.s32.u8.s8 {{.*}}, accumulates;{{.*}} "=r,
//       CHECK:   wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 {{.*}}, accumulates, 1, 1;
llvm.func @numbers(%i: i64, %later: i1, %whole: vector<8xi32>, %sums: vector<8xf32>) -> vector<8xi32> {
  %bytes = tile.buffer at 0 : !tile.buffer<4, 64, 128, i8, swizzled>
  %floats = tile.buffer at 65536 : !tile.buffer<4, 64, 32, f32, swizzled>
  %a = tile.multiply u8 %bytes[%i, %i, %i], s8 %bytes[%i, %i, %i], %later, %whole
      : !tile.buffer<4, 64, 128, i8, swizzled>, !tile.buffer<4, 64, 128, i8, swizzled>, vector<8xi32> -> vector<8xi32>
  %b = tile.multiply tf32 %floats[%i, %i, %i], tf32 %floats[%i, %i, %i], %later, %sums
      : !tile.buffer<4, 64, 32, f32, swizzled>, !tile.buffer<4, 64, 32, f32, swizzled>, vector<8xf32> -> vector<8xf32>
  llvm.return %a : vector<8xi32>
}

// -----

// Blocks of a cluster reach each other's barriers, and have boxes brought to all of them.
// CHECK-LABEL: llvm.func @cluster(
//       CHECK:   nvvm.read.ptx.sreg.cluster.ctarank
//       CHECK:   nvvm.cluster.arrive
//  CHECK-NEXT:   nvvm.cluster.wait
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64
//       CHECK:   nvvm.cp.async.bulk.tensor.shared.cluster.global {{.*}} multicast_mask = %{{.*}} : !llvm.ptr<7>, !llvm.ptr
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}mapa.shared::cluster.u64 there, $0, $1;{{.*}}mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];
llvm.func @cluster(%map: !llvm.ptr, %stage: i64, %row: i64, %parity: i64) {
  %tiles = tile.buffer at 0 : !tile.buffer<4, 128, 64, f16, swizzled>
  %full = tile.barriers at 65536 : !tile.barriers<4>
  %rank = tile.cluster_rank
  tile.meet_cluster
  tile.await %full[%stage], %parity {ofCluster} : !tile.barriers<4>
  tile.bring %map[%row, %row] to %tiles[%stage, %row] by %full[%stage] {blocks = 3 : i16} : !llvm.ptr, !tile.buffer<4, 128, 64, f16, swizzled>, !tile.barriers<4>
  tile.arrive at %full[%stage] in %rank : !tile.barriers<4>
  llvm.return
}

// -----

// Floats of 8 bits have signs, and lie by columns in any case.
// CHECK-LABEL: llvm.func @floats_of_8_bits(
//       CHECK:   wgmma.mma_async.sync.aligned.m64n16k32.f32.e5m2.e4m3 {{.*}}, accumulates, 1, 1;
llvm.func @floats_of_8_bits(%i: i64, %later: i1, %sums: vector<8xf32>) -> vector<8xf32> {
  %bytes = tile.buffer at 0 : !tile.buffer<4, 64, 128, i8, swizzled>
  %a = tile.multiply e5m2 %bytes[%i, %i, %i], e4m3 %bytes[%i, %i, %i], %later, %sums
      : !tile.buffer<4, 64, 128, i8, swizzled>, !tile.buffer<4, 64, 128, i8, swizzled>, vector<8xf32> -> vector<8xf32>
  llvm.return %a : vector<8xf32>
}

// -----

// Half of the left operand's numbers: the depth is twice as long, and words of the lane say where they were. A group meets at a
// barrier of its own, behind the block's.
// CHECK-LABEL: llvm.func @sparse(
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}wgmma.mma_async.sp.sync.aligned.m64n16k32.f32.bf16.bf16 {$0, {{.*}}, $7}, $16, $17, $19, 1, accumulates, 1, 1, 0, 0;{{.*}} "=f,{{.*}},7,l,l,r,r,~{memory}"
//       CHECK:   llvm.inline_asm has_side_effects {{.*}}wgmma.mma_async.sp.sync.aligned.m64n16k64.s32.s8.u8 {{.*}}, $16, $17, $19, 0, accumulates;
//       CHECK:   %[[NUMBER:.*]] = llvm.trunc %{{.*}} : i64 to i32
//       CHECK:   nvvm.barrier id = %[[NUMBER]] number_of_threads = %{{.*}}
llvm.func @sparse(%i: i64, %words: i32, %later: i1, %whole: vector<8xi32>, %sums: vector<8xf32>) -> vector<8xi32> {
  %half = tile.buffer at 0 : !tile.buffer<4, 64, 32, bf16, swizzled>
  %halves = tile.buffer at 16384 : !tile.buffer<4, 64, 64, bf16, swizzled>
  %half_bytes = tile.buffer at 65536 : !tile.buffer<4, 64, 64, i8, swizzled>
  %bytes = tile.buffer at 98304 : !tile.buffer<4, 64, 128, i8, swizzled>
  %a = tile.multiply bf16 %half[%i, %i, %i] places %words part 1, bf16 %halves[%i, %i, %i], %later, %sums
      : !tile.buffer<4, 64, 32, bf16, swizzled>, !tile.buffer<4, 64, 64, bf16, swizzled>, vector<8xf32> -> vector<8xf32>
  %b = tile.multiply s8 %half_bytes[%i, %i, %i] places %words part 0, u8 %bytes[%i, %i, %i], %later, %whole
      : !tile.buffer<4, 64, 64, i8, swizzled>, !tile.buffer<4, 64, 128, i8, swizzled>, vector<8xi32> -> vector<8xi32>
  tile.meet_warpgroup %i
  llvm.return %b : vector<8xi32>
}
