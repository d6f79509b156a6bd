// What a loop need not carry goes away.
// RUN: tenon-opt %s --canonicalize | FileCheck %s

// Weights that go around unchanged are read where they are, inside and after the loop.
// CHECK-LABEL: func.func @invariants
// CHECK-SAME: (%[[N:.*]]: tensor<i64>, %[[X:.*]]: tensor<4xf32>, %[[W:.*]]: tensor<4xf32>)
// CHECK: %[[SUM:.*]]:2 = tenon.loop max(%[[N]] : tensor<i64>) carry(%[[X]] : tensor<4xf32>)
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<i64>, %[[S:.*]]: tensor<4xf32>):
// CHECK-NEXT: %[[NEXT:.*]] = tenon.mul %[[S]], %[[W]]
// CHECK-NEXT: tenon.yield %{{.*}}, %[[NEXT]], %[[S]]
// CHECK: return %[[SUM]]#0, %[[W]], %[[SUM]]#1
func.func @invariants(%n: tensor<i64>, %x: tensor<4xf32>, %w: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>)
    attributes {tenon.symbols = ["n"]} {
  %true = tenon.constant dense<true> : tensor<i1>
  %0:3 = tenon.loop max(%n : tensor<i64>) carry(%w, %x : tensor<4xf32>, tensor<4xf32>) {
  ^body(%i: tensor<i64>, %v: tensor<4xf32>, %s: tensor<4xf32>):
    %next = tenon.mul %s, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %true, %v, %next, %s : tensor<i1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  } : tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
  return %0#1, %0#0, %0#2
    : tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
}

// A value that is written and never read, with what computes it.
// CHECK-LABEL: func.func @unread
// CHECK: tenon.loop max(%{{.*}}) carry(%{{.*}} : tensor<4xf32>)
// CHECK-NOT: tenon.exp
// CHECK: return
func.func @unread(%n: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %0:2 = tenon.loop max(%n : tensor<i64>) carry(%x, %x : tensor<4xf32>, tensor<4xf32>) {
  ^body(%i: tensor<i64>, %s: tensor<4xf32>, %unused: tensor<4xf32>):
    %next = tenon.mul %s, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %e = tenon.exp %s : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %true, %next, %e : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } : tensor<4xf32>, tensor<4xf32>
  return %0#0 : tensor<4xf32>
}

// Two values that change places are both carried.
// CHECK-LABEL: func.func @swap
// CHECK: carry(%{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>)
func.func @swap(%n: tensor<i64>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %true = tenon.constant dense<true> : tensor<i1>
  %0:2 = tenon.loop max(%n : tensor<i64>) carry(%x, %y : tensor<4xf32>, tensor<4xf32>) {
  ^body(%i: tensor<i64>, %a: tensor<4xf32>, %b: tensor<4xf32>):
    tenon.yield %true, %b, %a : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } : tensor<4xf32>, tensor<4xf32>
  return %0#0 : tensor<4xf32>
}
