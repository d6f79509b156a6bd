// RUN: tenon-opt %s --tenon-lower-host --split-input-file | FileCheck %s
//
// Numbers behind the pointer that tenon_run gets are fields of tenon_exec (runtime/abi.h): 0 inputs,
// 8 their dimensions, 16 arena, 32 launch, 40 alloc, 48 release, 56 output, 72 weights, 80 fail_values,
// 24 threads, 88 scratch, 96 strings.

// Buffers in the arena are offsets from its start, results of the function are the caller's memory,
// and constants lie among the weights. Each launch gets an array of its buffers.
// and constants lie among the weights. Each launch gets an array of its buffers. A result that no
// launch writes is copied.
//       CHECK: module @host {
//       CHECK:   llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[ARENA_FIELD:.+]] = llvm.getelementptr %[[EXEC]][16]
//  CHECK-NEXT:   %[[ARENA:.+]] = llvm.load %[[ARENA_FIELD]]
//       CHECK:   %[[WEIGHTS_FIELD:.+]] = llvm.getelementptr %[[EXEC]][72]
//  CHECK-NEXT:   %[[WEIGHTS:.+]] = llvm.load %[[WEIGHTS_FIELD]]
//       CHECK:   %[[INPUTS:.+]] = llvm.load %[[EXEC]]
//       CHECK:   %[[X:.+]] = llvm.load %[[INPUTS]]
//       CHECK:   %[[D:.+]] = llvm.getelementptr %[[WEIGHTS]][64]
// Kernel 1, in four tasks.
//       CHECK:   %[[SUM:.+]] = llvm.getelementptr %[[ARENA]][64]
//       CHECK:   llvm.store %[[X]], %[[ARGS:[0-9]+]] {
//       CHECK:   llvm.store %[[D]],
//       CHECK:   llvm.store %[[SUM]],
//       CHECK:   %[[LAUNCH_FIELD:.+]] = llvm.getelementptr %[[EXEC]][32]
//  CHECK-NEXT:   %[[LAUNCH:.+]] = llvm.load %[[LAUNCH_FIELD]]
//  CHECK-NEXT:   llvm.call %[[LAUNCH]](%[[EXEC]], %c1_i64{{[_0-9]*}}, %[[ARGS]], %c4_i64{{.*}})
// The second one writes output 1, of 16 elements.
//       CHECK:   %[[SIZE:.+]] = arith.constant 16 : i64
//  CHECK-NEXT:   llvm.store %[[SIZE]], %[[DIMS:[0-9]+]] {
//       CHECK:   %[[OUTPUT_FIELD:.+]] = llvm.getelementptr %[[EXEC]][56]
//  CHECK-NEXT:   %[[OUTPUT:.+]] = llvm.load %[[OUTPUT_FIELD]]
//  CHECK-NEXT:   %[[RESULT:.+]] = llvm.call %[[OUTPUT]](%[[EXEC]], %c1_i32, %[[DIMS]])
//       CHECK:   %[[FAILED:.+]] = llvm.icmp "eq" %[[RESULT]],
//  CHECK-NEXT:   llvm.cond_br %[[FAILED]], ^[[NO_MEMORY:.+]], ^[[NEXT:.+]]
//       CHECK: ^[[NO_MEMORY]]:
//       CHECK:   llvm.return
//       CHECK: ^[[NEXT]]:
//       CHECK:   llvm.store %[[SUM]],
//       CHECK:   llvm.store %[[X]],
//       CHECK:   llvm.store %[[RESULT]],
//       CHECK:   llvm.call
// Output 0 is the input.
//       CHECK:   %[[COPY:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c0_i32,
//       CHECK:   "llvm.intr.memcpy"(%[[COPY]], %[[X]],
//       CHECK:   llvm.return
// Kernels stay.
//       CHECK: tenon.kernel @first
//       CHECK: tenon.kernel @add
func.func @main(%x: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
    attributes {tenon.arena_bytes = 128 : i64, tenon.arena_lower_bound = 64 : i64} {
  %c = tenon.constant dense<1.0> : tensor<16xf32>
  %d = tenon.constant dense<2.0> : tensor<16xf32>
  %first = tenon.launch @first(%c) {placement = [#tenon.arena<0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %0 = tenon.launch @add(%x, %d) {placement = [#tenon.arena<64>]} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.launch @add(%0, %x) {placement = [#tenon.output<1>]} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %x, %1 : tensor<16xf32>, tensor<16xf32>
}
tenon.kernel @first(%a: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows", tasks = affine_map<() -> (4)>} {
  %0 = tenon.add %a, %b : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

#n = affine_map<()[s0] -> (s0)>

// A buffer whose size only a run tells is allocated, which may fail, and given back.
// The size is an argument of the kernel. No number of bytes is taken for a smaller one because it
// does not fit into 64 bits.
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[DIMS_FIELD:.+]] = llvm.getelementptr %[[EXEC]][8]
//  CHECK-NEXT:   %[[DIMS:.+]] = llvm.load %[[DIMS_FIELD]]
//       CHECK:   %[[X:.+]] = llvm.load
//       CHECK:   %[[N:.+]] = llvm.load %[[DIMS]] {{.*}} -> i64
//       CHECK:   %[[BYTES:.+]] = arith.muli %[[N]], %c4_i64
//       CHECK:   %[[FITS:.+]] = arith.cmpf olt
//       CHECK:   %[[SAFE:.+]] = arith.select %[[FITS]], %[[BYTES]], %c4611686018427387904_i64
//       CHECK:   %[[ALLOC_FIELD:.+]] = llvm.getelementptr %[[EXEC]][40]
//  CHECK-NEXT:   %[[ALLOC:.+]] = llvm.load %[[ALLOC_FIELD]]
//  CHECK-NEXT:   %[[BUFFER:.+]] = llvm.call %[[ALLOC]](%[[EXEC]], %[[SAFE]])
//       CHECK:   %[[FAILED:.+]] = llvm.icmp "eq" %[[BUFFER]],
//  CHECK-NEXT:   llvm.cond_br %[[FAILED]],
//       CHECK:   llvm.store %[[X]],
//       CHECK:   llvm.store %[[BUFFER]],
//       CHECK:   llvm.store %[[N]],
// The size of the output is told to the caller.
//       CHECK:   llvm.store %[[N]], %[[SIZES:[0-9]+]] {
//       CHECK:   llvm.call %{{.+}}(%[[EXEC]], %c0_i32, %[[SIZES]])
//       CHECK:   %[[RELEASE_FIELD:.+]] = llvm.getelementptr %[[EXEC]][48]
//  CHECK-NEXT:   %[[RELEASE:.+]] = llvm.load %[[RELEASE_FIELD]]
//  CHECK-NEXT:   llvm.call %[[RELEASE]](%[[EXEC]], %[[BUFFER]])
func.func @main(%x: tensor<?xf32, #n>) -> tensor<?xf32, #n>
    attributes {tenon.symbols = ["n"], tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  %0 = tenon.launch @neg(%x) {placement = [#tenon.allocated], symbols = #n} : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  %1 = tenon.launch @neg(%0) {placement = [#tenon.output<0>], symbols = #n} : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  tenon.release %0 : tensor<?xf32, #n>
  return %1 : tensor<?xf32, #n>
}
tenon.kernel @neg(%a: tensor<?xf32, #n>) -> tensor<?xf32, #n> attributes {num_symbols = 1 : i64, strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  tenon.yield %0 : tensor<?xf32, #n>
}

// -----

// A symbol is bound to a number in memory, and checked.
//   CHECK-DAG: llvm.mlir.global private constant @[[NEGATIVE:.+]]("n is \01, but must be at least 0\00")
//   CHECK-DAG: llvm.mlir.global private constant @[[DIFFER:.+]]("lengths \01 and \01 differ: they must be equal\00")
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[M:.+]] = llvm.load {{.*}} -> i64
//       CHECK:   %[[M:.+]] = llvm.load {{.*}} -> i64
//       CHECK:   %[[N:.+]] = llvm.load {{.*}} -> i64
//       CHECK:   %[[IS_NEGATIVE:.+]] = arith.cmpi slt, %[[N]],
//  CHECK-NEXT:   llvm.cond_br %[[IS_NEGATIVE]], ^[[FAIL:.+]], ^[[NEXT:.+]]
//       CHECK: ^[[FAIL]]:
//       CHECK:   %[[MESSAGE:.+]] = llvm.mlir.addressof @[[NEGATIVE]]
//       CHECK:   llvm.store %[[N]], %[[VALUES:[0-9]+]] {
//       CHECK:   llvm.getelementptr %[[EXEC]][80]
//       CHECK:   %[[STATUS:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c2_i32, %[[MESSAGE]], %[[VALUES]], %c1_i32)
//       CHECK:   llvm.return %[[STATUS]]
//       CHECK: ^[[NEXT]]:
//       CHECK:   %[[SUM:.+]] = arith.addi %[[N]],
//       CHECK:   %[[DIFFERS:.+]] = arith.cmpi ne, %[[SUM]], %[[M]]
//  CHECK-NEXT:   llvm.cond_br %[[DIFFERS]],
//       CHECK:   llvm.mlir.addressof @[[DIFFER]]
func.func @main(%n: tensor<1xi64>, %x: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<1xi64>
    attributes {tenon.symbols = ["n", "m"], tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  tenon.bind_symbol %n[0] to 0 : tensor<1xi64>
  tenon.require equal affine_map<()[s0, s1] -> (s0 + 1, s1)>, "lengths"
  return %n : tensor<1xi64>
}

// -----

// Branches leave the place of their result.
//       CHECK:   %[[C:.+]] = llvm.load {{.*}} -> i8
//       CHECK:   %[[WIDE:.+]] = arith.extui %[[C]]
//       CHECK:   %[[IS_TRUE:.+]] = arith.cmpi ne, %[[WIDE]],
//  CHECK-NEXT:   llvm.cond_br %[[IS_TRUE]], ^[[THEN:.+]], ^[[ELSE:.+]]
//       CHECK: ^[[THEN]]:
//  CHECK-NEXT:   llvm.br ^[[AFTER:.+]](%[[THEN_VALUE:.+]] : !llvm.ptr)
//       CHECK: ^[[ELSE]]:
//   CHECK-NOT:   %[[THEN_VALUE]]
//       CHECK:   llvm.br ^[[AFTER]](%{{.+}} : !llvm.ptr)
//       CHECK: ^[[AFTER]](%[[RESULT:.+]]: !llvm.ptr):
//       CHECK:   "llvm.intr.memcpy"(%{{.+}}, %[[RESULT]],
func.func @main(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32>
    attributes {tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  %0 = tenon.if %c : (tensor<i1>) -> tensor<2xf32> {
    tenon.yield %a : tensor<2xf32>
  } else {
    tenon.yield %b : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}

// -----

// What a loop carries is in buffers of its own, new ones in every iteration.
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[N:.+]] = llvm.load {{.*}} -> i64
//       CHECK:   %[[N:.+]] = llvm.load {{.*}} -> i64
//       CHECK:   %[[FIRST:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c16_i64)
//       CHECK:   "llvm.intr.memcpy"(%[[FIRST]],
//       CHECK:   llvm.br ^[[HEADER:[a-z0-9]+]](%{{.+}}, %{{.+}}, %[[FIRST]], %{{.+}} :
//       CHECK: ^[[HEADER]](%[[I:.+]]: i64, %[[MORE:.+]]: i64, %[[CARRIED:.+]]: !llvm.ptr, %{{.+}}: i64):
//       CHECK:   %[[IN_RANGE:.+]] = arith.cmpi slt, %[[I]], %[[N]]
//       CHECK:   %[[GOES_ON:.+]] = arith.cmpi ne, %[[MORE]],
//       CHECK:   %[[BOTH:.+]] = arith.andi %[[IN_RANGE]], %[[GOES_ON]]
//       CHECK:   llvm.cond_br %[[BOTH]], ^[[BODY:.+]], ^[[AFTER:.+]]
//       CHECK: ^[[BODY]]:
//       CHECK:   llvm.store %[[CARRIED]],
//       CHECK:   %[[NEXT:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c16_i64{{.*}})
//       CHECK: ^[[AFTER]]:
//       CHECK:   "llvm.intr.memcpy"(%[[NEXT]],
// The iteration's own buffer goes.
//       CHECK:   llvm.call %{{.+}}(%[[EXEC]], %[[CARRIED]])
//       CHECK:   %[[STEP:.+]] = arith.addi %[[I]],
//       CHECK:   llvm.br ^[[HEADER]](%[[STEP]], %{{.+}}, %[[NEXT]],
//       CHECK:   "llvm.intr.memcpy"(%{{.+}}, %[[CARRIED]],
func.func @main(%n: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32>
    attributes {tenon.arena_bytes = 64 : i64, tenon.arena_lower_bound = 64 : i64} {
  %true = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.loop max(%n : tensor<i64>) carry(%x : tensor<4xf32>) {
  ^body(%i: tensor<i64>, %s: tensor<4xf32>):
    %next = tenon.launch @neg(%s) {placement = [#tenon.arena<0>]} : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %true, %next : tensor<i1>, tensor<4xf32>
  } : tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @neg(%a: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<4xf32>) -> tensor<4xf32>
  tenon.yield %0 : tensor<4xf32>
}

// -----

// A kernel's scratch memory is its last buffer: the context's, or enough for the tasks that will run, released after
// the launch.
//       CHECK:   llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[FIELD:.+]] = llvm.getelementptr %[[EXEC]][88]
//  CHECK-NEXT:   %[[SHARED:.+]] = llvm.load %[[FIELD]]
//       CHECK:   llvm.store %[[SHARED]],
//       CHECK:   llvm.call
//       CHECK:   %[[THREADS_FIELD:.+]] = llvm.getelementptr %[[EXEC]][24]
//  CHECK-NEXT:   %[[THREADS:.+]] = llvm.load %[[THREADS_FIELD]]
//       CHECK:   %[[TASKS:.+]] = arith.minsi %[[THREADS]], %c5_i64
//       CHECK:   %[[BYTES:.+]] = arith.muli %{{.+}}, %[[TASKS]]
//       CHECK:   %[[ENOUGH:.+]] = arith.select %{{.+}}, %[[BYTES]],
//       CHECK:   %[[OWN:.+]] = llvm.call %{{.+}}(%[[EXEC]], %[[ENOUGH]])
//       CHECK:   llvm.store %[[OWN]],
//       CHECK:   llvm.call %{{.+}}(%[[EXEC]], %{{.+}}, %{{.+}}, %c5_i64
//       CHECK:   llvm.call %{{.+}}(%[[EXEC]], %[[OWN]])
func.func @main(%x: tensor<5x3x3xf32>, %y: tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> (tensor<5xf32>, tensor<5xf32>)
    attributes {tenon.symbols = ["n"], tenon.arena_bytes = 64 : i64, tenon.arena_lower_bound = 64 : i64} {
  %0:2 = tenon.launch @known(%x) {capacities = [affine_map<() -> (5)>], placement = [#tenon.output<0>, #tenon.arena<0>]} : (tensor<5x3x3xf32>) -> (tensor<5xf32>, tensor<2xi64>)
  %1:2 = tenon.launch @unknown(%y) {allocates_scratch, capacities = [affine_map<() -> (5)>], placement = [#tenon.output<1>, #tenon.arena<0>], symbols = affine_map<()[s0] -> (s0)>} : (tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> (tensor<5xf32>, tensor<2xi64>)
  return %0#0, %1#0 : tensor<5xf32>, tensor<5xf32>
}
tenon.kernel @known(%x: tensor<5x3x3xf32>) -> (tensor<5xf32>, tensor<2xi64>) attributes {strategy = "library", scratch = affine_map<() -> (128)>, tasks = affine_map<() -> (5)>} {
  %0 = tenon.det %x : (tensor<5x3x3xf32>) -> tensor<5xf32>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xf32>, tensor<2xi64>
}
tenon.kernel @unknown(%x: tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> (tensor<5xf32>, tensor<2xi64>) attributes {strategy = "library", num_symbols = 1 : i64, scratch = affine_map<()[s0] -> (((s0 * (s0 * 8)) ceildiv 64) * 64)>, tasks = affine_map<()[s0] -> (5)>} {
  %0 = tenon.det %x : (tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> tensor<5xf32>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xf32>, tensor<2xi64>
}

// -----

// States that change places: one value is put aside before it is overwritten.
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[INPUTS:.+]] = llvm.load %[[EXEC]]
//       CHECK:   %[[A:.+]] = llvm.load %[[INPUTS]]
//       CHECK:   %[[B_FIELD:.+]] = llvm.getelementptr %[[INPUTS]][1]
//  CHECK-NEXT:   %[[B:.+]] = llvm.load %[[B_FIELD]]
//       CHECK:   %[[ASIDE:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c16_i64{{.*}})
//       CHECK:   "llvm.intr.memcpy"(%[[ASIDE]], %[[B]],
//       CHECK:   %[[OUT1:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c1_i32{{[_0-9]*}},
//       CHECK:   "llvm.intr.memcpy"(%[[OUT1]], %[[A]],
//       CHECK:   %[[OUT0:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c0_i32{{[_0-9]*}},
//       CHECK:   "llvm.intr.memcpy"(%[[OUT0]], %[[ASIDE]],
//       CHECK:   llvm.return
func.func @main(%a: tensor<4xf32> {tenon.state = 0 : i64}, %b: tensor<4xf32> {tenon.state = 1 : i64}) -> (tensor<4xf32>, tensor<4xf32>)
    attributes {tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// Other outputs come first, and then states in the order in which they are read: nothing is put aside.
// A view of a state is its memory.
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[INPUTS:.+]] = llvm.load %[[EXEC]]
//       CHECK:   %[[A:.+]] = llvm.load %[[INPUTS]]
//       CHECK:   %[[B_FIELD:.+]] = llvm.getelementptr %[[INPUTS]][1]
//  CHECK-NEXT:   %[[B:.+]] = llvm.load %[[B_FIELD]]
//       CHECK:   %[[X_FIELD:.+]] = llvm.getelementptr %[[INPUTS]][2]
//  CHECK-NEXT:   %[[X:.+]] = llvm.load %[[X_FIELD]]
//       CHECK:   %[[OUT2:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c2_i32{{[_0-9]*}},
//       CHECK:   "llvm.intr.memcpy"(%[[OUT2]], %[[B]],
//       CHECK:   %[[OUT1:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c1_i32{{[_0-9]*}},
//       CHECK:   "llvm.intr.memcpy"(%[[OUT1]], %[[A]],
//       CHECK:   %[[OUT0:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c0_i32{{[_0-9]*}},
//       CHECK:   "llvm.intr.memcpy"(%[[OUT0]], %[[X]],
//   CHECK-NOT:   memcpy
//       CHECK:   llvm.return
func.func @main(%a: tensor<4xf32> {tenon.state = 0 : i64}, %b: tensor<4xf32> {tenon.state = 1 : i64}, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    attributes {tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  %square = tenon.reshape %a : (tensor<4xf32>) -> tensor<2x2xf32>
  %flat = tenon.reshape %square : (tensor<2x2xf32>) -> tensor<4xf32>
  return %x, %flat, %b : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// A state that stays as it is costs no copy where it is the same memory.
//       CHECK: llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[INPUTS:.+]] = llvm.load %[[EXEC]]
//       CHECK:   %[[A:.+]] = llvm.load %[[INPUTS]]
//       CHECK:   %[[OUT:.+]] = llvm.call %{{.+}}(%[[EXEC]], %c0_i32{{[_0-9]*}},
//       CHECK:   %[[DIFFER:.+]] = llvm.icmp "ne" %[[OUT]], %[[A]]
//  CHECK-NEXT:   llvm.cond_br %[[DIFFER]], ^[[COPY:.+]], ^[[AFTER:.+]]
//       CHECK: ^[[COPY]]:
//  CHECK-NEXT:   "llvm.intr.memcpy"(%[[OUT]], %[[A]],
//  CHECK-NEXT:   llvm.br ^[[AFTER]]
//       CHECK: ^[[AFTER]]:
//       CHECK:   llvm.return
func.func @main(%a: tensor<4xf32> {tenon.state = 0 : i64}) -> tensor<4xf32>
    attributes {tenon.arena_bytes = 0 : i64, tenon.arena_lower_bound = 0 : i64} {
  return %a : tensor<4xf32>
}

// -----

// A kernel that makes characters gets the strings of the run behind its buffers.
//       CHECK:   llvm.func @tenon_run(%[[EXEC:.+]]: !llvm.ptr) -> i32
//       CHECK:   %[[FIELD:.+]] = llvm.getelementptr %[[EXEC]][176]
//  CHECK-NEXT:   %[[STRINGS:.+]] = llvm.load %[[FIELD]]
//       CHECK:   %[[SLOT:.+]] = llvm.getelementptr %{{.+}}[3]
//       CHECK:   llvm.store %[[STRINGS]], %[[SLOT]]
func.func @main(%x: tensor<5xi64> {tenon.string}) -> (tensor<5xi64> {tenon.string})
    attributes {tenon.symbols = [], tenon.arena_bytes = 64 : i64, tenon.arena_lower_bound = 64 : i64} {
  %0:2 = tenon.launch @twice(%x) {capacities = [affine_map<() -> (5)>], placement = [#tenon.output<0>, #tenon.arena<0>]} : (tensor<5xi64>) -> (tensor<5xi64>, tensor<2xi64>)
  return %0#0 : tensor<5xi64>
}
tenon.kernel @twice(%x: tensor<5xi64>) -> (tensor<5xi64>, tensor<2xi64>) attributes {strategy = "library", tasks = affine_map<() -> (1)>} {
  %0 = tenon.string_concat %x, %x : (tensor<5xi64>, tensor<5xi64>) -> tensor<5xi64>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xi64>, tensor<2xi64>
}
