// What kernels of the host read and write, where others compute in memory of their own.
// RUN: tenon-opt %s --tenon-plan-transfers --split-input-file | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-schedules --tenon-plan-transfers --tenon-plan-memory --tenon-verify-stage=stage=program --split-input-file | FileCheck %s --check-prefix=PLACED

// One transfer serves all that read the value; what kernels of the host give each other stays there.
// CHECK-LABEL: func.func @chain
// CHECK: %[[X:.*]] = tenon.launch @neg(%arg0)
// CHECK: %[[H:.*]] = tenon.transfer %[[X]] to host
// CHECK: %[[A:.*]] = tenon.launch @exp(%[[H]]) {placement = [#tenon.host]}
// CHECK-NEXT: %[[B:.*]] = tenon.launch @exp(%[[A]]) {placement = [#tenon.host]}
// CHECK-NEXT: %[[D:.*]] = tenon.transfer %[[B]] to device
// CHECK-NEXT: tenon.launch @exp(%[[H]])
// CHECK-NOT: to host
// CHECK: return %[[D]]
// Host memory is given back when nobody reads it any more; what the caller gets is written at once.
// PLACED-LABEL: func.func @chain
// PLACED: %[[A:.*]] = tenon.launch @exp
// PLACED: %[[B:.*]] = tenon.launch @exp(%[[A]])
// PLACED-NEXT: tenon.release %[[A]]
// PLACED: tenon.transfer %[[B]] to device {placement = [#tenon.output<0>]}
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
func.func @chain(%x: tensor<4xf64>) -> tensor<4xf64> {
  %0 = tenon.launch @neg(%x) : (tensor<4xf64>) -> tensor<4xf64>
  %1 = tenon.launch @exp(%0) : (tensor<4xf64>) -> tensor<4xf64>
  %2 = tenon.launch @exp(%1) : (tensor<4xf64>) -> tensor<4xf64>
  %3 = tenon.launch @exp(%0) : (tensor<4xf64>) -> tensor<4xf64>
  return %2 : tensor<4xf64>
}
tenon.kernel @neg(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<4xf64>) -> tensor<4xf64>
  tenon.yield %0 : tensor<4xf64>
}
tenon.kernel @exp(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "host_rows"} {
  %0 = tenon.exp %a : (tensor<4xf64>) -> tensor<4xf64>
  tenon.yield %0 : tensor<4xf64>
}
}

// -----

// A reshape is one of the copy. Constants are in both memories. A condition is read where it was computed.
// CHECK-LABEL: func.func @reads
// CHECK: %[[C:.*]] = tenon.constant
// CHECK: %[[H:.*]] = tenon.transfer %arg0 to host
// CHECK: %[[R:.*]] = tenon.reshape %[[H]] : (tensor<2x2xf64>) -> tensor<4xf64>
// CHECK: tenon.launch @pow(%[[R]], %[[C]])
// CHECK: %[[B:.*]] = tenon.launch @any(%[[H]])
// CHECK-NOT: tenon.transfer
// CHECK: tenon.if %[[B]]
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
func.func @reads(%x: tensor<2x2xf64>) -> tensor<2x2xf64> {
  %c = tenon.constant dense<3.0> : tensor<4xf64>
  %0 = tenon.reshape %x : (tensor<2x2xf64>) -> tensor<4xf64>
  %1 = tenon.launch @pow(%0, %c) : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
  %2 = tenon.launch @any(%x) : (tensor<2x2xf64>) -> tensor<i1>
  %3 = tenon.if %2 : (tensor<i1>) -> tensor<2x2xf64> {
    tenon.yield %x : tensor<2x2xf64>
  } else {
    tenon.yield %x : tensor<2x2xf64>
  }
  return %3 : tensor<2x2xf64>
}
tenon.kernel @pow(%a: tensor<4xf64>, %b: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "host_rows"} {
  %0 = tenon.pow %a, %b : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
  tenon.yield %0 : tensor<4xf64>
}
tenon.kernel @any(%a: tensor<2x2xf64>) -> tensor<i1> attributes {strategy = "host_rows"} {
  %0 = tenon.constant dense<true> : tensor<i1>
  tenon.yield %0 : tensor<i1>
}
}

// -----

// What a loop does not compute is brought before it.
// CHECK-LABEL: func.func @loop
// CHECK: %[[H:.*]] = tenon.transfer %arg0 to host
// CHECK: tenon.loop
// CHECK: tenon.launch @add(%[[H]], %[[G:.*]])
// CHECK: tenon.transfer %{{.*}} to device
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
func.func @loop(%x: tensor<4xf64>) -> tensor<4xf64> {
  %n = tenon.constant dense<3> : tensor<i64>
  %t = tenon.constant dense<true> : tensor<i1>
  %r = tenon.loop max(%n : tensor<i64>) carry(%x : tensor<4xf64>) {
  ^body(%i: tensor<i64>, %v: tensor<4xf64>):
    %0 = tenon.launch @add(%x, %v) : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    tenon.yield %t, %0 : tensor<i1>, tensor<4xf64>
  } : tensor<4xf64>
  return %r : tensor<4xf64>
}
tenon.kernel @add(%a: tensor<4xf64>, %b: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "host_rows"} {
  %0 = tenon.pow %a, %b : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
  tenon.yield %0 : tensor<4xf64>
}
}

// -----

// A kernel of the host writes its part into a copy of the parts before, and others go on in the result's copy.
// CHECK-LABEL: func.func @parts
// CHECK: %[[A:.*]] = tenon.launch @first(%arg0)
// CHECK: %[[H:.*]] = tenon.transfer %arg0 to host
// CHECK: %[[AH:.*]] = tenon.transfer %[[A]] to host
// CHECK: %[[B:.*]] = tenon.launch @second(%[[H]]) into %[[AH]]
// CHECK: %[[D:.*]] = tenon.transfer %[[B]] to device
// CHECK: return %[[D]]
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
func.func @parts(%x: tensor<4xf64>) -> tensor<8xf64> {
  %0 = tenon.launch @first(%x) : (tensor<4xf64>) -> tensor<8xf64>
  %1 = tenon.launch @second(%x) into %0 : tensor<8xf64> : (tensor<4xf64>) -> tensor<8xf64>
  return %1 : tensor<8xf64>
}
tenon.kernel @first(%a: tensor<4xf64>) -> tensor<8xf64> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<4xf64>) -> tensor<4xf64>
  %1 = tenon.insert %0 {low = affine_map<() -> (0)>} : (tensor<4xf64>) -> tensor<8xf64>
  tenon.yield %1 : tensor<8xf64>
}
tenon.kernel @second(%a: tensor<4xf64>) -> tensor<8xf64> attributes {strategy = "host_rows"} {
  %0 = tenon.exp %a : (tensor<4xf64>) -> tensor<4xf64>
  %1 = tenon.insert %0 {low = affine_map<() -> (4)>} : (tensor<4xf64>) -> tensor<8xf64>
  tenon.yield %1 : tensor<8xf64>
}
}
