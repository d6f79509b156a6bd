// Warps with different roles: what is printed parses, and is what was read.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: llvm.func @producer(
llvm.func @producer(%map: !llvm.ptr, %stage: i64, %depth: i64, %row: i64, %parity: i64, %tap: i64) {
  // CHECK: tile.registers decrease to 40
  tile.registers decrease to 40
  // CHECK: %[[TILES:.*]] = tile.buffer
  %tiles = tile.buffer at 0 : !tile.buffer<4, 128, 64, f16, swizzled>
  // CHECK: %[[FULL:.*]] = tile.barriers at 65536 : <4>
  %full = tile.barriers at 65536 : !tile.barriers<4>
  // CHECK: tile.start_barriers %[[FULL]] for 1 : <4>
  tile.start_barriers %full for 1 : !tile.barriers<4>
  // CHECK: tile.await %[[FULL]][%{{.*}}], %{{.*}} : <4>
  tile.await %full[%stage], %parity : !tile.barriers<4>
  // CHECK: tile.expect 16384 at %[[FULL]][%{{.*}}] : <4>
  tile.expect 16384 at %full[%stage] : !tile.barriers<4>
  // CHECK: tile.bring %{{.*}}[%{{.*}}, %{{.*}}] to %[[TILES]][%{{.*}}, %{{.*}}] by %[[FULL]][%{{.*}}] : !llvm.ptr, <4, 128, 64, f16, swizzled>, <4>
  tile.bring %map[%depth, %row] to %tiles[%stage, %row] by %full[%stage] : !llvm.ptr, !tile.buffer<4, 128, 64, f16, swizzled>, !tile.barriers<4>
  // CHECK: tile.bring %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] tap[%{{.*}}] to
  tile.bring %map[%depth, %row, %row] tap[%tap] to %tiles[%stage, %row] by %full[%stage] : !llvm.ptr, !tile.buffer<4, 128, 64, f16, swizzled>, !tile.barriers<4>
  llvm.return
}

// CHECK-LABEL: llvm.func @consumer(
llvm.func @consumer(%stage: i64, %row: i64, %depth: i64, %later: i1, %sums: vector<8xi32>) -> vector<8xi32> {
  // CHECK: tile.warpgroup
  %group = tile.warpgroup
  %left = tile.buffer at 0 : !tile.buffer<4, 128, 64, i8, swizzled>
  %right = tile.buffer at 32768 : !tile.buffer<4, 16, 64, i8, swizzled>
  %empty = tile.barriers at 65536 : !tile.barriers<4>
  // CHECK: tile.fence_products
  tile.fence_products
  // CHECK: %[[NEXT:.*]] = tile.multiply u8 %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}], s8 %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}], %{{.*}}, %{{.*}} : <4, 128, 64, i8, swizzled>, <4, 16, 64, i8, swizzled>, vector<8xi32> -> vector<8xi32>
  %next = tile.multiply u8 %left[%stage, %row, %depth], s8 %right[%stage, %row, %depth], %later, %sums
      : !tile.buffer<4, 128, 64, i8, swizzled>, !tile.buffer<4, 16, 64, i8, swizzled>, vector<8xi32> -> vector<8xi32>
  // CHECK: tile.commit_products
  tile.commit_products
  // CHECK: tile.wait_products 1
  tile.wait_products 1
  // CHECK: tile.wait_products 0 of %[[NEXT]] : vector<8xi32> -> vector<8xi32>
  %done = tile.wait_products 0 of %next : vector<8xi32> -> vector<8xi32>
  // CHECK: tile.arrive at %{{.*}}[%{{.*}}] : <4>
  tile.arrive at %empty[%stage] : !tile.barriers<4>
  // CHECK: %[[RANK:.*]] = tile.cluster_rank
  %rank = tile.cluster_rank
  // CHECK: tile.arrive at %{{.*}}[%{{.*}}] in %[[RANK]] : <4>
  tile.arrive at %empty[%stage] in %rank : !tile.barriers<4>
  // CHECK: tile.await %{{.*}} {ofCluster} : <4>
  tile.await %empty[%stage], %stage {ofCluster} : !tile.barriers<4>
  // CHECK: tile.meet_cluster
  tile.meet_cluster
  // CHECK: tile.meet{{$}}
  tile.meet
  // CHECK: tile.meet_warpgroup %{{.*}}
  tile.meet_warpgroup %group
  llvm.return %done : vector<8xi32>
}

// Two of four numbers of the left operand are left, and words tell where they were.
// CHECK-LABEL: llvm.func @sparse(
llvm.func @sparse(%stage: i64, %row: i64, %depth: i64, %words: i32, %later: i1, %sums: vector<8xf32>) -> vector<8xf32> {
  %left = tile.buffer at 0 : !tile.buffer<4, 64, 32, f16, swizzled>
  %right = tile.buffer at 16384 : !tile.buffer<4, 16, 64, f16, swizzled>
  // CHECK: tile.multiply f16 %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] places %{{.*}} part 1, f16 %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}], %{{.*}}, %{{.*}} : <4, 64, 32, f16, swizzled>
  %next = tile.multiply f16 %left[%stage, %row, %depth] places %words part 1, f16 %right[%stage, %row, %depth], %later, %sums
      : !tile.buffer<4, 64, 32, f16, swizzled>, !tile.buffer<4, 16, 64, f16, swizzled>, vector<8xf32> -> vector<8xf32>
  llvm.return %next : vector<8xf32>
}
