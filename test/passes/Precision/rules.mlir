// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-assign-precision{rules=/layers.*=bf16,/layers.1/*=f16,/layers.1/head=fp32}))' | FileCheck %s
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-assign-precision{rules=a=f8}))' 2>&1 | FileCheck %s --check-prefix=PRECISION
// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-assign-precision{rules=[a=f16}))' 2>&1 | FileCheck %s --check-prefix=PATTERN
// PRECISION: error: 'f8' is no precision: fp32, fp32-split, fp32-fast, tf32, bf16, f16 or int8
// PATTERN: error: '[a' names no nodes:

// Of several rules that match a node, the last counts; what none matches stays f32.
// CHECK-LABEL: func @nodes(
// CHECK: tenon.matmul {{.*}}, tensor<8x8xbf16>) -> tensor<4x8xf32>
// CHECK: tenon.matmul {{.*}}, tensor<8x8xf16>) -> tensor<4x8xf32>
// CHECK: tenon.matmul {{.*}}, tensor<8x8xf32>) -> tensor<4x8xf32>
// CHECK: tenon.matmul {{.*}}, tensor<8x8xf32>) -> tensor<4x8xf32>
func.func @nodes(%x: tensor<4x8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %w = tenon.constant dense<0.5> : tensor<8x8xf32>
  %a = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("/layers.0/up")
  %b = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("/layers.1/up")
  %c = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("/layers.1/head")
  %d = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("head")
  return %a, %b, %c, %d : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// Products that become one op have the higher precision of the two: here fp32, as nothing names the
// first.
// CHECK-LABEL: func @attention(
// CHECK-NOT: tenon.cast
// CHECK: return
func.func @attention(%x: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %e = tenon.exp %x : (tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %y = tenon.attention %e, %e, %e {scale = 1.0}
     : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
     loc(fused["scores", "softmax", "/layers.0/values"])
  return %y : tensor<2x5x8xf32>
}
