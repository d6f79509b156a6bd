// What selections and scatters refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @too_many(%x: tensor<3x9xf32>) {
  // expected-error @+2 {{cannot choose 10 of 9 elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %v, %i = tenon.top_k %x {axis = 1, count = affine_map<() -> (10)>}
      : (tensor<3x9xf32>) -> (tensor<3x10xf32>, tensor<3x10xi64>)
  return
}

// -----

func.func @rows(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{'tenon.non_zero' op has 3 rows of indices for rank 2}}
  %i = tenon.non_zero %x : (tensor<3x4xf32>) -> tensor<3x5xi64>
  return
}

// -----

func.func @boxes(%boxes: tensor<1x6x4xf32>, %scores: tensor<1x2x7xf32>) {
  // expected-error @+1 {{'tenon.non_max_suppression' op boxes 'tensor<1x6x4xf32>' do not fit scores 'tensor<1x2x7xf32>'}}
  %y = tenon.non_max_suppression %boxes, %scores {operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}
     : (tensor<1x6x4xf32>, tensor<1x2x7xf32>) -> tensor<5x3xi64>
  return
}

// -----

func.func @larger(%x: tensor<3x3xf32>, %i: tensor<2x4xi64>, %u: tensor<2x4xf32>) {
  // expected-error @+1 {{'tenon.scatter_elements' op indices 'tensor<2x4xi64>' exceed the operand 'tensor<3x3xf32>'}}
  %0 = tenon.scatter_elements none %x, %i, %u {axis = 0}
     : (tensor<3x3xf32>, tensor<2x4xi64>, tensor<2x4xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @tuples(%x: tensor<3x3xf32>, %i: tensor<2x4xi64>, %u: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.scatter_nd' op indices 'tensor<2x4xi64>' do not address 'tensor<3x3xf32>'}}
  %0 = tenon.scatter_nd none %x, %i, %u
     : (tensor<3x3xf32>, tensor<2x4xi64>, tensor<2xf32>) -> tensor<3x3xf32>
  return
}
