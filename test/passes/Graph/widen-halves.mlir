// What a processor cannot compute in halves is computed in f32; what only moves stays as it is.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-widen-halves))' | FileCheck %s
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(func.func(tenon-widen-halves))' 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: the module has no 'tenon.target'

// One rounding is left of two.
// CHECK-LABEL: func.func @chain
// CHECK-DAG: %[[X:.*]] = tenon.cast %arg0 to f32
// CHECK-DAG: %[[Y:.*]] = tenon.cast %arg1 to f32
// CHECK: %[[M:.*]] = tenon.mul %[[X]], %[[Y]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %[[E:.*]] = tenon.exp %[[M]] : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %[[R:.*]] = tenon.cast %[[E]] to f16
// CHECK-NEXT: return %[[R]]
func.func @chain(%x: tensor<4xf16>, %y: tensor<4xf16>) -> tensor<4xf16> {
  %0 = tenon.mul %x, %y : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
  %1 = tenon.exp %0 : (tensor<4xf16>) -> tensor<4xf16>
  return %1 : tensor<4xf16>
}

// A model that rounds on purpose gets what it asks for.
// CHECK-LABEL: func.func @explicit
// CHECK: %[[H:.*]] = tenon.cast %arg0 to bf16
// CHECK-NEXT: %[[W:.*]] = tenon.cast %[[H]] to f32
// CHECK-NEXT: tenon.exp %[[W]] : (tensor<4xf32>) -> tensor<4xf32>
func.func @explicit(%x: tensor<4xf32>) -> tensor<4xbf16> {
  %0 = tenon.cast %x to bf16 : (tensor<4xf32>) -> tensor<4xbf16>
  %1 = tenon.exp %0 : (tensor<4xbf16>) -> tensor<4xbf16>
  return %1 : tensor<4xbf16>
}

// The cache is lengthened as it is, by the rounded new element; what is wide is moved wide.
// CHECK-LABEL: func.func @moves
// CHECK: %[[E:.*]] = tenon.exp %{{.*}} : (tensor<1x4xf32>)
// CHECK: %[[R:.*]] = tenon.cast %[[E]] to f16
// CHECK: tenon.concat %arg0, %[[R]] {{.*}} : (tensor<8x4xf16>, tensor<1x4xf16>) -> tensor<9x4xf16>
// CHECK: tenon.reshape %[[E]] : (tensor<1x4xf32>) -> tensor<4xf32>
func.func @moves(%cache: tensor<8x4xf16>, %x: tensor<1x4xf16>) -> (tensor<9x4xf16>, tensor<4xf16>) {
  %0 = tenon.exp %x : (tensor<1x4xf16>) -> tensor<1x4xf16>
  %1 = tenon.concat %cache, %0 {axis = 0} : (tensor<8x4xf16>, tensor<1x4xf16>) -> tensor<9x4xf16>
  %2 = tenon.reshape %0 : (tensor<1x4xf16>) -> tensor<4xf16>
  return %1, %2 : tensor<9x4xf16>, tensor<4xf16>
}

// Weights are read as halves, by however many rows.
// CHECK-LABEL: func.func @products
// CHECK: tenon.matmul {{.*}} : (tensor<64x16xf32>, tensor<16x8xf16>) -> tensor<64x8xf32>
// CHECK: tenon.matmul {{.*}} : (tensor<1x16xf32>, tensor<16x8xf16>) -> tensor<1x8xf32>
func.func @products(%x: tensor<64x16xf16>, %y: tensor<1x16xf16>)
    -> (tensor<64x8xf16>, tensor<1x8xf16>) {
  %w = tenon.constant dense<0.5> : tensor<16x8xf16>
  %0 = tenon.matmul %x, %w : (tensor<64x16xf16>, tensor<16x8xf16>) -> tensor<64x8xf16>
  %1 = tenon.matmul %y, %w : (tensor<1x16xf16>, tensor<16x8xf16>) -> tensor<1x8xf16>
  return %0, %1 : tensor<64x8xf16>, tensor<1x8xf16>
}
// Attention reads keys and values as halves, and the rest, what it gives included, is wide.
// CHECK-LABEL: func.func @attention
// CHECK-DAG: %[[Q:.*]] = tenon.cast %arg0
// CHECK-DAG: %[[B:.*]] = tenon.cast %arg2
// CHECK: tenon.attention %[[Q]], %arg1, %arg1 bias %[[B]] {{.*}} : (tensor<2x3x8xf32>, tensor<2x5x8xf16>, tensor<2x5x8xf16>, tensor<3x5xf32>) -> tensor<2x3x8xf32>
func.func @attention(%q: tensor<2x3x8xf16>, %k: tensor<2x5x8xf16>, %b: tensor<3x5xf16>) -> tensor<2x3x8xf16> {
  %0 = tenon.attention %q, %k, %k bias %b {scale = 1.0} : (tensor<2x3x8xf16>, tensor<2x5x8xf16>, tensor<2x5x8xf16>, tensor<3x5xf16>) -> tensor<2x3x8xf16>
  return %0 : tensor<2x3x8xf16>
}

// CHECK-LABEL: func.func @filters
// CHECK: tenon.conv {{.*}} : (tensor<1x6x6x8xf32>, tensor<3x3x8x8xf16>) -> tensor<1x4x4x8xf32>
func.func @filters(%x: tensor<1x6x6x8xf16>) -> tensor<1x4x4x8xf16> {
  %w = tenon.constant dense<0.5> : tensor<3x3x8x8xf16>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x8xf16>, tensor<3x3x8x8xf16>) -> tensor<1x4x4x8xf16>
  return %0 : tensor<1x4x4x8xf16>
}
