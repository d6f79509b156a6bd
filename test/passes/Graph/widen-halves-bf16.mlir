// What the processor multiplies as it is stays narrow; the sum is as wide as it is computed.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-widen-halves))' | FileCheck %s

// CHECK-LABEL: func.func @products
// CHECK: %[[Y:.*]] = tenon.matmul %arg0, %arg1 : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32>
// CHECK: %[[E:.*]] = tenon.exp %[[Y]] : (tensor<16x32xf32>) -> tensor<16x32xf32>
// CHECK: tenon.cast %[[E]] to bf16
// CHECK: tenon.matmul %{{.*}} : (tensor<16x64xf32>, tensor<64x32xf16>) -> tensor<16x32xf32>
func.func @products(%x: tensor<16x64xbf16>, %w: tensor<64x32xbf16>, %a: tensor<16x64xf16>, %b: tensor<64x32xf16>)
    -> (tensor<16x32xbf16>, tensor<16x32xf16>) {
  %y = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xbf16>
  %e = tenon.exp %y : (tensor<16x32xbf16>) -> tensor<16x32xbf16>
  %z = tenon.matmul %a, %b : (tensor<16x64xf16>, tensor<64x32xf16>) -> tensor<16x32xf16>
  return %e, %z : tensor<16x32xbf16>, tensor<16x32xf16>
}
