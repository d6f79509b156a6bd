// Conversions between numbers and their quantized form, with and without a zero point, and what they are in simpler ops.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline='builtin.module(func.func(tenon-simplify-quantization))' | FileCheck %s --check-prefix=SIMPLE

// CHECK-LABEL: func @quantize
// CHECK: tenon.quantize %arg0, %arg1, %arg2 to ui8 : (tensor<2x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x3xui8>
// SIMPLE-LABEL: func @quantize
// SIMPLE-DAG: [[LOW:%.*]] = tenon.constant dense<0.000000e+00>
// SIMPLE-DAG: [[HIGH:%.*]] = tenon.constant dense<2.550000e+02>
// SIMPLE: [[QUOTIENT:%.*]] = tenon.div %arg0, %arg1
// SIMPLE: [[ROUNDED:%.*]] = tenon.round [[QUOTIENT]]
// SIMPLE: [[ZERO:%.*]] = tenon.cast %arg2 to f32
// SIMPLE: [[MOVED:%.*]] = tenon.add [[ROUNDED]], [[ZERO]]
// SIMPLE: [[MAX:%.*]] = tenon.max [[MOVED]], [[LOW]]
// SIMPLE: [[MIN:%.*]] = tenon.min [[MAX]], [[HIGH]]
// SIMPLE: tenon.cast [[MIN]] to ui8
func.func @quantize(%x: tensor<2x3xf32>, %scale: tensor<f32>, %zero: tensor<ui8>) -> tensor<2x3xui8> {
  %q = tenon.quantize %x, %scale, %zero to ui8 : (tensor<2x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x3xui8>
  return %q : tensor<2x3xui8>
}

// CHECK-LABEL: func @columns
// CHECK: tenon.quantize %arg0, %arg1 to i8 : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi8>
func.func @columns(%x: tensor<2x3xf32>, %scale: tensor<3xf32>) -> tensor<2x3xi8> {
  %q = tenon.quantize %x, %scale to i8 : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi8>
  return %q : tensor<2x3xi8>
}

// CHECK-LABEL: func @dequantize
// CHECK: tenon.dequantize %arg0, %arg1, %arg2 : (tensor<2x3xi16>, tensor<f32>, tensor<i16>) -> tensor<2x3xf32>
// SIMPLE-LABEL: func @dequantize
// SIMPLE: [[Q:%.*]] = tenon.cast %arg0 to i32
// SIMPLE: [[ZERO:%.*]] = tenon.cast %arg2 to i32
// SIMPLE: [[DIFFERENCE:%.*]] = tenon.sub [[Q]], [[ZERO]]
// SIMPLE: [[FLOAT:%.*]] = tenon.cast [[DIFFERENCE]] to f32
// SIMPLE: tenon.mul [[FLOAT]], %arg1
func.func @dequantize(%q: tensor<2x3xi16>, %scale: tensor<f32>, %zero: tensor<i16>) -> tensor<2x3xf32> {
  %x = tenon.dequantize %q, %scale, %zero : (tensor<2x3xi16>, tensor<f32>, tensor<i16>) -> tensor<2x3xf32>
  return %x : tensor<2x3xf32>
}

// Parameters for each block of a dimension, of which the last one is shorter here.
// CHECK-LABEL: func @blocks
// CHECK: tenon.dequantize_blocks %arg0, %arg1, %arg2 {axis = 1 : i64, block_size = 4 : i64} : (tensor<2x7xui4>, tensor<2x2xf32>, tensor<2x2xui4>) -> tensor<2x7xf32>
func.func @blocks(%q: tensor<2x7xui4>, %scale: tensor<2x2xf32>, %zero: tensor<2x2xui4>) -> tensor<2x7xf32> {
  %x = tenon.dequantize_blocks %q, %scale, %zero {axis = 1, block_size = 4} : (tensor<2x7xui4>, tensor<2x2xf32>, tensor<2x2xui4>) -> tensor<2x7xf32>
  return %x : tensor<2x7xf32>
}

// CHECK-LABEL: func @blocks_without_zero
// CHECK: tenon.dequantize_blocks %arg0, %arg1 {axis = 0 : i64, block_size = 2 : i64}
func.func @blocks_without_zero(%q: tensor<2x7xi8>, %scale: tensor<1x7xf32>) -> tensor<2x7xf32> {
  %x = tenon.dequantize_blocks %q, %scale {axis = 0, block_size = 2} : (tensor<2x7xi8>, tensor<1x7xf32>) -> tensor<2x7xf32>
  return %x : tensor<2x7xf32>
}

// CHECK-LABEL: func @blocks_float_zero
// CHECK: tenon.dequantize_blocks {{.*}} : (tensor<2x8xui2>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x8xf32>
func.func @blocks_float_zero(%q: tensor<2x8xui2>, %scale: tensor<2x2xf32>, %zero: tensor<2x2xf32>) -> tensor<2x8xf32> {
  %x = tenon.dequantize_blocks %q, %scale, %zero {axis = 1, block_size = 4} : (tensor<2x8xui2>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x8xf32>
  return %x : tensor<2x8xf32>
}

// CHECK-LABEL: func @floats
// CHECK: tenon.dequantize %arg0, %arg1, %arg2 : (tensor<2x7xf8E4M3FN>, tensor<7xf32>, tensor<f8E4M3FN>) -> tensor<2x7xf32>
func.func @floats(%q: tensor<2x7xf8E4M3FN>, %scale: tensor<7xf32>, %zero: tensor<f8E4M3FN>) -> tensor<2x7xf32> {
  %x = tenon.dequantize %q, %scale, %zero : (tensor<2x7xf8E4M3FN>, tensor<7xf32>, tensor<f8E4M3FN>) -> tensor<2x7xf32>
  return %x : tensor<2x7xf32>
}
