// What matrix products and convolutions refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @inner(%a: tensor<4x5xf32>, %b: tensor<6x7xf32>) {
  // expected-error @+2 {{inner dimensions differ: 'tensor<4x5xf32>' and 'tensor<6x7xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xf32>, tensor<6x7xf32>) -> tensor<4x7xf32>
  return
}

// -----

func.func @rank(%a: tensor<5xf32>, %b: tensor<5x7xf32>) {
  // expected-error @+2 {{operands need rank 2 or more, got 'tensor<5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.matmul %a, %b : (tensor<5xf32>, tensor<5x7xf32>) -> tensor<7xf32>
  return
}

// -----

func.func @batch(%a: tensor<2x4x5xf32>, %b: tensor<3x5x7xf32>) {
  // expected-error @+2 {{batch dimensions do not broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.matmul %a, %b : (tensor<2x4x5xf32>, tensor<3x5x7xf32>) -> tensor<3x4x7xf32>
  return
}

// -----

func.func @channels(%x: tensor<1x8x8x3xf32>, %w: tensor<3x3x4x16xf32>) {
  // expected-error @+2 {{input has 3 channels, the weights take 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x8x8x3xf32>, tensor<3x3x4x16xf32>) -> tensor<1x6x6x16xf32>
  return
}

// -----

func.func @reach(%x: tensor<1x4x4x3xf32>, %w: tensor<3x3x3x16xf32>) {
  // expected-error @+2 {{kernel reaches over 5 positions, spatial dimension 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 2, 2>, groups = 1}
     : (tensor<1x4x4x3xf32>, tensor<3x3x3x16xf32>) -> tensor<1x0x0x16xf32>
  return
}

// -----

func.func @mixed(%a: tensor<4x5xf32>, %b: tensor<5x7xi8>) {
  // expected-error @+1 {{element types differ: 'tensor<4x5xf32>' and 'tensor<5x7xi8>'}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xf32>, tensor<5x7xi8>) -> tensor<4x7xf32>
  return
}

// -----

// Only narrow integers may be mixed.
func.func @wide(%a: tensor<4x5xi32>, %b: tensor<5x7xi8>) {
  // expected-error @+1 {{element types differ}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xi32>, tensor<5x7xi8>) -> tensor<4x7xi32>
  return
}

// -----

func.func @narrow_sum(%a: tensor<4x5xi8>, %b: tensor<5x7xi8>) {
  // expected-error @+2 {{are incompatible with return type(s) of operation}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xi8>, tensor<5x7xi8>) -> tensor<4x7xi8>
  return
}

// -----

func.func @two_halves(%x: tensor<1x8x8x4xbf16>, %w: tensor<3x3x4x16xf16>) {
  // expected-error @+1 {{element types differ: 'tensor<1x8x8x4xbf16>' and 'tensor<3x3x4x16xf16>'}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x8x8x4xbf16>, tensor<3x3x4x16xf16>) -> tensor<1x6x6x16xf32>
  return
}

// -----

// Only equal halves may be rounded to their own type.
func.func @half_of_f32(%a: tensor<4x5xf16>, %b: tensor<5x7xf32>) {
  // expected-error @+1 {{multiplies 'f16' by 'f32', which gives f32, not 'tensor<4x7xf16>'}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xf16>, tensor<5x7xf32>) -> tensor<4x7xf16>
  return
}

// -----

func.func @float8_of_f16(%a: tensor<4x5xf8E4M3FN>, %b: tensor<5x7xf16>) {
  // expected-error @+1 {{element types differ: 'tensor<4x5xf8E4M3FN>' and 'tensor<5x7xf16>'}}
  %0 = tenon.matmul %a, %b : (tensor<4x5xf8E4M3FN>, tensor<5x7xf16>) -> tensor<4x7xf32>
  return
}
