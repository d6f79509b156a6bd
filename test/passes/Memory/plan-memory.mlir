// RUN: tenon-opt %s --mlir-print-local-scope --tenon-plan-memory --split-input-file | FileCheck %s
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-plan-memory=separate-buffers=true --split-input-file | FileCheck %s --check-prefix=SEPARATE

// A buffer's place is free after its last use. The function's result is in the caller's memory.
// CHECK-LABEL: func @chain
//  CHECK-SAME:   tenon.arena_bytes = 128 : i64, tenon.arena_lower_bound = 128 : i64
//       CHECK:   tenon.launch @k(%arg0) {placement = [#tenon.arena<0>]}
//       CHECK:   tenon.launch @k({{.*}}) {placement = [#tenon.arena<64>]}
//       CHECK:   tenon.launch @k({{.*}}) {placement = [#tenon.arena<0>]}
//       CHECK:   tenon.launch @k({{.*}}) {placement = [#tenon.output<0>]}

// Without an arena each buffer is allocated by itself, and given back after its last use.
// SEPARATE-LABEL: func @chain
//  SEPARATE-SAME:   tenon.arena_bytes = 0 : i64
//       SEPARATE:   %[[A:.+]] = tenon.launch @k(%arg0) {placement = [#tenon.allocated]}
//       SEPARATE:   %[[B:.+]] = tenon.launch @k(%[[A]]) {placement = [#tenon.allocated]}
//  SEPARATE-NEXT:   tenon.release %[[A]]
//       SEPARATE:   %[[C:.+]] = tenon.launch @k(%[[B]]) {placement = [#tenon.allocated]}
//  SEPARATE-NEXT:   tenon.release %[[B]]
//       SEPARATE:   tenon.launch @k(%[[C]]) {placement = [#tenon.output<0>]}
//  SEPARATE-NEXT:   tenon.release %[[C]]
func.func @chain(%x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.launch @k(%0) : (tensor<16xf32>) -> tensor<16xf32>
  %2 = tenon.launch @k(%1) : (tensor<16xf32>) -> tensor<16xf32>
  %3 = tenon.launch @k(%2) : (tensor<16xf32>) -> tensor<16xf32>
  return %3 : tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// A reshape is the same memory: what it views stays.
// CHECK-LABEL: func @views
//  CHECK-SAME:   tenon.arena_bytes = 128 : i64, tenon.arena_lower_bound = 128 : i64
//       CHECK:   tenon.launch @k(%arg0) {placement = [#tenon.arena<[[A:[0-9]+]]>]}
//   CHECK-NOT:   placement = [#tenon.arena<[[A]]>]
//       CHECK:   return
func.func @views(%x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.reshape %0 : (tensor<16xf32>) -> tensor<4x4xf32>
  %2 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %3 = tenon.reshape %1 : (tensor<4x4xf32>) -> tensor<16xf32>
  %4 = tenon.launch @add(%2, %3) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %4 : tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.add %x, %y : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// Parts of one tensor lie in the buffer of the first of them, also where that is the function's
// result.
// CHECK-LABEL: func @parts
//  CHECK-SAME:   tenon.arena_bytes = 192 : i64
//       CHECK:   %[[P:.+]] = tenon.launch @low(%arg0) {placement = [#tenon.arena<0>]}
//       CHECK:   tenon.launch @high(%arg0) into %[[P]] : tensor<32xf32> {placement = [#tenon.arena<0>]}
//       CHECK:   %[[Q:.+]] = tenon.launch @low({{.*}}) {placement = [#tenon.output<0>]}
//       CHECK:   tenon.launch @high({{.*}}) into %[[Q]] : tensor<32xf32> {placement = [#tenon.output<0>]}
func.func @parts(%x: tensor<16xf32>) -> tensor<32xf32> {
  %0 = tenon.launch @low(%x) : (tensor<16xf32>) -> tensor<32xf32>
  %1 = tenon.launch @high(%x) into %0 : tensor<32xf32> : (tensor<16xf32>) -> tensor<32xf32>
  %2 = tenon.launch @half(%1) : (tensor<32xf32>) -> tensor<16xf32>
  %3 = tenon.launch @low(%2) : (tensor<16xf32>) -> tensor<32xf32>
  %4 = tenon.launch @high(%2) into %3 : tensor<32xf32> : (tensor<16xf32>) -> tensor<32xf32>
  return %4 : tensor<32xf32>
}
tenon.kernel @low(%x: tensor<16xf32>) -> tensor<32xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %x {low = affine_map<() -> (0)>} : (tensor<16xf32>) -> tensor<32xf32>
  tenon.yield %0 : tensor<32xf32>
}
tenon.kernel @high(%x: tensor<16xf32>) -> tensor<32xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %x {low = affine_map<() -> (16)>} : (tensor<16xf32>) -> tensor<32xf32>
  tenon.yield %0 : tensor<32xf32>
}
tenon.kernel @half(%x: tensor<32xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.slice %x {starts = affine_map<() -> (8)>, steps = array<i64: 1>} : (tensor<32xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// What a branch yields is the result of the `if`: whichever it is, it lives on.
// CHECK-LABEL: func @branches
//  CHECK-SAME:   tenon.arena_bytes = 192 : i64
func.func @branches(%c: tensor<i1>, %x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = tenon.if %c : (tensor<i1>) -> tensor<16xf32> {
    %a = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
    tenon.yield %a : tensor<16xf32>
  } else {
    %b = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
    tenon.yield %b : tensor<16xf32>
  }
  %1 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %2 = tenon.launch @add(%0, %1) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %2 : tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.add %x, %y : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// A loop may read a buffer from outside in its next iteration: no buffer of the body takes its place.
// CHECK-LABEL: func @loop
//  CHECK-SAME:   tenon.arena_bytes = 192 : i64
func.func @loop(%n: tensor<i64>, %x: tensor<16xf32>) -> tensor<16xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.loop max(%n : tensor<i64>) carry(%x : tensor<16xf32>) {
  ^body(%i: tensor<i64>, %s: tensor<16xf32>):
    %a = tenon.launch @add(%0, %s) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %b = tenon.launch @k(%a) : (tensor<16xf32>) -> tensor<16xf32>
    tenon.yield %true, %b : tensor<i1>, tensor<16xf32>
  } : tensor<16xf32>
  return %1 : tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.add %x, %y : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// What only a run sizes is allocated then, and given back after its last use.
// CHECK-LABEL: func @releases
//       CHECK:   %[[A:.+]] = tenon.launch @k(%arg0) {placement = [#tenon.allocated]
//       CHECK:   %[[B:.+]] = tenon.launch @k(%[[A]]) {placement = [#tenon.allocated]
//  CHECK-NEXT:   tenon.release %[[A]]
//       CHECK:   tenon.launch @k(%[[B]]) {placement = [#tenon.output<0>]
//  CHECK-NEXT:   tenon.release %[[B]]
func.func @releases(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {tenon.symbols = ["n"]} {
  %0 = tenon.launch @k(%x) {symbols = affine_map<()[s0] -> (s0)>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  %1 = tenon.launch @k(%0) {symbols = affine_map<()[s0] -> (s0)>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  %2 = tenon.launch @k(%1) {symbols = affine_map<()[s0] -> (s0)>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return %2 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}
tenon.kernel @k(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {strategy = "rows", num_symbols = 1 : i64} {
  %0 = tenon.neg %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  tenon.yield %0 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// Scratch memory of a constant size is the context's; else the launch allocates it, as it does if every buffer is
// by itself.
// CHECK-LABEL: func @scratch
//       CHECK:   tenon.launch @known(%arg0) {placement = [#tenon.output<0>, {{.*}}]} :
//       CHECK:   tenon.launch @unknown(%arg1) {allocates_scratch, placement
// SEPARATE-LABEL: func @scratch
//       SEPARATE:   tenon.launch @known(%arg0) {allocates_scratch, placement
//       SEPARATE:   tenon.launch @unknown(%arg1) {allocates_scratch, placement
func.func @scratch(%x: tensor<5x3x3xf32>, %y: tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> (tensor<5xf32>, tensor<5xf32>) attributes {tenon.symbols = ["n"]} {
  %0:2 = tenon.launch @known(%x) : (tensor<5x3x3xf32>) -> (tensor<5xf32>, tensor<2xi64>)
  %1:2 = tenon.launch @unknown(%y) {symbols = affine_map<()[s0] -> (s0)>} : (tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> (tensor<5xf32>, tensor<2xi64>)
  return %0#0, %1#0 : tensor<5xf32>, tensor<5xf32>
}
tenon.kernel @known(%x: tensor<5x3x3xf32>) -> (tensor<5xf32>, tensor<2xi64>) attributes {strategy = "library", scratch = affine_map<() -> (128)>} {
  %0 = tenon.det %x : (tensor<5x3x3xf32>) -> tensor<5xf32>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xf32>, tensor<2xi64>
}
tenon.kernel @unknown(%x: tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> (tensor<5xf32>, tensor<2xi64>) attributes {strategy = "library", num_symbols = 1 : i64, scratch = affine_map<()[s0] -> (((s0 * (s0 * 8)) ceildiv 64) * 64)>} {
  %0 = tenon.det %x : (tensor<5x?x?xf32, affine_map<()[s0] -> (5, s0, s0)>>) -> tensor<5xf32>
  %1 = tenon.uninitialized : tensor<2xi64>
  tenon.yield %0, %1 : tensor<5xf32>, tensor<2xi64>
}

// -----

// The next value of a state is written where it stays once its input is read no more.
// CHECK-LABEL: func @state
//       CHECK:   tenon.launch @k(%arg0) {placement = [#tenon.arena<0>]}
//       CHECK:   tenon.launch @k({{.*}}) {placement = [#tenon.output<0>]}
func.func @state(%s: tensor<16xf32> {tenon.state = 0 : i64}) -> tensor<16xf32> {
  %0 = tenon.launch @k(%s) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.launch @k(%0) : (tensor<16xf32>) -> tensor<16xf32>
  return %1 : tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// A launch that reads the state, and one before another that does, leave it alone. So does one before
// a reader of a view.
// CHECK-LABEL: func @read
//       CHECK:   tenon.launch @k(%arg0) {placement = [#tenon.arena<{{.*}}>]}
//       CHECK:   tenon.launch @k(%arg3) {placement = [#tenon.arena<{{.*}}>]}
//       CHECK:   tenon.launch @k(%arg3) {placement = [#tenon.arena<{{.*}}>]}
//       CHECK:   tenon.launch @add(%arg1, {{.*}}) {placement = [#tenon.output<3>]}
func.func @read(%a: tensor<16xf32> {tenon.state = 0 : i64}, %b: tensor<16xf32> {tenon.state = 1 : i64}, %c: tensor<16xf32> {tenon.state = 2 : i64}, %x: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) {
  %0 = tenon.launch @k(%a) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %2 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %view = tenon.reshape %c : (tensor<16xf32>) -> tensor<4x4xf32>
  %flat = tenon.reshape %view : (tensor<4x4xf32>) -> tensor<16xf32>
  %3 = tenon.launch @add(%b, %flat) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %0, %1, %2, %3 : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.add %x, %y : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// What is handed out as it came is read at the end.
// CHECK-LABEL: func @handed_out
//       CHECK:   tenon.launch @k(%arg1) {placement = [#tenon.arena<0>]}
func.func @handed_out(%s: tensor<16xf32> {tenon.state = 1 : i64}, %x: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) {
  %0 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  return %s, %0 : tensor<16xf32>, tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// The result of an `if` may be the state, and a loop may come back to it.
// CHECK-LABEL: func @control_flow
//       CHECK:   tenon.launch @k(%arg4) {placement = [#tenon.arena<{{.*}}>]}
//       CHECK:   tenon.launch @k(%arg4) {placement = [#tenon.arena<{{.*}}>]}
//       CHECK:   tenon.loop
//       CHECK:   tenon.launch @k({{.*}}) {placement = [#tenon.output<2>]}
func.func @control_flow(%c: tensor<i1>, %n: tensor<i64>, %a: tensor<16xf32> {tenon.state = 0 : i64}, %b: tensor<16xf32> {tenon.state = 1 : i64}, %x: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) {
  %true = tenon.constant dense<true> : tensor<i1>
  %chosen = tenon.if %c : (tensor<i1>) -> tensor<16xf32> {
    tenon.yield %a : tensor<16xf32>
  } else {
    tenon.yield %x : tensor<16xf32>
  }
  %0 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tenon.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %2 = tenon.loop max(%n : tensor<i64>) carry(%chosen : tensor<16xf32>) {
  ^body(%i: tensor<i64>, %s: tensor<16xf32>):
    %next = tenon.launch @add(%s, %b) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    tenon.yield %true, %next : tensor<i1>, tensor<16xf32>
  } : tensor<16xf32>
  %3 = tenon.launch @k(%2) : (tensor<16xf32>) -> tensor<16xf32>
  return %0, %1, %3 : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.add %x, %y : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// After the loop nothing comes back to it.
// CHECK-LABEL: func @after_loop
//       CHECK:   tenon.launch @k({{.*}}) {placement = [#tenon.output<0>]}
func.func @after_loop(%n: tensor<i64>, %b: tensor<16xf32> {tenon.state = 0 : i64}, %x: tensor<16xf32>) -> tensor<16xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %0 = tenon.loop max(%n : tensor<i64>) carry(%x : tensor<16xf32>) {
  ^body(%i: tensor<i64>, %s: tensor<16xf32>):
    %next = tenon.launch @add(%s, %b) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    tenon.yield %true, %next : tensor<i1>, tensor<16xf32>
  } : tensor<16xf32>
  %1 = tenon.launch @k(%0) : (tensor<16xf32>) -> tensor<16xf32>
  return %1 : tensor<16xf32>
}
tenon.kernel @k(%x: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
tenon.kernel @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.add %x, %y : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}

// -----

// Of a tensor that is written part by part, the first part counts.
// CHECK-LABEL: func @state_of_parts
//       CHECK:   tenon.launch @low(%arg1) {placement = [#tenon.arena<0>]}
//       CHECK:   tenon.launch @high({{.*}}) into {{.*}} {placement = [#tenon.arena<0>]}
func.func @state_of_parts(%s: tensor<32xf32> {tenon.state = 0 : i64}, %x: tensor<16xf32>) -> tensor<32xf32> {
  %0 = tenon.launch @low(%x) : (tensor<16xf32>) -> tensor<32xf32>
  %1 = tenon.launch @half(%s) : (tensor<32xf32>) -> tensor<16xf32>
  %2 = tenon.launch @high(%1) into %0 : tensor<32xf32> : (tensor<16xf32>) -> tensor<32xf32>
  return %2 : tensor<32xf32>
}
tenon.kernel @low(%x: tensor<16xf32>) -> tensor<32xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %x {low = affine_map<() -> (0)>} : (tensor<16xf32>) -> tensor<32xf32>
  tenon.yield %0 : tensor<32xf32>
}
tenon.kernel @high(%x: tensor<16xf32>) -> tensor<32xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %x {low = affine_map<() -> (16)>} : (tensor<16xf32>) -> tensor<32xf32>
  tenon.yield %0 : tensor<32xf32>
}
tenon.kernel @half(%x: tensor<32xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
  %0 = tenon.slice %x {starts = affine_map<() -> (8)>, steps = array<i64: 1>} : (tensor<32xf32>) -> tensor<16xf32>
  tenon.yield %0 : tensor<16xf32>
}
