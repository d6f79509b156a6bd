// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @rank(%bytes: tensor<2x3xui8>) attributes {tenon.symbols = ["h", "w"]} {
  // expected-error @+1 {{takes the bytes of one file, not 'tensor<2x3xui8>'}}
  %0 = tenon.decode_image rgb %bytes : (tensor<2x3xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
  return
}

// -----

func.func @samples(%bytes: tensor<9xui8>) attributes {tenon.symbols = ["h", "w"]} {
  // expected-error @+1 {{gives [height, width, 1], not}}
  %0 = tenon.decode_image grey %bytes : (tensor<9xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
  return
}

// -----

// Sizes are the run's.
func.func @sizes(%bytes: tensor<9xui8>) {
  // expected-error @+1 {{gives [height, width, 3], not 'tensor<4x5x3xui8>'}}
  %0 = tenon.decode_image rgb %bytes : (tensor<9xui8>) -> tensor<4x5x3xui8>
  return
}
