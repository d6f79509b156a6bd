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
