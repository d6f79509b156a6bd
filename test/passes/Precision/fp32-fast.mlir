// Products and convolutions learn of how many products of bf16 theirs may be sums; nothing is cast. Attention stays as it is,
// as do nodes that no rule matches, and products of halves.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-assign-precision{rules=a*=fp32-fast,s*=fp32-split}))' | FileCheck %s

// CHECK-LABEL: func @nodes(
//   CHECK-NOT:   tenon.cast
//       CHECK:   tenon.matmul {{.*}} {tenon.bfloat_products = 3 : i64}
//       CHECK:   tenon.matmul {{.*}} {tenon.bfloat_products = 6 : i64}
//       CHECK:   tenon.matmul
//   CHECK-NOT:   bfloat_products
//       CHECK:   tenon.conv {{.*}}tenon.bfloat_products = 3 : i64
//       CHECK:   return
func.func @nodes(%x: tensor<4x8xf32>, %i: tensor<1x8x8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1x8x8x8xf32>) {
  %w = tenon.constant dense<0.5> : tensor<8x8xf32>
  %f = tenon.constant dense<0.5> : tensor<1x1x8x8xf32>
  %a = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("a")
  %b = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("s")
  %c = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("c")
  %d = tenon.conv %i, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x8x8x8xf32>, tensor<1x1x8x8xf32>) -> tensor<1x8x8x8xf32> loc("a1")
  return %a, %b, %c, %d : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1x8x8x8xf32>
}

// CHECK-LABEL: func @others(
//   CHECK-NOT:   bfloat_products
//       CHECK:   return
func.func @others(%q: tensor<2x5x8xf32>, %h: tensor<4x8xf16>) -> (tensor<2x5x8xf32>, tensor<4x8xf16>) {
  %w = tenon.constant dense<0.5> : tensor<8x8xf16>
  %a = tenon.attention %q, %q, %q {scale = 1.0} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32> loc("a")
  %b = tenon.matmul %h, %w : (tensor<4x8xf16>, tensor<8x8xf16>) -> tensor<4x8xf16> loc("a")
  return %a, %b : tensor<2x5x8xf32>, tensor<4x8xf16>
}
