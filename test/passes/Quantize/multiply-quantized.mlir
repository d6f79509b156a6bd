// RUN: tenon-opt %s --tenon-multiply-quantized --split-input-file | FileCheck %s

// Zero points are subtracted in 32 bits; the scales' product follows the sum.
// CHECK-LABEL: func @product(
// CHECK-SAME:    %[[A:.*]]: tensor<8x64xui8>, %[[B:.*]]: tensor<64x16xi8>, %[[SB:.*]]: tensor<16xf32>
// CHECK-DAG: %[[SA:.*]] = tenon.constant dense<5.0{{.*}}> : tensor<f32>
// CHECK-DAG: %[[A32:.*]] = tenon.cast %[[A]] to i32
// CHECK-DAG: %[[X:.*]] = tenon.sub %[[A32]]
// CHECK-DAG: %[[W:.*]] = tenon.cast %[[B]] to i32
// CHECK-DAG: %[[SUM:.*]] = tenon.matmul %[[X]], %[[W]] : {{.*}} -> tensor<8x16xi32>
// CHECK-DAG: %[[F:.*]] = tenon.cast %[[SUM]] to f32
// CHECK-DAG: %[[S:.*]] = tenon.mul %[[SB]], %[[SA]]
// CHECK: %[[Y:.*]] = tenon.mul %[[F]], %[[S]]
// CHECK: return %[[Y]]
func.func @product(%a: tensor<8x64xui8>, %b: tensor<64x16xi8>, %sb: tensor<16xf32>)
    -> tensor<8x16xf32> {
  %sa = tenon.constant dense<0.5> : tensor<f32>
  %za = tenon.constant dense<3> : tensor<ui8>
  %x = tenon.dequantize %a, %sa, %za
     : (tensor<8x64xui8>, tensor<f32>, tensor<ui8>) -> tensor<8x64xf32>
  %w = tenon.dequantize %b, %sb : (tensor<64x16xi8>, tensor<16xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// A scale per column of a transposed operand, and one per row of the other.
// CHECK-LABEL: func @rows_and_columns(
// CHECK-DAG: tenon.matmul {{.*}} {transposeRhs} : (tensor<8x64xi32>, tensor<16x64xi32>) -> tensor<8x16xi32>
// CHECK-DAG: %[[S:.*]] = tenon.reshape %{{.*}} : (tensor<16x1xf32>) -> tensor<1x16xf32>
// CHECK-DAG: tenon.mul %{{.*}}, %[[S]] : (tensor<8x1xf32>, tensor<1x16xf32>) -> tensor<8x16xf32>
func.func @rows_and_columns(%a: tensor<8x64xi8>, %sa: tensor<8x1xf32>, %b: tensor<16x64xi8>,
                            %sb: tensor<16x1xf32>) -> tensor<8x16xf32> {
  %x = tenon.dequantize %a, %sa : (tensor<8x64xi8>, tensor<8x1xf32>) -> tensor<8x64xf32>
  %w = tenon.dequantize %b, %sb : (tensor<16x64xi8>, tensor<16x1xf32>) -> tensor<16x64xf32>
  %y = tenon.matmul %x, %w {transposeRhs}
     : (tensor<8x64xf32>, tensor<16x64xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// Scales that differ within a sum do not come out of it, and a sum that may overflow stays one of
// floats, as one with an operand that was no byte.
// CHECK-LABEL: func @not_integers(
// CHECK: tenon.matmul {{.*}} -> tensor<8x16xf32>
// CHECK: tenon.matmul {{.*}} -> tensor<8x4xf32>
// CHECK: tenon.matmul {{.*}} -> tensor<8x16xf32>
func.func @not_integers(%a: tensor<8x64xi8>, %b: tensor<64x16xi8>, %s: tensor<64x1xf32>,
                        %c: tensor<8x70000xui8>, %d: tensor<70000x4xui8>, %e: tensor<64x16xf32>)
    -> (tensor<8x16xf32>, tensor<8x4xf32>, tensor<8x16xf32>) {
  %t = tenon.constant dense<0.5> : tensor<f32>
  %x = tenon.dequantize %a, %t : (tensor<8x64xi8>, tensor<f32>) -> tensor<8x64xf32>
  %w = tenon.dequantize %b, %s : (tensor<64x16xi8>, tensor<64x1xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %u = tenon.dequantize %c, %t : (tensor<8x70000xui8>, tensor<f32>) -> tensor<8x70000xf32>
  %v = tenon.dequantize %d, %t : (tensor<70000x4xui8>, tensor<f32>) -> tensor<70000x4xf32>
  %z = tenon.matmul %u, %v : (tensor<8x70000xf32>, tensor<70000x4xf32>) -> tensor<8x4xf32>
  %m = tenon.matmul %x, %e : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  return %y, %z, %m : tensor<8x16xf32>, tensor<8x4xf32>, tensor<8x16xf32>
}

// -----

// A bias in the scale of the sum joins it; the result is multiplied once, and the bound of a relu
// stays 0.
// CHECK-LABEL: func @convolution(
// CHECK: %[[ONE:.*]] = tenon.constant dense<1.0{{.*}}> : tensor<f32>
// CHECK: %[[SUM:.*]] = tenon.conv {{.*}} -> tensor<1x6x6x2xi32>
// CHECK: %[[BOTH:.*]] = tenon.add %[[SUM]], %{{.*}} : (tensor<1x6x6x2xi32>, tensor<2xi32>)
// CHECK: %[[F:.*]] = tenon.cast %[[BOTH]] to f32
// CHECK: %[[S:.*]] = tenon.div
// CHECK: %[[Y:.*]] = tenon.mul %[[F]], %[[S]]
// CHECK: %[[R:.*]] = tenon.relu %[[Y]]
// CHECK: tenon.quantize %[[R]], %[[ONE]]
func.func @convolution(%a: tensor<1x8x8x4xui8>, %b: tensor<3x3x4x2xi8>) -> tensor<1x6x6x2xui8> {
  %sa = tenon.constant dense<0.5> : tensor<f32>
  %sb = tenon.constant dense<[[[[0.25, 0.125]]]]> : tensor<1x1x1x2xf32>
  %sc = tenon.constant dense<[0.125, 0.0625]> : tensor<2xf32>
  %c = tenon.constant dense<[100, -7]> : tensor<2xi32>
  %sy = tenon.constant dense<0.75> : tensor<f32>
  %x = tenon.dequantize %a, %sa : (tensor<1x8x8x4xui8>, tensor<f32>) -> tensor<1x8x8x4xf32>
  %w = tenon.dequantize %b, %sb : (tensor<3x3x4x2xi8>, tensor<1x1x1x2xf32>) -> tensor<3x3x4x2xf32>
  %bias = tenon.dequantize %c, %sc : (tensor<2xi32>, tensor<2xf32>) -> tensor<2xf32>
  %p = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>}
     : (tensor<1x8x8x4xf32>, tensor<3x3x4x2xf32>) -> tensor<1x6x6x2xf32>
  %q = tenon.add %p, %bias : (tensor<1x6x6x2xf32>, tensor<2xf32>) -> tensor<1x6x6x2xf32>
  %r = tenon.relu %q : (tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32>
  %y = tenon.quantize %r, %sy to ui8 : (tensor<1x6x6x2xf32>, tensor<f32>) -> tensor<1x6x6x2xui8>
  return %y : tensor<1x6x6x2xui8>
}

// -----

// A bias in another scale stays a float; what others read, too, is not divided.
// CHECK-LABEL: func @other_bias(
// CHECK: %[[SCALE:.*]] = tenon.constant dense<7.5{{.*}}> : tensor<f32>
// CHECK: %[[B:.*]] = tenon.dequantize {{.*}} -> tensor<16xf32>
// CHECK: %[[SUM:.*]] = tenon.matmul {{.*}} -> tensor<8x16xi32>
// CHECK: tenon.cast %[[SUM]] to f32
// CHECK: %[[Y:.*]] = tenon.add %{{.*}}, %[[B]]
// CHECK: tenon.quantize %[[Y]], %[[SCALE]]
func.func @other_bias(%a: tensor<8x64xui8>, %b: tensor<64x16xi8>)
    -> (tensor<8x16xf32>, tensor<8x16xui8>) {
  %sy = tenon.constant dense<0.75> : tensor<f32>
  %sa = tenon.constant dense<0.5> : tensor<f32>
  %sc = tenon.constant dense<0.3> : tensor<f32>
  %c = tenon.constant dense<100> : tensor<16xi32>
  %x = tenon.dequantize %a, %sa : (tensor<8x64xui8>, tensor<f32>) -> tensor<8x64xf32>
  %w = tenon.dequantize %b, %sa : (tensor<64x16xi8>, tensor<f32>) -> tensor<64x16xf32>
  %bias = tenon.dequantize %c, %sc : (tensor<16xi32>, tensor<f32>) -> tensor<16xf32>
  %p = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %y = tenon.add %p, %bias : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  %q = tenon.quantize %y, %sy to ui8 : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xui8>
  return %y, %q : tensor<8x16xf32>, tensor<8x16xui8>
}
