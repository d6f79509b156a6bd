// What may be rounded where it is multiplied says so; nothing is cast, and other nodes stay as they are.
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=cuda:sm_80},func.func(tenon-assign-precision{rules=a*=tf32},tenon-decompose))' | FileCheck %s

// CHECK-LABEL: func @products(
//       CHECK:   tenon.matmul {{.*}} {tenon.multiplied_type = tf32}
//   CHECK-NOT:   tenon.cast
//       CHECK:   tenon.matmul
//   CHECK-NOT:   multiplied_type
//       CHECK:   return
func.func @products(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %w = tenon.constant dense<0.5> : tensor<8x8xf32>
  %a = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("a")
  %b = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> loc("b")
  return %a, %b : tensor<4x8xf32>, tensor<4x8xf32>
}

// Both products that attention of long rows becomes; that of others is one kernel.
// CHECK-LABEL: func @attention(
//       CHECK:   tenon.matmul {{.*}}tenon.multiplied_type = tf32
//       CHECK:   tenon.matmul {{.*}}tenon.multiplied_type = tf32
func.func @attention(%q: tensor<2x4x320xf32>, %k: tensor<2x4x320xf32>, %v: tensor<2x4x320xf32>) -> tensor<2x4x320xf32> {
  %a = tenon.attention %q, %k, %v {scale = 1.0} : (tensor<2x4x320xf32>, tensor<2x4x320xf32>, tensor<2x4x320xf32>) -> tensor<2x4x320xf32> loc("a")
  return %a : tensor<2x4x320xf32>
}
