// Strings become handles: numbers in a table that the module keeps.
// RUN: tenon-opt %s --split-input-file --tenon-intern-strings | FileCheck %s

// Each string has one number, the empty one 0, and others in the order in which they are met. Types change
// wherever a value is: arguments, results, what regions take and give.
// CHECK: module attributes {tenon.strings = ["", "b", "a"]}
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<2xi64> {tenon.string}, %{{.*}}: tensor<i1>)
// CHECK-SAME: -> (tensor<2xi64> {tenon.string}, tensor<2xi1>)
func.func @main(%x: tensor<2x!tenon.string>, %c: tensor<i1>) -> (tensor<2x!tenon.string>, tensor<2xi1>) {
  // CHECK: tenon.constant dense<[1, 2]> : tensor<2xi64>
  %table = tenon.constant dense<["b", "a"]> : tensor<2x!tenon.string>
  // CHECK: tenon.constant dense<2> : tensor<2xi64>
  %same = tenon.constant dense<"a"> : tensor<2x!tenon.string>
  // CHECK: tenon.constant dense<0> : tensor<i64>
  %empty = tenon.constant dense<""> : tensor<!tenon.string>
  // CHECK: tenon.if {{.*}} -> tensor<2xi64>
  %y = tenon.if %c : (tensor<i1>) -> tensor<2x!tenon.string> {
    tenon.yield %table : tensor<2x!tenon.string>
  } else {
    tenon.yield %same : tensor<2x!tenon.string>
  }
  // CHECK: tenon.equal %[[X]], %{{.*}} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
  %e = tenon.equal %x, %empty : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2xi1>
  return %y, %e : tensor<2x!tenon.string>, tensor<2xi1>
}

// -----

// Sizes that only a run tells stay, and what makes characters gets handles, too.
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x!tenon.string, affine_map<()[s0] -> (s0)>>)
    -> tensor<?x!tenon.string, affine_map<()[s0] -> (s0)>> attributes {tenon.symbols = ["n"]} {
  // CHECK: tenon.string_concat {{.*}} -> tensor<?xi64, #{{.*}}>
  %y = tenon.string_concat %x, %x
    : (tensor<?x!tenon.string, affine_map<()[s0] -> (s0)>>, tensor<?x!tenon.string, affine_map<()[s0] -> (s0)>>)
    -> tensor<?x!tenon.string, affine_map<()[s0] -> (s0)>>
  return %y : tensor<?x!tenon.string, affine_map<()[s0] -> (s0)>>
}

// -----

// A module without strings has no table.
// CHECK-NOT: tenon.strings
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<2xi64>) -> tensor<2xi64> {
  return %x : tensor<2xi64>
}
