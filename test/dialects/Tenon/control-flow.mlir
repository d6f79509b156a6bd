// If and loop: regions that see the values around them.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @if
// CHECK: tenon.if %{{.*}} : (tensor<i1>) -> tensor<2xf32> {
// CHECK:   tenon.yield %{{.*}} : tensor<2xf32>
// CHECK: } else {
func.func @if(%c: tensor<i1>, %a: tensor<2xf32>) -> tensor<2xf32> {
  %0 = tenon.if %c : (tensor<i1>) -> tensor<2xf32> {
    tenon.yield %a : tensor<2xf32>
  } else {
    %1 = tenon.neg %a : (tensor<2xf32>) -> tensor<2xf32>
    tenon.yield %1 : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}

// A loop carries values from one iteration to the next and stacks others.
// CHECK-LABEL: func.func @loop
// CHECK: tenon.loop max(%{{.*}} : tensor<i64>) carry(%{{.*}} : tensor<f32>)
// CHECK: ^{{.*}}(%{{.*}}: tensor<i64>, %{{.*}}: tensor<f32>):
func.func @loop(%n: tensor<i64>, %x: tensor<f32>) -> tensor<f32>
    attributes {tenon.symbols = ["count"]} {
  %true = tenon.constant dense<true> : tensor<i1>
  %sum, %all = tenon.loop max(%n : tensor<i64>) carry(%x : tensor<f32>) {
  ^body(%i: tensor<i64>, %s: tensor<f32>):
    %next = tenon.add %s, %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    tenon.yield %true, %next, %next : tensor<i1>, tensor<f32>, tensor<f32>
  } : tensor<f32>, tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return %sum : tensor<f32>
}
