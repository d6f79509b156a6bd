// What pointwise ops refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// Dimensions must be equal or 1.
func.func @shapes(%a: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error @+2 {{shapes do not broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.add %a, %b : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// The result is what the operands say.
func.func @result(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'tenon.relu' op failed to infer returned types}}
  // expected-error @+1 {{'tenon.relu' op inferred type(s) 'tensor<2x3xf32>' are incompatible with return type(s) of operation 'tensor<3x2xf32>'}}
  %0 = tenon.relu %a : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

// Functions of real numbers take no integers.
func.func @type(%a: tensor<2xi32>) {
  // expected-error @+1 {{'tenon.exp' op operand #0 must be}}
  %0 = tenon.exp %a : (tensor<2xi32>) -> tensor<2xi32>
  return
}
