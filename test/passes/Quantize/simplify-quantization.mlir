// Between two quantized operators only rounding and clamping remain.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(func.func(tenon-simplify-quantization))' --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @quantize_dequantize
// CHECK-DAG: %[[ZERO:.*]] = tenon.constant dense<1.360000e+02>
// CHECK-DAG: %[[LOW:.*]] = tenon.constant dense<0.000000e+00>
// CHECK-DAG: %[[HIGH:.*]] = tenon.constant dense<2.550000e+02>
// CHECK: %[[R:.*]] = tenon.round %{{.*}}
// CHECK-NEXT: %[[Q:.*]] = tenon.add %[[R]], %[[ZERO]]
// CHECK-NEXT: %[[A:.*]] = tenon.max %[[Q]], %[[LOW]]
// CHECK-NEXT: %[[B:.*]] = tenon.min %[[A]], %[[HIGH]]
// CHECK-NEXT: %[[V:.*]] = tenon.sub %[[B]], %[[ZERO]]
// CHECK-NEXT: tenon.mul %[[V]]
// CHECK-NEXT: return
func.func @quantize_dequantize(%x: tensor<8xf32>) -> tensor<8xf32> {
  %s = tenon.constant dense<0.3> : tensor<f32>
  %z = tenon.constant dense<136.0> : tensor<f32>
  %zi = tenon.constant dense<136> : tensor<i32>
  %c0 = tenon.constant dense<0.0> : tensor<f32>
  %c255 = tenon.constant dense<255.0> : tensor<f32>
  %0 = tenon.div %x, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.round %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = tenon.add %1, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.max %2, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = tenon.min %3, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %5 = tenon.cast %4 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  %6 = tenon.cast %5 to i32 : (tensor<8xui8>) -> tensor<8xi32>
  %7 = tenon.sub %6, %zi : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
  %8 = tenon.cast %7 to f32 : (tensor<8xi32>) -> tensor<8xf32>
  %9 = tenon.mul %8, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %9 : tensor<8xf32>
}

// -----

// Quantizing again by the same scale does nothing.
// CHECK-LABEL: func.func @again
// CHECK: %[[C:.*]] = tenon.cast %arg0 to f32
// CHECK-NEXT: return %[[C]]
func.func @again(%x: tensor<8xui8>) -> tensor<8xf32> {
  %s = tenon.constant dense<0.3> : tensor<f32>
  %c0 = tenon.constant dense<0.0> : tensor<f32>
  %c255 = tenon.constant dense<255.0> : tensor<f32>
  %0 = tenon.cast %x to f32 : (tensor<8xui8>) -> tensor<8xf32>
  %1 = tenon.mul %0, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.div %1, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.round %2 : (tensor<8xf32>) -> tensor<8xf32>
  %4 = tenon.max %3, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %5 = tenon.min %4, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %5 : tensor<8xf32>
}

// -----

// What may be a fraction, or beyond the type, has to go through it.
// CHECK-LABEL: func.func @must_stay
// CHECK: tenon.cast %arg0 to ui8
// CHECK: tenon.round
// CHECK: tenon.cast %{{.*}} to i8
// CHECK: tenon.cast %{{.*}} to f32
func.func @must_stay(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = tenon.cast %x to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  %1 = tenon.cast %0 to f32 : (tensor<8xui8>) -> tensor<8xf32>
  %2 = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
  %3 = tenon.cast %2 to i8 : (tensor<8xf32>) -> tensor<8xi8>
  %4 = tenon.cast %3 to f32 : (tensor<8xi8>) -> tensor<8xf32>
  return %1, %4 : tensor<8xf32>, tensor<8xf32>
}

// -----

// Zero points of ops are numbers for the other patterns, too.
// CHECK-LABEL: func.func @zero_points
// CHECK-NOT: ui8
// CHECK: tenon.round
// CHECK-NOT: tenon.cast
// CHECK: tenon.sub %{{.*}}, %{{.*}} : (tensor<8xf32>, tensor<f32>)
func.func @zero_points(%x: tensor<8xf32>) -> tensor<8xf32> {
  %s = tenon.constant dense<0.3> : tensor<f32>
  %z = tenon.constant dense<136> : tensor<ui8>
  %q = tenon.quantize %x, %s, %z to ui8 : (tensor<8xf32>, tensor<f32>, tensor<ui8>) -> tensor<8xui8>
  %y = tenon.dequantize %q, %s, %z : (tensor<8xui8>, tensor<f32>, tensor<ui8>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
