// RUN: tenon-opt %s --pass-pipeline='builtin.module(func.func(tenon-move-sign-changes))' --split-input-file | FileCheck %s

// A frame of padding is one of the other sign, and so are the bytes in it.
// CHECK-LABEL: func.func @padded(
// CHECK: %[[V:.*]] = tenon.min
// CHECK: %[[U:.*]] = tenon.sub %[[V]], %{{.*}} : (tensor<4x4xf32>, tensor<f32>)
// CHECK: %[[Q:.*]] = tenon.cast %[[U]] to ui8
// CHECK: %[[P:.*]] = tenon.pad %[[Q]], %{{.*}} : (tensor<4x4xui8>, tensor<ui8>) -> tensor<6x6xui8>
// CHECK-NEXT: return %[[P]]
func.func @padded(%x: tensor<4x4xf32>) -> tensor<6x6xui8> {
  %z = tenon.constant dense<-4> : tensor<i8>
  %offset = tenon.constant dense<-128> : tensor<i32>
  %low = tenon.constant dense<-128.0> : tensor<f32>
  %high = tenon.constant dense<127.0> : tensor<f32>
  %r = tenon.round %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %u = tenon.max %r, %low : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
  %v = tenon.min %u, %high : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
  %q = tenon.cast %v to i8 : (tensor<4x4xf32>) -> tensor<4x4xi8>
  %p = tenon.pad %q, %z {low = affine_map<() -> (1, 1)>}
     : (tensor<4x4xi8>, tensor<i8>) -> tensor<6x6xi8>
  %w = tenon.cast %p to i32 : (tensor<6x6xi8>) -> tensor<6x6xi32>
  %d = tenon.sub %w, %offset : (tensor<6x6xi32>, tensor<i32>) -> tensor<6x6xi32>
  %y = tenon.cast %d to ui8 : (tensor<6x6xi32>) -> tensor<6x6xui8>
  return %y : tensor<6x6xui8>
}

// -----

// Whoever else reads the value, or its bytes, reads the new bytes; there is one change for all.
// CHECK-LABEL: func.func @others(
// CHECK: %[[Q:.*]] = tenon.cast %{{.*}} to ui8 : (tensor<8xf32>) -> tensor<8xui8>
// CHECK: %[[W:.*]] = tenon.cast %[[Q]] to f32
// CHECK: %[[V:.*]] = tenon.add %[[W]], %{{.*}} : (tensor<8xf32>, tensor<f32>)
// CHECK: %[[B:.*]] = tenon.cast %[[V]] to i8
// CHECK: %[[R:.*]] = tenon.reshape %[[Q]]
// CHECK: %[[E:.*]] = tenon.exp %[[V]]
// CHECK: return %[[Q]], %[[R]], %[[E]], %[[B]]
func.func @others(%x: tensor<8xf32>)
    -> (tensor<8xui8>, tensor<2x4xui8>, tensor<8xf32>, tensor<8xi8>) {
  %offset = tenon.constant dense<-128> : tensor<i32>
  %low = tenon.constant dense<-128.0> : tensor<f32>
  %high = tenon.constant dense<127.0> : tensor<f32>
  %r = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
  %u = tenon.max %r, %low : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %v = tenon.min %u, %high : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %q = tenon.cast %v to i8 : (tensor<8xf32>) -> tensor<8xi8>
  %w = tenon.cast %q to i32 : (tensor<8xi8>) -> tensor<8xi32>
  %d = tenon.sub %w, %offset : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
  %y = tenon.cast %d to ui8 : (tensor<8xi32>) -> tensor<8xui8>
  %q2 = tenon.reshape %q : (tensor<8xi8>) -> tensor<2x4xi8>
  %w2 = tenon.cast %q2 to i32 : (tensor<2x4xi8>) -> tensor<2x4xi32>
  %d2 = tenon.sub %w2, %offset : (tensor<2x4xi32>, tensor<i32>) -> tensor<2x4xi32>
  %y2 = tenon.cast %d2 to ui8 : (tensor<2x4xi32>) -> tensor<2x4xui8>
  %e = tenon.exp %v : (tensor<8xf32>) -> tensor<8xf32>
  return %y, %y2, %e, %q : tensor<8xui8>, tensor<2x4xui8>, tensor<8xf32>, tensor<8xi8>
}

// -----

// What others read moved stays, and so does what a byte does not hold or no float became.
// CHECK-LABEL: func.func @stay(
// CHECK: tenon.reshape %{{.*}} : (tensor<8xi8>) -> tensor<2x4xi8>
// CHECK: tenon.sub %{{.*}} : (tensor<2x4xi32>, tensor<i32>) -> tensor<2x4xi32>
// CHECK: tenon.cast %arg1 to i8
// CHECK: tenon.sub %{{.*}} : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
func.func @stay(%q: tensor<8xi8>, %x: tensor<8xf32>)
    -> (tensor<2x4xui8>, tensor<2x4xi8>, tensor<8xui8>) {
  %offset = tenon.constant dense<-128> : tensor<i32>
  %q2 = tenon.reshape %q : (tensor<8xi8>) -> tensor<2x4xi8>
  %w2 = tenon.cast %q2 to i32 : (tensor<2x4xi8>) -> tensor<2x4xi32>
  %d2 = tenon.sub %w2, %offset : (tensor<2x4xi32>, tensor<i32>) -> tensor<2x4xi32>
  %y2 = tenon.cast %d2 to ui8 : (tensor<2x4xi32>) -> tensor<2x4xui8>
  %b = tenon.cast %x to i8 : (tensor<8xf32>) -> tensor<8xi8>
  %w = tenon.cast %b to i32 : (tensor<8xi8>) -> tensor<8xi32>
  %d = tenon.sub %w, %offset : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
  %y = tenon.cast %d to ui8 : (tensor<8xi32>) -> tensor<8xui8>
  return %y2, %q2, %y : tensor<2x4xui8>, tensor<2x4xi8>, tensor<8xui8>
}
