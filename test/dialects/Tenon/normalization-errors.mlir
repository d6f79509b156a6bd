// What normalizations refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{axis 2 is not a dimension of 'tensor<2x3xf32>'}}
  %0 = tenon.softmax %x {axis = 2} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// A scale does not widen the operand.
func.func @scale(%x: tensor<2x3xf32>, %s: tensor<4x2x3xf32>) {
  // expected-error @+1 {{cannot broadcast 'tensor<4x2x3xf32>' to 'tensor<2x3xf32>'}}
  %0 = tenon.layer_norm %x scale %s {axis = 1, epsilon = 1.0e-5}
     : (tensor<2x3xf32>, tensor<4x2x3xf32>) -> tensor<2x3xf32>
  return
}
