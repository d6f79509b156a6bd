// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-assign-precision{rules=*=bf16}))' --split-input-file | FileCheck %s --check-prefixes=CHECK,NARROW,BF16
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-assign-precision{rules=*=bf16}))' --split-input-file | FileCheck %s --check-prefixes=CHECK,WIDE,BF16
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-assign-precision{rules=*=f16}))' --split-input-file | FileCheck %s --check-prefixes=CHECK,WIDE,F16

// What a product multiplies is rounded where it is computed, and whoever else reads it reads the same.
// AMX-BF16 multiplies bf16 as it is; what has no instruction would be converted again and again, and only
// weights are rounded.
// CHECK-LABEL: func @shortcut(
// CHECK: %[[W:.*]] = tenon.constant
// CHECK: %[[WN:.*]] = tenon.cast %[[W]] to [[T:b?f16]]
// CHECK: %[[R:.*]] = tenon.relu
// NARROW: %[[N:.*]] = tenon.cast %[[R]] to [[T]]
// NARROW: %[[F:.*]] = tenon.cast %[[N]] to f32
// NARROW: %[[Y:.*]] = tenon.conv %[[N]], %[[WN]] {{.*}} -> tensor<1x4x4x32xf32>
// NARROW: tenon.add %[[Y]], %[[F]]
// WIDE-NOT: tenon.cast
// WIDE: %[[Y:.*]] = tenon.conv %[[R]], %[[WN]] {{.*}} -> tensor<1x4x4x32xf32>
// WIDE: tenon.add %[[Y]], %[[R]]
func.func @shortcut(%x: tensor<1x4x4x32xf32>) -> tensor<1x4x4x32xf32> {
  %w = tenon.constant dense<0.5> : tensor<1x1x32x32xf32>
  %r = tenon.relu %x : (tensor<1x4x4x32xf32>) -> tensor<1x4x4x32xf32>
  %y = tenon.conv %r, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x4x4x32xf32>, tensor<1x1x32x32xf32>) -> tensor<1x4x4x32xf32>
  %z = tenon.add %y, %r : (tensor<1x4x4x32xf32>, tensor<1x4x4x32xf32>) -> tensor<1x4x4x32xf32>
  return %z : tensor<1x4x4x32xf32>
}

// -----

// Rounding moves up through ops that only move elements.
// CHECK-LABEL: func @movement(
// CHECK: %[[R:.*]] = tenon.relu
// NARROW: %[[N:.*]] = tenon.cast %[[R]] to bf16
// NARROW: %[[P:.*]] = tenon.pad %[[N]]
// WIDE: %[[P:.*]] = tenon.pad %[[R]]
// CHECK: tenon.conv %[[P]]
func.func @movement(%x: tensor<1x4x4x32xf32>) -> tensor<1x2x2x16xf32> {
  %w = tenon.constant dense<0.5> : tensor<5x5x32x16xf32>
  %0 = tenon.constant dense<0.0> : tensor<f32>
  %r = tenon.relu %x : (tensor<1x4x4x32xf32>) -> tensor<1x4x4x32xf32>
  %p = tenon.pad %r, %0 {low = affine_map<() -> (0, 1, 1, 0)>}
     : (tensor<1x4x4x32xf32>, tensor<f32>) -> tensor<1x6x6x32xf32>
  %y = tenon.conv %p, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x6x6x32xf32>, tensor<5x5x32x16xf32>) -> tensor<1x2x2x16xf32>
  return %y : tensor<1x2x2x16xf32>
}

// -----

// What the model takes and gives stays as it is, through a reshape, too; only weights are rounded.
// CHECK-LABEL: func @boundary(
// CHECK-SAME: %[[X:[^:]*]]: tensor<4x8xf32>
// CHECK: %[[E:.*]] = tenon.exp
// CHECK-NEXT: %[[A:.*]] = tenon.matmul %[[X]], %{{.*}} : (tensor<4x8xf32>, tensor<8x8x[[T:b?f16]]>) -> tensor<4x8xf32>
// CHECK-NEXT: %[[B:.*]] = tenon.matmul %[[E]], %{{.*}} : (tensor<4x8xf32>, tensor<8x8x[[T]]>) -> tensor<4x8xf32>
// CHECK: tenon.reshape %[[E]]
func.func @boundary(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<32xf32>) {
  %w = tenon.constant dense<0.5> : tensor<8x8xf32>
  %e = tenon.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %a = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %b = tenon.matmul %e, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %f = tenon.reshape %e : (tensor<4x8xf32>) -> tensor<32xf32>
  return %a, %b, %f : tensor<4x8xf32>, tensor<4x8xf32>, tensor<32xf32>
}

// -----

// Norms, what they read, and what is added to what they compute stay f32: the stream of a transformer,
// whether norms stand in front of the products or behind them.
// CHECK-LABEL: func @stream(
// CHECK: %[[S:.*]] = tenon.add %{{.*}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: %[[L:.*]] = tenon.layer_norm %[[S]] {{.*}} -> tensor<4x8xf32>
// NARROW: tenon.cast %[[L]] to
// CHECK: %[[Y:.*]] = tenon.matmul {{.*}} -> tensor<4x8xf32>
// CHECK: tenon.add %[[S]], %[[Y]]
// CHECK: tenon.add %{{.*}}, %[[L]]
func.func @stream(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w = tenon.constant dense<0.5> : tensor<8x8xf32>
  %s = tenon.add %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %l = tenon.layer_norm %s {axis = 1, epsilon = 1.0e-5} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = tenon.matmul %l, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %z = tenon.add %s, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %p = tenon.add %z, %l : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = tenon.exp %p : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// -----

// Depthwise convolutions gain by halves where rounding to them takes one instruction.
// CHECK-LABEL: func @depthwise(
// CHECK: %[[R:.*]] = tenon.relu
// F16: %[[N:.*]] = tenon.cast %[[R]] to f16
// F16: tenon.conv %[[N]], {{.*}} : (tensor<1x6x6x32xf16>, tensor<3x3x1x32xf16>) -> tensor<1x4x4x32xf32>
// BF16: tenon.conv %[[R]], {{.*}} : (tensor<1x6x6x32xf32>, tensor<3x3x1x32xbf16>) -> tensor<1x4x4x32xf32>
func.func @depthwise(%x: tensor<1x6x6x32xf32>) -> tensor<1x4x4x32xf32> {
  %w = tenon.constant dense<0.5> : tensor<3x3x1x32xf32>
  %r = tenon.relu %x : (tensor<1x6x6x32xf32>) -> tensor<1x6x6x32xf32>
  %y = tenon.conv %r, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 32}
     : (tensor<1x6x6x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x4x4x32xf32>
  return %y : tensor<1x4x4x32xf32>
}

// -----

// Both products of attention; scores and powers between them stay f32.
// CHECK-LABEL: func @attention(
// CHECK: tenon.attention %{{.*}} : (tensor<2x5x8xf32>, tensor<2x5x8x[[T:b?f16]]>, tensor<2x5x8x[[T]]>) -> tensor<2x5x8xf32>
func.func @attention(%x: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %q = tenon.exp %x : (tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %k = tenon.sqrt %x : (tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %v = tenon.abs %x : (tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %y = tenon.attention %q, %k, %v {scale = 1.0}
     : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// -----

// Products of other types are what they are.
// CHECK-LABEL: func @others(
// CHECK-NOT: tenon.cast
// CHECK: return
func.func @others(%x: tensor<4x8xf64>, %q: tensor<4x8xui8>, %w: tensor<8x8xi8>)
    -> (tensor<4x4xf64>, tensor<4x8xi32>) {
  %y = tenon.matmul %x, %x {transposeRhs} : (tensor<4x8xf64>, tensor<4x8xf64>) -> tensor<4x4xf64>
  %z = tenon.matmul %q, %w : (tensor<4x8xui8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  return %y, %z : tensor<4x4xf64>, tensor<4x8xi32>
}
