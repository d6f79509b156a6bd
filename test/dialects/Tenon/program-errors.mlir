// Launches that do not fit their kernel.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @none(%a: tensor<8xf32>) {
  // expected-error @+1 {{'tenon.launch' op names no kernel: @nothing}}
  %0 = tenon.launch @nothing(%a) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

tenon.kernel @negate(%a: tensor<8xf32>) -> tensor<8xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  %0 = tenon.neg %a : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
func.func @signature(%a: tensor<9xf32>) {
  // expected-error @+1 {{'tenon.launch' op does not fit the signature of @negate}}
  %0 = tenon.launch @negate(%a) : (tensor<9xf32>) -> tensor<9xf32>
  return
}

// -----

func.func @too_far(%a: tensor<4x3xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{'tenon.insert' op writes beyond its result}}
  %0 = tenon.insert %a {low = affine_map<() -> (0, 6)>} : (tensor<4x3xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

func.func @other_destination(%a: tensor<4x3xf32>, %d: tensor<4x9xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{'tenon.insert' op has a destination of another type: 'tensor<4x9xf32>'}}
  %0 = tenon.insert %a into %d : tensor<4x9xf32> {low = affine_map<() -> (0, 0)>} : (tensor<4x3xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

tenon.kernel @negate(%a: tensor<8xf32>) -> tensor<8xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  %0 = tenon.neg %a : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
func.func @whole(%a: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'tenon.launch' op has a destination, but @negate writes no part of a tensor of that type}}
  %0 = tenon.launch @negate(%a) into %a : tensor<8xf32> : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
