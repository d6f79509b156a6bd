// RUN: tenon-opt %s --tenon-lower-host --verify-diagnostics --split-input-file

// Computation outside of kernels has no code.
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'tenon.relu' op is not part of a program: every op must be in a kernel}}
  %0 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Strings have no bytes among the weights.
func.func @main() -> tensor<1x!tenon.string> {
  // expected-error @+1 {{cannot store a constant of type 'tensor<1x!tenon.string>'}}
  %0 = tenon.constant dense<"a"> : tensor<1x!tenon.string>
  return %0 : tensor<1x!tenon.string>
}
