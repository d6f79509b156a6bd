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
