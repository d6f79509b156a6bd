// Ops that make tensors, change their shape or move elements.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

#length = affine_map<()[s0] -> (s0)>
#double = affine_map<()[s0] -> (s0 * 2)>

// CHECK-LABEL: func.func @static
// CHECK: tenon.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK: tenon.reshape %{{.*}} : (tensor<2x6xf32>) -> tensor<3x4xf32>
// CHECK: tenon.transpose %{{.*}} {permutation = array<i64: 1, 0>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
// CHECK: tenon.broadcast %{{.*}} : (tensor<4x3xf32>) -> tensor<2x4x3xf32>
// CHECK: tenon.slice %{{.*}} {starts = #{{.*}}, steps = array<i64: 1, 2, -1>} : (tensor<2x4x3xf32>) -> tensor<2x2x3xf32>
// CHECK: tenon.pad %{{.*}}, %{{.*}} {low = #{{.*}}} : (tensor<2x2x3xf32>, tensor<f32>) -> tensor<2x2x5xf32>
// CHECK: tenon.gather %{{.*}}, %{{.*}} {axis = 2 : i64} : (tensor<2x2x5xf32>, tensor<7xi64>) -> tensor<2x2x7xf32>
func.func @static(%x: tensor<2x6xf32>, %zero: tensor<f32>, %i: tensor<7xi64>) -> tensor<2x2x7xf32> {
  %w = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = tenon.reshape %x : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %2 = tenon.broadcast %1 : (tensor<4x3xf32>) -> tensor<2x4x3xf32>
  %3 = tenon.slice %2 {starts = affine_map<() -> (0, 1, 2)>, steps = array<i64: 1, 2, -1>}
     : (tensor<2x4x3xf32>) -> tensor<2x2x3xf32>
  %4 = tenon.pad %3, %zero {low = affine_map<() -> (0, 0, 1)>}
     : (tensor<2x2x3xf32>, tensor<f32>) -> tensor<2x2x5xf32>
  %5 = tenon.gather %4, %i {axis = 2} : (tensor<2x2x5xf32>, tensor<7xi64>) -> tensor<2x2x7xf32>
  return %5 : tensor<2x2x7xf32>
}

// Joining two unknown lengths adds their expressions.
// CHECK-LABEL: func.func @concat
// CHECK: tenon.concat %{{.*}}, %{{.*}} {axis = 0 : i64} : {{.*}} -> tensor<?xf32, #{{.*}}>
func.func @concat(%x: tensor<?xf32, #length>) -> tensor<?xf32, #double>
    attributes {tenon.symbols = ["n"]} {
  %0 = tenon.concat %x, %x {axis = 0}
     : (tensor<?xf32, #length>, tensor<?xf32, #length>) -> tensor<?xf32, #double>
  return %0 : tensor<?xf32, #double>
}

// A length that data decides gets its symbol from the element that says it.
// CHECK-LABEL: func.func @bind
// CHECK: tenon.bind_symbol %{{.*}}[0] to 0 : tensor<1xi64>
// CHECK: tenon.shape_tensor {contents = #{{.*}}} : () -> tensor<2xi64>
func.func @bind(%n: tensor<1xi64>, %x: tensor<1xf32>) -> (tensor<?xf32, #length>, tensor<2xi64>)
    attributes {tenon.symbols = ["n"]} {
  tenon.bind_symbol %n[0] to 0 : tensor<1xi64>
  %0 = tenon.broadcast %x : (tensor<1xf32>) -> tensor<?xf32, #length>
  %1 = tenon.shape_tensor {contents = affine_map<()[s0] -> (s0, 768)>} : () -> tensor<2xi64>
  return %0, %1 : tensor<?xf32, #length>, tensor<2xi64>
}

// CHECK-LABEL: func.func @indices
// CHECK: tenon.iota {axis = 1 : i64} : () -> tensor<2x3xi64>
// CHECK: tenon.gather_elements %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x4xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
// CHECK: tenon.gather_nd %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<7x1xi64>) -> tensor<7x4xf32>
func.func @indices(%x: tensor<2x4xf32>, %j: tensor<7x1xi64>) -> (tensor<2x3xf32>, tensor<7x4xf32>) {
  %i = tenon.iota {axis = 1} : () -> tensor<2x3xi64>
  %0 = tenon.gather_elements %x, %i {axis = 1} : (tensor<2x4xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  %1 = tenon.gather_nd %x, %j : (tensor<2x4xf32>, tensor<7x1xi64>) -> tensor<7x4xf32>
  return %0, %1 : tensor<2x3xf32>, tensor<7x4xf32>
}
