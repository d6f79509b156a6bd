// What quantization refuses.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @floats(%x: tensor<4xf32>, %scale: tensor<f32>) {
  // expected-error @+1 {{cannot quantize to 'f16'}}
  %q = tenon.quantize %x, %scale to f16 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf16>
  return
}

// -----

func.func @wide(%x: tensor<4xf32>, %scale: tensor<f32>) {
  // expected-error @+1 {{cannot quantize to 'i32'}}
  %q = tenon.quantize %x, %scale to i32 : (tensor<4xf32>, tensor<f32>) -> tensor<4xi32>
  return
}

// -----

func.func @zero(%x: tensor<4xf32>, %scale: tensor<f32>, %zero: tensor<i8>) {
  // expected-error @+1 {{has a zero point of 'tensor<i8>' for 'ui8'}}
  %q = tenon.quantize %x, %scale, %zero to ui8 : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xui8>
  return
}

// -----

func.func @dequantize_long(%q: tensor<4xi64>, %scale: tensor<f32>) {
  // expected-error @+1 {{cannot dequantize 'i64'}}
  %x = tenon.dequantize %q, %scale : (tensor<4xi64>, tensor<f32>) -> tensor<4xf32>
  return
}

// -----

func.func @dequantize_zero(%q: tensor<4xi8>, %scale: tensor<f32>, %zero: tensor<ui8>) {
  // expected-error @+1 {{has a zero point of 'tensor<ui8>' for 'i8'}}
  %x = tenon.dequantize %q, %scale, %zero : (tensor<4xi8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  return
}

// -----

func.func @blocks_wide(%q: tensor<4x8xi16>, %scale: tensor<4x2xf32>) {
  // expected-error @+1 {{cannot dequantize 'i16' in blocks}}
  %x = tenon.dequantize_blocks %q, %scale {axis = 1, block_size = 4} : (tensor<4x8xi16>, tensor<4x2xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @blocks_axis(%q: tensor<4x8xi4>, %scale: tensor<4x2xf32>) {
  // expected-error @+1 {{axis 2 is not a dimension of 'tensor<4x8xi4>'}}
  %x = tenon.dequantize_blocks %q, %scale {axis = 2, block_size = 4} : (tensor<4x8xi4>, tensor<4x2xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @blocks_empty(%q: tensor<4x8xi4>, %scale: tensor<4x2xf32>) {
  // expected-error @+1 {{has blocks of 0 positions}}
  %x = tenon.dequantize_blocks %q, %scale {axis = 1, block_size = 0} : (tensor<4x8xi4>, tensor<4x2xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @blocks_count(%q: tensor<4x9xi4>, %scale: tensor<4x2xf32>) {
  // expected-error @+1 {{has parameters 'tensor<4x2xf32>' for 'tensor<4x9xi4>' in blocks of 4 along dimension 1}}
  %x = tenon.dequantize_blocks %q, %scale {axis = 1, block_size = 4} : (tensor<4x9xi4>, tensor<4x2xf32>) -> tensor<4x9xf32>
  return
}

// -----

func.func @blocks_zero(%q: tensor<4x8xi4>, %scale: tensor<4x2xf32>, %zero: tensor<4x2xui4>) {
  // expected-error @+1 {{has a zero point of 'tensor<4x2xui4>' for 'i4'}}
  %x = tenon.dequantize_blocks %q, %scale, %zero {axis = 1, block_size = 4} : (tensor<4x8xi4>, tensor<4x2xf32>, tensor<4x2xui4>) -> tensor<4x8xf32>
  return
}

// -----

func.func @dequantize_half(%q: tensor<4xf16>, %scale: tensor<f32>) {
  // expected-error @+1 {{cannot dequantize 'f16'}}
  %x = tenon.dequantize %q, %scale : (tensor<4xf16>, tensor<f32>) -> tensor<4xf32>
  return
}
