// What ops on positions refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @iota() {
  // expected-error @+1 {{'tenon.iota' op axis 2 is not a dimension of 'tensor<2x3xi64>'}}
  %0 = tenon.iota {axis = 2} : () -> tensor<2x3xi64>
  return
}

// -----

// Beside the axis, indices stay inside of the operand.
func.func @gatherElements(%x: tensor<3x4xf32>, %i: tensor<5x2xi64>) {
  // expected-error @+2 {{reach out of dimension 0 of 'tensor<3x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.gather_elements %x, %i {axis = 1}
     : (tensor<3x4xf32>, tensor<5x2xi64>) -> tensor<5x2xf32>
  return
}

// -----

func.func @gatherND(%x: tensor<3x4xf32>, %i: tensor<7x3xi64>) {
  // expected-error @+2 {{index tuples of 'tensor<7x3xi64>' do not address the dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.gather_nd %x, %i : (tensor<3x4xf32>, tensor<7x3xi64>) -> tensor<7xf32>
  return
}
