// What shape ops refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// A reshape keeps the number of elements.
func.func @reshape(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{'tenon.reshape' op of 12 elements to 10}}
  %0 = tenon.reshape %x : (tensor<2x6xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @reshapeType(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{'tenon.reshape' op changes the element type from 'f32' to 'f16'}}
  %0 = tenon.reshape %x : (tensor<2x6xf32>) -> tensor<12xf16>
  return
}

// -----

// A permutation names every dimension once.
func.func @transpose(%x: tensor<2x6xf32>) {
  // expected-error @+2 {{permutation [0, 0] does not fit}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.transpose %x {permutation = array<i64: 0, 0>} : (tensor<2x6xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @broadcast(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{'tenon.broadcast' op cannot broadcast 'tensor<2x6xf32>' to 'tensor<2x7xf32>'}}
  %0 = tenon.broadcast %x : (tensor<2x6xf32>) -> tensor<2x7xf32>
  return
}

// -----

func.func @concat(%a: tensor<2x6xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{dimension 1 differs: 'tensor<2x6xf32>' and 'tensor<3x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.concat %a, %b {axis = 0} : (tensor<2x6xf32>, tensor<3x5xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @slice(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{'tenon.slice' op has a step of 0}}
  %0 = tenon.slice %x {starts = affine_map<() -> (0, 0)>, steps = array<i64: 1, 0>}
     : (tensor<2x6xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @pad(%x: tensor<2x6xf32>) {
  // expected-error @+1 {{'tenon.pad' op of mode constant needs a value}}
  %0 = tenon.pad %x {low = affine_map<() -> (0, 1)>} : (tensor<2x6xf32>) -> tensor<2x7xf32>
  return
}

// -----

func.func @gather(%x: tensor<2x6xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{axis 2 is not a dimension of 'tensor<2x6xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.gather %x, %i {axis = 2} : (tensor<2x6xf32>, tensor<3xi64>) -> tensor<2x6x3xf32>
  return
}

// -----

func.func @shapeTensor() {
  // expected-error @+1 {{'tenon.shape_tensor' op has 1 expressions for 'tensor<2xi64>'}}
  %0 = tenon.shape_tensor {contents = affine_map<()[s0] -> (s0)>} : () -> tensor<2xi64>
  return
}
