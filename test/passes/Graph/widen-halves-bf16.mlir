// What the processor multiplies as it is stays narrow; the sum is as wide as it is computed. Where multiply-adds of f32
// are faster than pairs of bf16, and tiles too large, the input is widened.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-widen-halves))' | FileCheck %s --check-prefixes=CHECK,TILES
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=znver4},func.func(tenon-widen-halves))' | FileCheck %s --check-prefixes=CHECK,PAIRS

// CHECK-LABEL: func @products
// CHECK: %[[Y:.*]] = tenon.matmul %arg0, %{{.*}} : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32>
// CHECK: %[[E:.*]] = tenon.exp %[[Y]] : (tensor<16x32xf32>) -> tensor<16x32xf32>
// CHECK: tenon.cast %[[E]] to bf16
// CHECK: tenon.matmul %{{.*}} : (tensor<16x64xf32>, tensor<64x32xf16>) -> tensor<16x32xf32>
func.func @products(%x: tensor<16x64xbf16>, %a: tensor<16x64xf16>, %b: tensor<64x32xf16>)
    -> (tensor<16x32xbf16>, tensor<16x32xf16>) {
  %w = tenon.constant dense<0.5> : tensor<64x32xbf16>
  %y = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xbf16>
  %e = tenon.exp %y : (tensor<16x32xbf16>) -> tensor<16x32xbf16>
  %z = tenon.matmul %a, %b : (tensor<16x64xf16>, tensor<64x32xf16>) -> tensor<16x32xf16>
  return %e, %z : tensor<16x32xbf16>, tensor<16x32xf16>
}

// CHECK-LABEL: func @narrow
// TILES: tenon.matmul %{{.*}} : (tensor<16x64xf32>, tensor<64x8xbf16>) -> tensor<16x8xf32>
// PAIRS: tenon.matmul %{{.*}} : (tensor<16x64xbf16>, tensor<64x8xbf16>) -> tensor<16x8xf32>
func.func @narrow(%x: tensor<16x64xbf16>) -> tensor<16x8xbf16> {
  %w = tenon.constant dense<0.5> : tensor<64x8xbf16>
  %y = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x8xbf16>) -> tensor<16x8xbf16>
  return %y : tensor<16x8xbf16>
}
