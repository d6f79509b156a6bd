// What reductions refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{axis 2 is not a dimension of 'tensor<2x3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.reduce sum %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @twice(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'tenon.reduce' op names an axis twice}}
  %0 = tenon.reduce sum %x {axes = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return
}

// -----

// There is no position of a sum.
func.func @kind(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'tenon.arg_reduce' op takes the kinds max and min only}}
  %0 = tenon.arg_reduce sum %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x1xi64>
  return
}

// -----

func.func @softmax(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'tenon.softmax' op axis 2 is not a dimension of 'tensor<2x3xf32>'}}
  %0 = tenon.softmax %x {axis = 2} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pool(%x: tensor<1x8x8x16xf32>) {
  // expected-error @+1 {{'tenon.max_pool' op needs positive kernel sizes, strides and dilations}}
  %0 = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 0, 2>,
                          dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
     : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
  return
}
