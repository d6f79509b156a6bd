// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @alone() attributes {tenon.symbols = ["A", "B"]} {
  // expected-error @+1 {{needs two sizes or more over symbols, got affine_map<()[s0] -> (s0)>}}
  tenon.bind_broadcast affine_map<()[s0] -> (s0)> to 1
  return
}

// -----

func.func @three() attributes {tenon.symbols = ["A"]} {
  // expected-error @+1 {{compares two sizes over symbols, got affine_map<()[s0] -> (s0, 1, 2)>}}
  tenon.require equal affine_map<()[s0] -> (s0, 1, 2)>, "sizes"
  return
}
