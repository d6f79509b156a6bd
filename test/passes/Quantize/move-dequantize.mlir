// RUN: tenon-opt %s --tenon-move-dequantize --split-input-file | FileCheck %s

// Zeros around a tensor are its zero point.
// CHECK-LABEL: func @pad(
// CHECK-SAME:    %[[Q:.*]]: tensor<1x8x8x4xui8>
// CHECK: %[[Z:.*]] = tenon.constant dense<3> : tensor<ui8>
// CHECK: %[[P:.*]] = tenon.pad %[[Q]], %[[Z]] {low = #{{.*}}}
// CHECK-SAME: -> tensor<1x10x10x4xui8>
// CHECK: tenon.dequantize %[[P]]
func.func @pad(%q: tensor<1x8x8x4xui8>) -> tensor<1x10x10x4xf32> {
  %s = tenon.constant dense<0.5> : tensor<f32>
  %z = tenon.constant dense<3> : tensor<ui8>
  %0 = tenon.constant dense<0.0> : tensor<f32>
  %x = tenon.dequantize %q, %s, %z
     : (tensor<1x8x8x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x8x8x4xf32>
  %y = tenon.pad %x, %0 {low = affine_map<() -> (0, 1, 1, 0)>}
     : (tensor<1x8x8x4xf32>, tensor<f32>) -> tensor<1x10x10x4xf32>
  return %y : tensor<1x10x10x4xf32>
}

// -----

// Other numbers have no byte.
// CHECK-LABEL: func @pad_with_ones(
// CHECK: tenon.dequantize
// CHECK: tenon.pad {{.*}}tensor<f32>
func.func @pad_with_ones(%q: tensor<8xui8>) -> tensor<10xf32> {
  %s = tenon.constant dense<0.5> : tensor<f32>
  %1 = tenon.constant dense<1.0> : tensor<f32>
  %x = tenon.dequantize %q, %s : (tensor<8xui8>, tensor<f32>) -> tensor<8xf32>
  %y = tenon.pad %x, %1 {low = affine_map<() -> (1)>}
     : (tensor<8xf32>, tensor<f32>) -> tensor<10xf32>
  return %y : tensor<10xf32>
}

// -----

// What is quantized as it was before is the same bytes, whatever moved them in between.
// CHECK-LABEL: func @pool_and_concatenate(
// CHECK-SAME:    %[[A:.*]]: tensor<1x8x8x4xi8>, %[[B:.*]]: tensor<1x8x8x4xi8>
// CHECK-DAG: %[[P:.*]] = tenon.max_pool %[[A]]
// CHECK-DAG: %[[S:.*]] = tenon.slice %[[B]]
// CHECK: %[[C:.*]] = tenon.concat %[[P]], %[[S]]
// CHECK-NOT: quantize
// CHECK: return %[[C]]
func.func @pool_and_concatenate(%a: tensor<1x8x8x4xi8>, %b: tensor<1x8x8x4xi8>)
    -> tensor<1x4x4x8xi8> {
  %s = tenon.constant dense<0.25> : tensor<f32>
  %z = tenon.constant dense<-128> : tensor<i8>
  %x = tenon.dequantize %a, %s, %z
     : (tensor<1x8x8x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x8x8x4xf32>
  %p = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
                          dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
     : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  %y = tenon.dequantize %b, %s, %z
     : (tensor<1x8x8x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x8x8x4xf32>
  %h = tenon.slice %y {starts = affine_map<() -> (0, 0, 0, 0)>, steps = array<i64: 1, 2, 2, 1>}
     : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  %c = tenon.concat %p, %h {axis = 3}
     : (tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>) -> tensor<1x4x4x8xf32>
  %q = tenon.quantize %c, %s, %z to i8
     : (tensor<1x4x4x8xf32>, tensor<f32>, tensor<i8>) -> tensor<1x4x4x8xi8>
  return %q : tensor<1x4x4x8xi8>
}

// -----

// Negative scales turn the order around.
// CHECK-LABEL: func @order(
// CHECK: tenon.max_pool {{.*}}xf32>
func.func @order(%i: tensor<1x8x4xui8>) -> tensor<1x4x4xf32> {
  %t = tenon.constant dense<-0.5> : tensor<f32>
  %j = tenon.dequantize %i, %t : (tensor<1x8x4xui8>, tensor<f32>) -> tensor<1x8x4xf32>
  %p = tenon.max_pool %j {kernel = array<i64: 2>, strides = array<i64: 2>,
                          dilations = array<i64: 1>, low = affine_map<() -> (0)>}
     : (tensor<1x8x4xf32>) -> tensor<1x4x4xf32>
  return %p : tensor<1x4x4xf32>
}

// -----

// Parts with parameters of their own are told apart by no concatenation. What is quantized behind
// one is quantized before it: whoever computes a part stores bytes.
// CHECK-LABEL: func @parts(
// CHECK: %[[X:.*]] = tenon.dequantize
// CHECK: tenon.concat %[[X]], {{.*}}xf32>
// CHECK: %[[Q:.*]] = tenon.quantize {{.*}} -> tensor<4xui8>
// CHECK: %[[R:.*]] = tenon.quantize {{.*}} -> tensor<4xui8>
// CHECK: tenon.concat %[[Q]], %[[R]] {{.*}} -> tensor<8xui8>
func.func @parts(%a: tensor<4xui8>, %b: tensor<4xui8>, %c: tensor<4xf32>)
    -> (tensor<8xf32>, tensor<8xui8>) {
  %s = tenon.constant dense<0.25> : tensor<f32>
  %t = tenon.constant dense<0.5> : tensor<f32>
  %x = tenon.dequantize %a, %s : (tensor<4xui8>, tensor<f32>) -> tensor<4xf32>
  %y = tenon.dequantize %b, %t : (tensor<4xui8>, tensor<f32>) -> tensor<4xf32>
  %u = tenon.concat %x, %y {axis = 0} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %v = tenon.concat %c, %y {axis = 0} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %q = tenon.quantize %v, %s to ui8 : (tensor<8xf32>, tensor<f32>) -> tensor<8xui8>
  return %u, %q : tensor<8xf32>, tensor<8xui8>
}

// -----

// Scales of filters are transposed with them.
// CHECK-LABEL: func @filters(
// CHECK-SAME:    %[[Q:.*]]: tensor<16x4x3x3xi8>, %[[S:.*]]: tensor<16x1x1x1xf32>
// CHECK-DAG: %[[T:.*]] = tenon.transpose %[[Q]] {permutation = array<i64: 2, 3, 1, 0>}
// CHECK-DAG: %[[U:.*]] = tenon.reshape %[[S]] : (tensor<16x1x1x1xf32>) -> tensor<1x1x1x16xf32>
// CHECK: tenon.dequantize %[[T]], %[[U]]
func.func @filters(%q: tensor<16x4x3x3xi8>, %s: tensor<16x1x1x1xf32>) -> tensor<3x3x4x16xf32> {
  %x = tenon.dequantize %q, %s
     : (tensor<16x4x3x3xi8>, tensor<16x1x1x1xf32>) -> tensor<16x4x3x3xf32>
  %y = tenon.transpose %x {permutation = array<i64: 2, 3, 1, 0>}
     : (tensor<16x4x3x3xf32>) -> tensor<3x3x4x16xf32>
  return %y : tensor<3x3x4x16xf32>
}

// -----

// Floats of 8 bits move as integers do; but maxima of them are not compared as such.
// CHECK-LABEL: func @floats(
// CHECK-SAME:    %[[Q:.*]]: tensor<1x4x8x8xf8E4M3FN>
// CHECK-DAG: %[[Z:.*]] = tenon.constant dense<0.0{{.*}}> : tensor<f8E4M3FN>
// CHECK-DAG: %[[T:.*]] = tenon.transpose %[[Q]]
// CHECK: %[[P:.*]] = tenon.pad %[[T]], %[[Z]]
// CHECK: %[[X:.*]] = tenon.dequantize %[[P]]
// CHECK: return %[[X]] : tensor<1x10x10x4xf32>
func.func @floats(%q: tensor<1x4x8x8xf8E4M3FN>) -> tensor<1x10x10x4xf32> {
  %s = tenon.constant dense<0.5> : tensor<f32>
  %0 = tenon.constant dense<0.0> : tensor<f32>
  %x = tenon.dequantize %q, %s : (tensor<1x4x8x8xf8E4M3FN>, tensor<f32>) -> tensor<1x4x8x8xf32>
  %t = tenon.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x4x8x8xf32>) -> tensor<1x8x8x4xf32>
  %y = tenon.pad %t, %0 {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x4xf32>, tensor<f32>) -> tensor<1x10x10x4xf32>
  return %y : tensor<1x10x10x4xf32>
}
