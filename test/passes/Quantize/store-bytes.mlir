// RUN: tenon-opt %s --pass-pipeline='builtin.module(func.func(tenon-store-bytes))' --split-input-file | FileCheck %s

// Two readers of what is dequantized: each widens the bytes and dequantizes by itself. Who wanted
// bytes in the first place reads the same.
// CHECK-LABEL: func @readers(
// CHECK: %[[V:.*]] = tenon.min
// CHECK: %[[Q:.*]] = tenon.cast %[[V]] to ui8
// CHECK: %[[V0:.*]] = tenon.cast %[[Q]] to f32
// CHECK: %[[X0:.*]] = tenon.mul %[[V0]]
// CHECK: tenon.exp %[[X0]]
// CHECK: %[[V1:.*]] = tenon.cast %[[Q]] to f32
// CHECK: %[[X1:.*]] = tenon.mul %[[V1]]
// CHECK: tenon.sqrt %[[X1]]
// CHECK: tenon.max_pool %[[Q]]
func.func @readers(%x: tensor<1x8x4xf32>)
    -> (tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<1x4x4xui8>) {
  %low = tenon.constant dense<0.0> : tensor<f32>
  %high = tenon.constant dense<255.0> : tensor<f32>
  %s = tenon.constant dense<0.5> : tensor<f32>
  %r = tenon.round %x : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  %u = tenon.max %r, %low : (tensor<1x8x4xf32>, tensor<f32>) -> tensor<1x8x4xf32>
  %v = tenon.min %u, %high : (tensor<1x8x4xf32>, tensor<f32>) -> tensor<1x8x4xf32>
  %d = tenon.mul %v, %s : (tensor<1x8x4xf32>, tensor<f32>) -> tensor<1x8x4xf32>
  %e = tenon.exp %d : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  %f = tenon.sqrt %d : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  %q = tenon.cast %v to ui8 : (tensor<1x8x4xf32>) -> tensor<1x8x4xui8>
  %p = tenon.max_pool %q {kernel = array<i64: 2>, strides = array<i64: 2>,
                          dilations = array<i64: 1>, low = affine_map<() -> (0)>}
     : (tensor<1x8x4xui8>) -> tensor<1x4x4xui8>
  return %e, %f, %p : tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<1x4x4xui8>
}

// -----

// With one reader everything stays; and so does what is no integer, or too large for a byte.
// CHECK-LABEL: func @others(
// CHECK-NOT: tenon.cast
func.func @others(%x: tensor<8xf32>)
    -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %low = tenon.constant dense<0.0> : tensor<f32>
  %high = tenon.constant dense<255.0> : tensor<f32>
  %high16 = tenon.constant dense<65535.0> : tensor<f32>
  %r = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
  %u = tenon.max %r, %low : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %v = tenon.min %u, %high : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %e = tenon.exp %v : (tensor<8xf32>) -> tensor<8xf32>
  %w = tenon.min %u, %high16 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %f = tenon.sqrt %w : (tensor<8xf32>) -> tensor<8xf32>
  %g = tenon.exp %w : (tensor<8xf32>) -> tensor<8xf32>
  %a = tenon.max %x, %low : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %b = tenon.min %a, %high : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %h = tenon.sqrt %b : (tensor<8xf32>) -> tensor<8xf32>
  %i = tenon.exp %b : (tensor<8xf32>) -> tensor<8xf32>
  return %e, %f, %g, %h, %i
    : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// Bytes in memory are dequantized by each reader, too: floats are not stored for them.
// CHECK-LABEL: func @memory(
// CHECK-SAME: %[[Q:.*]]: tensor<8xi8>
// CHECK: %[[V0:.*]] = tenon.cast %[[Q]] to f32
// CHECK: tenon.exp %[[V0]]
// CHECK: %[[V1:.*]] = tenon.cast %[[Q]] to f32
// CHECK: tenon.sqrt %[[V1]]
func.func @memory(%q: tensor<8xi8>) -> (tensor<8xf32>, tensor<8xf32>) {
  %x = tenon.cast %q to f32 : (tensor<8xi8>) -> tensor<8xf32>
  %e = tenon.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %f = tenon.sqrt %x : (tensor<8xf32>) -> tensor<8xf32>
  return %e, %f : tensor<8xf32>, tensor<8xf32>
}

// -----

// Two convolutions are two kernels: what the first computes goes to the second as bytes.
// CHECK-LABEL: func @meet(
// CHECK: tenon.conv
// CHECK: %[[Q:.*]] = tenon.cast %{{.*}} to ui8
// CHECK: tenon.conv
// CHECK-NOT: ui8
// CHECK: %[[V:.*]] = tenon.cast %[[Q]] to f32
// CHECK: %[[A:.*]] = tenon.mul %[[V]]
// CHECK: tenon.add %[[A]]
func.func @meet(%x: tensor<1x4x4x8xf32>, %w0: tensor<1x1x8x8xf32>, %w1: tensor<1x1x8x8xf32>)
    -> tensor<1x4x4x8xf32> {
  %low = tenon.constant dense<0.0> : tensor<f32>
  %high = tenon.constant dense<255.0> : tensor<f32>
  %s = tenon.constant dense<0.5> : tensor<f32>
  %c0 = tenon.conv %x, %w0 {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>}
     : (tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32>) -> tensor<1x4x4x8xf32>
  %r0 = tenon.round %c0 : (tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  %u0 = tenon.max %r0, %low : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %v0 = tenon.min %u0, %high : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %d0 = tenon.mul %v0, %s : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %c1 = tenon.conv %x, %w1 {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>}
     : (tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32>) -> tensor<1x4x4x8xf32>
  %r1 = tenon.round %c1 : (tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  %u1 = tenon.max %r1, %low : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %v1 = tenon.min %u1, %high : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %d1 = tenon.mul %v1, %s : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %y = tenon.add %d0, %d1 : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  return %y : tensor<1x4x4x8xf32>
}
