// The structure of kernels for GPUs whose warps have different roles.
// RUN: tenon-opt %s --tenon-generate-kernels --canonicalize --cse | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-generate-kernels,builtin.module(tenon-expand-math,tenon-lower-kernels),tenon-verify-stage{stage=llvm})' -o /dev/null

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, multiprocessors = 132, shared_bytes = 232448,
    wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {

// A ring of stages: one thread has them filled, two groups of warps multiply what is there, and let the one before go. The
// maps say sizes and strides, which a run tells, by the launch's arguments: the fourth is the symbol.
// CHECK-LABEL: module @ring
//       CHECK: llvm.func @ring(%[[X:.*]]: !llvm.ptr {llvm.noalias}, %[[W:.*]]: !llvm.ptr {llvm.noalias}, %[[Y:.*]]: !llvm.ptr {llvm.noalias}, %{{[a-z0-9]+}}: i64,
//  CHECK-SAME:   %[[MAP:[a-z0-9]+]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant}, %[[OTHER:[a-z0-9]+]]: !llvm.ptr {
//  CHECK-SAME:   nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 384>
//  CHECK-SAME:   ["tenon-tensor-maps", "0,0,1,2,128,200,0,100,8,0,0,0,0,0,0,400,0,0,0,0,0,0,0,64,128,0,0,0,1,1,0,0,0,0,0,0,0;1,0,1,2,128,200,0,96,0,{{.*}},64,96,0,0,0,1,1,0,0,0,0,0,0,0"]
//  CHECK-SAME:   ["tenon-shared-bytes", "{{[0-9]+}}"]
//   CHECK-DAG:   %[[LEFT:.*]] = tile.buffer at 0 : <4, 128, 64, f16, swizzled>
//   CHECK-DAG:   %[[RIGHT:.*]] = tile.buffer at 65536 : <4, 96, 64, f16, swizzled>
//   CHECK-DAG:   tile.buffer at 114688 : <8, 16, 32, f32, padded>
//       CHECK:   tile.start_barriers %[[FULL:.*]] for 1 :
//       CHECK:   tile.start_barriers %[[EMPTY:.*]] for 8 :
//       CHECK:   nvvm.barrier0
//       CHECK:   tile.warpgroup
//       CHECK:   scf.if
//       CHECK:     tile.registers decrease to 40
//       CHECK:     scf.if
//       CHECK:       scf.for
//       CHECK:         scf.for
//       CHECK:           tile.await %[[EMPTY]]
//       CHECK:           tile.expect 28672 at %[[FULL]]
//       CHECK:           tile.bring %[[MAP]][{{.*}}] to %[[LEFT]]{{.*}} by %[[FULL]]
//       CHECK:           tile.bring %[[OTHER]][{{.*}}] to %[[RIGHT]]{{.*}} by %[[FULL]]
//       CHECK:   } else {
//       CHECK:     tile.registers increase to 232
//       CHECK:     scf.for
//       CHECK:       scf.for
//       CHECK:         tile.await %[[FULL]]
//       CHECK:         tile.fence_products
// CHECK-COUNT-4:         tile.multiply f16 %[[LEFT]]{{.*}}, f16 %[[RIGHT]]
//       CHECK:         tile.commit_products
//       CHECK:         tile.wait_products 1
//       CHECK:         scf.if
//       CHECK:           tile.arrive at %[[EMPTY]]
//       CHECK:       tile.wait_products 0 of
//       CHECK:       tile.arrive at %[[EMPTY]]
//       CHECK:       tile.meet
// CHECK-COUNT-2:       tile.store_sums
//  CHECK-NEXT:       tile.meet
//       CHECK:       tile.load
tenon.kernel @ring(%x: tensor<?x200xf16, affine_map<()[s0] -> (s0 * 100, 200)>>, %w: tensor<96x200xf16>) -> tensor<?x96xf16, affine_map<()[s0] -> (s0 * 100, 96)>>
    attributes {strategy = "contraction", num_symbols = 1 : i64, schedule = #cuda.pipeline_schedule<tile_columns = 96, mma = <wgmma>>} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<?x200xf16, affine_map<()[s0] -> (s0 * 100, 200)>>, tensor<96x200xf16>) -> tensor<?x96xf16, affine_map<()[s0] -> (s0 * 100, 96)>>
  tenon.yield %0 : tensor<?x96xf16, affine_map<()[s0] -> (s0 * 100, 96)>>
}

// Two blocks: each has half of the columns brought to both, and both stages are let go by the warps of both. All meet when
// barriers are made, and at the end.
// CHECK-LABEL: module @shared_columns
//       CHECK:   nvvm.cluster_dim = array<i32: 2>
//       CHECK:   %[[RANK:.*]] = tile.cluster_rank
//       CHECK:   tile.start_barriers %[[FULL:.*]] for 1 :
//       CHECK:   tile.start_barriers %[[EMPTY:.*]] for 16 :
//       CHECK:   tile.meet_cluster
//   CHECK-NOT:   nvvm.barrier0
//       CHECK:       tile.await %[[EMPTY]]{{.*}} {ofCluster}
//       CHECK:       tile.expect 32768 at %[[FULL]]
//       CHECK:       tile.bring {{.*}} by %[[FULL]][%{{[a-z0-9]+}}] :
//       CHECK:       tile.bring {{.*}} by %[[FULL]][%{{[a-z0-9]+}}] {blocks = 3 : i16} :
//       CHECK:       tile.await %[[FULL]]{{.*}} {ofCluster}
//       CHECK:       tile.arrive at %[[EMPTY]]{{.*}} in %{{.*}}
//       CHECK:   tile.meet_cluster
//  CHECK-NEXT:   llvm.return
tenon.kernel @shared_columns(%x: tensor<512x256xf16>, %w: tensor<256x256xf16>) -> tensor<512x256xf16>
    attributes {strategy = "contraction", tasks = affine_map<() -> (4)>, schedule = #cuda.pipeline_schedule<cluster = 2, mma = <wgmma>>} {
  %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<512x256xf16>, tensor<256x256xf16>) -> tensor<512x256xf16>
  tenon.yield %0 : tensor<512x256xf16>
}

// Steps of the depth one below the other: a box for each panel of 64 columns, whose rows begin with the step.
// CHECK-LABEL: module @turned
//       CHECK:   %[[PANELS:.*]] = tile.buffer at 32768 : <4, 128, 64, bf16, swizzled>
//       CHECK:   tile.bring {{.*}} to %[[PANELS]][%{{.*}}, %[[ZERO:.*]]] by
//       CHECK:   tile.bring {{.*}} to %[[PANELS]][%{{.*}}, %[[SECOND:.*]]] by
//       CHECK:   tile.multiply bf16 %{{.*}}, bf16 %[[PANELS]][%{{.*}}, %[[ZERO]], %[[ZERO]]] panel 64,
tenon.kernel @turned(%x: tensor<64x512xbf16>, %w: tensor<512x256xbf16>) -> tensor<64x256xf32>
    attributes {strategy = "contraction", schedule = #cuda.pipeline_schedule<consumers = 1, mma = <wgmma>>} {
  %0 = tenon.matmul %x, %w : (tensor<64x512xbf16>, tensor<512x256xbf16>) -> tensor<64x256xf32>
  tenon.yield %0 : tensor<64x256xf32>
}

// Runs of pixels of which a filter does not leave the image: three taps, two apart, reach four far. Filters have taps and
// channels apart, so that zeros are behind the channels of each tap.
// CHECK-LABEL: module @pixels
//       CHECK:   "0,0,1,4,128,40,0,9,0,11,0,2,0,0,0,80,0,720,0,7920,0,0,0,64,64,1,1,0,1,1,2,1,0,1,4,2,0;1,0,1,4,128,40,0,9,0,48,0,1,0,0,0,80,0,736,0,35328,0,0,0,64,1,64,1,0,1,1,1,1,0,0,0,0,0"
//       CHECK:   tile.bring %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] tap[%{{.*}}, %{{.*}}] to
//       CHECK:   tile.bring %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] to
tenon.kernel @pixels(%x: tensor<2x11x9x40xf16>, %packed: tensor<1x48x368xf16>) -> tensor<2x5x5x48xf16>
    attributes {strategy = "contraction", schedule = #cuda.pipeline_schedule<tile_columns = 64, consumers = 1, mma = <wgmma>>} {
  %w = tenon.unpack %packed {layout = #cuda.columns<>} : (tensor<1x48x368xf16>) -> tensor<3x3x40x48xf16>
  %0 = tenon.conv %x, %w {strides = array<i64: 2, 1>, dilations = array<i64: 1, 2>} : (tensor<2x11x9x40xf16>, tensor<3x3x40x48xf16>) -> tensor<2x5x5x48xf16>
  tenon.yield %0 : tensor<2x5x5x48xf16>
}

// Weights without half of them are rows of instructions: half of the depth in a line, 128 outputs by 64 positions. A third box has
// the words that say where they were, which lanes load before the fence. Steps go by twos, and the fifth is alone; a group's
// warps meet around its sums.
// CHECK-LABEL: module @sparse
//       CHECK:   "1,0,1,3,64,160,0,96,0,1,0,{{.*}},32,128,1,{{.*}};0,0,1,2,128,320,0,200,0,{{.*}},64,64,{{.*}};1,30720,2,4,128,32,0,5,0,6,0,1,0,0,0,128,0,640,0,34560,0,0,0,32,1,8,1,0,
//   CHECK-DAG:   %[[VALUES:.*]] = tile.buffer at 0 : <2, 128, 32, f16, swizzled>
//   CHECK-DAG:   %[[ROWS:.*]] = tile.buffer at 16384 : <2, 64, 64, f16, swizzled>
//   CHECK-DAG:   %[[PLACES:.*]] = tile.buffer at 32768 : <2, 8, 32, i32, swizzled>
//   CHECK-DAG:   %[[SUMS:.*]] = tile.buffer at 34816 : <2, 64, 64, f32, padded>
//       CHECK:   tile.expect 17408 at
//       CHECK:   tile.bring {{.*}} to %[[VALUES]]
//       CHECK:   tile.bring {{.*}} to %[[PLACES]]
//       CHECK:   tile.bring {{.*}} to %[[ROWS]]
//       CHECK:   scf.for
//       CHECK:     scf.for
// CHECK-COUNT-2:     tile.wait_products 1
//       CHECK:     }
//       CHECK:     tile.await
//       CHECK:     tile.load %[[PLACES]]
//       CHECK:     arith.maxui
//       CHECK:     tile.fence_products
//       CHECK:     tile.multiply f16 %[[VALUES]]{{.*}} places %[[OWN:.*]] part 0, f16 %[[ROWS]]
//       CHECK:     tile.multiply f16 %[[VALUES]]{{.*}} places %[[OWN]] part 1, f16 %[[ROWS]]
//       CHECK:     tile.meet_warpgroup
// CHECK-COUNT-4:     tile.store_sums {{.*}} to %[[SUMS]]{{.*}} turned
//  CHECK-NEXT:     tile.meet_warpgroup
tenon.kernel @sparse(%x: tensor<200x320xf16>, %packed: tensor<1x108x160xf16>) -> tensor<200x96xf16>
    attributes {strategy = "contraction", schedule = #cuda.pipeline_schedule<tile_columns = 64, stages = 2, mma = <wgmma_sparse>>} {
  %w = tenon.unpack %packed {layout = #cuda.sparse_columns<>} : (tensor<1x108x160xf16>) -> tensor<320x96xf16>
  %0 = tenon.matmul %x, %w : (tensor<200x320xf16>, tensor<320x96xf16>) -> tensor<200x96xf16>
  tenon.yield %0 : tensor<200x96xf16>
}
}
