// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s

// Each kernel becomes a module of its name, for its target. The function that is called takes an
// array of buffers, and passes them on as pointers that are known not to alias.
// A task has its share of the vectors; what is left of the row is one masked trip.
// CHECK-LABEL: module @relu attributes {tenon.target = #cpu.target<name = "x86-64-v3"
//       CHECK:   llvm.func internal @relu.body(%[[X:.+]]: !llvm.ptr {llvm.noalias}, %[[Y:.+]]: !llvm.ptr {llvm.noalias}, %[[TASK:.+]]: i64, %[[TASKS:.+]]: i64)
//       CHECK:     %[[SHARE:.+]] = arith.muli %[[TASK]],
//       CHECK:     %[[FIRST:.+]] = arith.divui %[[SHARE]], %[[TASKS]]
//       CHECK:     %[[LOWER:.+]] = arith.muli %[[FIRST]],
//       CHECK:     scf.for %[[I:.+]] = %[[LOWER]] to %[[UPPER:.+]] step %c8_i64
//       CHECK:       %[[FROM:.+]] = llvm.getelementptr %[[X]][%[[I]]]
//       CHECK:       %[[V:.+]] = llvm.load %[[FROM]] {{.*}} -> vector<8xf32>
//       CHECK:       %[[NEGATIVE:.+]] = arith.cmpf olt, %[[V]], %[[ZERO:.+]] :
//       CHECK:       %[[RELU:.+]] = arith.select %[[NEGATIVE]], %[[ZERO]], %[[V]]
//       CHECK:       %[[TO:.+]] = llvm.getelementptr %[[Y]][%[[I]]]
//       CHECK:       llvm.store %[[RELU]], %[[TO]]
//       CHECK:     scf.if
//       CHECK:       %[[MASK:.+]] = arith.cmpi slt, {{.*}} : vector<8xi32>
//       CHECK:       llvm.intr.masked.load %{{.+}}, %[[MASK]]
//       CHECK:       llvm.intr.masked.store %{{.+}}, %{{.+}}, %[[MASK]]
//       CHECK:   llvm.func @relu(%[[ARGS:.+]]: !llvm.ptr, %{{.+}}: i64, %{{.+}}: i64)
//       CHECK:     %[[ARG0:.+]] = llvm.load %[[ARGS]]
//       CHECK:     llvm.getelementptr %[[ARGS]][1]
//       CHECK:     %[[ARG1:.+]] = llvm.load
//       CHECK:     llvm.call @relu.body(%[[ARG0]], %[[ARG1]], %{{.+}}, %{{.+}})
tenon.kernel @relu(%x: tensor<20xf32>) -> tensor<20xf32> attributes {strategy = "rows"} {
  %0 = tenon.relu %x : (tensor<20xf32>) -> tensor<20xf32>
  tenon.yield %0 : tensor<20xf32>
}

// Row by row: a pass for the sum, which stays in registers, and one for the results.
// CHECK-LABEL: llvm.func internal @mean.body
//       CHECK:   scf.for %[[ROW:.+]] =
//       CHECK:     %[[SUMS:.+]] = scf.for {{.*}} iter_args(%[[ACC:.+]] = %{{.+}}) -> (vector<32xf32>)
//       CHECK:       %[[V:.+]] = llvm.load {{.*}} -> vector<32xf32>
//       CHECK:       %[[NEXT:.+]] = arith.addf %[[ACC]], %[[V]]
//       CHECK:       scf.yield %[[NEXT]]
//       CHECK:     %[[SUM:.+]] = vector.reduction <add>, %[[SUMS]]
//       CHECK:     scf.for
//   CHECK-NOT:     scf.for
//       CHECK:       %[[V:.+]] = llvm.load {{.*}} -> vector<32xf32>
//       CHECK:       %[[ALL:.+]] = vector.broadcast %[[SUM]]
//       CHECK:       %[[QUOTIENT:.+]] = arith.divf %[[V]], %[[ALL]]
//       CHECK:       llvm.store %[[QUOTIENT]],
//       CHECK:   llvm.return
tenon.kernel @mean(%x: tensor<4x64xf32>) -> tensor<4x64xf32> attributes {strategy = "rows"} {
  %0 = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<4x64xf32>) -> tensor<4x1xf32>
  %1 = tenon.div %x, %0 : (tensor<4x64xf32>, tensor<4x1xf32>) -> tensor<4x64xf32>
  tenon.yield %1 : tensor<4x64xf32>
}

// Math functions stay as they are.
// CHECK-LABEL: llvm.func internal @exp.body
//       CHECK:   math.exp %{{.+}} : vector<
tenon.kernel @exp(%x: tensor<64xf32>) -> tensor<64xf32> attributes {strategy = "rows"} {
  %0 = tenon.exp %x : (tensor<64xf32>) -> tensor<64xf32>
  tenon.yield %0 : tensor<64xf32>
}

// Sizes that only a run tells are arguments after the buffers.
// CHECK-LABEL: llvm.func internal @dynamic.body(
//  CHECK-SAME:   %{{.+}}: !llvm.ptr {llvm.noalias}, %{{.+}}: !llvm.ptr {llvm.noalias}, %[[N:[^:]+]]: i64, %{{[^:]+}}: i64, %{{[^:]+}}: i64)
//       CHECK:   arith.minsi %{{.+}}, %[[N]]
//       CHECK: llvm.func @dynamic(%[[ARGS:.+]]: !llvm.ptr,
//       CHECK:   %[[SLOT:.+]] = llvm.getelementptr %[[ARGS]][2]
//       CHECK:   llvm.load %[[SLOT]] {{.*}} -> i64
tenon.kernel @dynamic(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
    attributes {num_symbols = 1 : i64, strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  tenon.yield %0 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// A product of 6 x 16 is one tile, a function of its own, whose sums stay in 6 x 2 registers until
// the epilogue has added the bias.
// CHECK-LABEL: llvm.func internal @product.body(
//       CHECK:   llvm.call @product.body_tile_6x2(
//       CHECK: llvm.func @product(
//       CHECK: llvm.func internal @product.body_tile_6x2(
//       CHECK:   %[[SUMS:.+]]:12 = scf.for
//       CHECK:     %[[W0:.+]] = llvm.load {{.*}} -> vector<8xf32>
//       CHECK:     %[[W1:.+]] = llvm.load {{.*}} -> vector<8xf32>
//       CHECK:     %[[X:.+]] = vector.broadcast
//       CHECK:     vector.fma %[[X]], %[[W0]],
//       CHECK:     vector.fma %[[X]], %[[W1]],
//       CHECK:     scf.yield
//       CHECK:   %[[BIAS:.+]] = llvm.load {{.*}} -> vector<8xf32>
//       CHECK:   %[[Y:.+]] = arith.addf %[[SUMS]]#0, %[[BIAS]]
//       CHECK:   llvm.store %[[Y]],
tenon.kernel @product(%x: tensor<6x32xf32>, %w: tensor<32x16xf32>, %b: tensor<16xf32>) -> tensor<6x16xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<6x32xf32>, tensor<32x16xf32>) -> tensor<6x16xf32>
  %1 = tenon.add %0, %b : (tensor<6x16xf32>, tensor<16xf32>) -> tensor<6x16xf32>
  tenon.yield %1 : tensor<6x16xf32>
}

// A function on strings gets those of the run, behind the buffers, in place of scratch memory.
// CHECK-LABEL: llvm.func internal @twice.body
//  CHECK-SAME:   (%[[X:.+]]: !llvm.ptr {llvm.noalias}, %[[Y:.+]]: !llvm.ptr {llvm.noalias}, %[[REPORT:.+]]: !llvm.ptr {llvm.noalias}, %[[STRINGS:.+]]: !llvm.ptr {llvm.noalias}, %[[TASK:.+]]: i64, %[[TASKS:.+]]: i64)
//       CHECK:   llvm.call @tenon_string_concat(%{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}, %[[STRINGS]], %[[TASK]], %[[TASKS]])
tenon.kernel @twice(%x: tensor<5xi64>) -> (tensor<5xi64>, tensor<2xi64>) attributes {strategy = "library", tasks = affine_map<() -> (1)>} {
  %0 = tenon.string_concat %x, %x : (tensor<5xi64>, tensor<5xi64>) -> tensor<5xi64>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xi64>, tensor<2xi64>
}
