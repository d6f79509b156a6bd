// Where matrix units multiply floats of 8 bits, where they multiply halves that hold the same numbers, and where neither.
// RUN: tenon-opt %s --tenon-assign-target=target=cuda:sm_89 --tenon-multiply-float8 | FileCheck %s --check-prefixes=CHECK,FLOATS
// RUN: tenon-opt %s --tenon-assign-target=target=cuda:sm_80 --tenon-multiply-float8 | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: tenon-opt %s --tenon-assign-target=target=cuda:sm_100 --tenon-multiply-float8 | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-multiply-float8 | FileCheck %s --check-prefix=CPU

// The scales' product follows the sum.
// CHECK-LABEL: func @product(
//  CHECK-SAME:   %[[A:.*]]: tensor<8x64xf8E4M3FN>, %[[B:.*]]: tensor<64x16xf8E5M2>, %[[SB:.*]]: tensor<16xf32>
//   CHECK-DAG:   %[[SA:.*]] = tenon.constant dense<5.0{{.*}}> : tensor<f32>
//  FLOATS-DAG:   %[[SUM:.*]] = tenon.matmul %[[A]], %[[B]] : (tensor<8x64xf8E4M3FN>, tensor<64x16xf8E5M2>) -> tensor<8x16xf32>
//  HALVES-DAG:   %[[X:.*]] = tenon.cast %[[A]] to f16
//  HALVES-DAG:   %[[W:.*]] = tenon.cast %[[B]] to f16
//  HALVES-DAG:   %[[SUM:.*]] = tenon.matmul %[[X]], %[[W]] : (tensor<8x64xf16>, tensor<64x16xf16>) -> tensor<8x16xf32>
//   CHECK-DAG:   %[[S:.*]] = tenon.mul %[[SB]], %[[SA]]
//       CHECK:   %[[Y:.*]] = tenon.mul %[[SUM]], %[[S]]
//       CHECK:   return %[[Y]]
//   CPU-LABEL: func @product(
//         CPU:   tenon.matmul {{.*}} : (tensor<8x64xf32>, tensor<64x16xf32>)
func.func @product(%a: tensor<8x64xf8E4M3FN>, %b: tensor<64x16xf8E5M2>, %sb: tensor<16xf32>) -> tensor<8x16xf32> {
  %sa = tenon.constant dense<0.5> : tensor<f32>
  %za = tenon.constant dense<0.0> : tensor<f8E4M3FN>
  %x = tenon.dequantize %a, %sa, %za : (tensor<8x64xf8E4M3FN>, tensor<f32>, tensor<f8E4M3FN>) -> tensor<8x64xf32>
  %w = tenon.dequantize %b, %sb : (tensor<64x16xf8E5M2>, tensor<16xf32>) -> tensor<64x16xf32>
  %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// What is merely widened has no scale.
// CHECK-LABEL: func @widened(
//       CHECK:   %[[Y:.*]] = tenon.conv
//   CHECK-NOT:   tenon.mul
//       CHECK:   return %[[Y]] : tensor<1x6x6x32xf32>
func.func @widened(%x: tensor<1x8x8x16xf8E4M3FN>, %w: tensor<3x3x16x32xf8E4M3FN>) -> tensor<1x6x6x32xf32> {
  %0 = tenon.cast %x to f32 : (tensor<1x8x8x16xf8E4M3FN>) -> tensor<1x8x8x16xf32>
  %1 = tenon.cast %w to f32 : (tensor<3x3x16x32xf8E4M3FN>) -> tensor<3x3x16x32xf32>
  %y = tenon.conv %0, %1 {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x8x8x16xf32>, tensor<3x3x16x32xf32>) -> tensor<1x6x6x32xf32>
  return %y : tensor<1x6x6x32xf32>
}

// Scales that differ within a sum, one operand of f32, a zero point, and a filter for each channel stay.
// CHECK-LABEL: func @left_alone(
//       CHECK:   tenon.matmul {{.*}} : (tensor<8x64xf32>, tensor<64x16xf32>)
//       CHECK:   tenon.matmul {{.*}} : (tensor<8x64xf32>, tensor<64x16xf32>)
//       CHECK:   tenon.matmul {{.*}} : (tensor<8x64xf32>, tensor<64x16xf32>)
//       CHECK:   tenon.conv {{.*}} : (tensor<1x8x8x16xf32>, tensor<3x3x1x16xf32>)
func.func @left_alone(%f: tensor<8x64xf32>, %a: tensor<8x64xf8E4M3FN>, %b: tensor<64x16xf8E4M3FN>, %s: tensor<f32>,
    %rows: tensor<64x1xf32>, %z: tensor<f8E4M3FN>, %x: tensor<1x8x8x16xf8E4M3FN>, %w: tensor<3x3x1x16xf8E4M3FN>)
    -> (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<1x6x6x16xf32>) {
  %left = tenon.dequantize %a, %s : (tensor<8x64xf8E4M3FN>, tensor<f32>) -> tensor<8x64xf32>
  %right = tenon.dequantize %b, %rows : (tensor<64x16xf8E4M3FN>, tensor<64x1xf32>) -> tensor<64x16xf32>
  %0 = tenon.matmul %left, %right : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %whole = tenon.dequantize %b, %s : (tensor<64x16xf8E4M3FN>, tensor<f32>) -> tensor<64x16xf32>
  %1 = tenon.matmul %f, %whole : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %moved = tenon.dequantize %b, %s, %z : (tensor<64x16xf8E4M3FN>, tensor<f32>, tensor<f8E4M3FN>) -> tensor<64x16xf32>
  %2 = tenon.matmul %left, %moved : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  %input = tenon.dequantize %x, %s : (tensor<1x8x8x16xf8E4M3FN>, tensor<f32>) -> tensor<1x8x8x16xf32>
  %filters = tenon.dequantize %w, %s : (tensor<3x3x1x16xf8E4M3FN>, tensor<f32>) -> tensor<3x3x1x16xf32>
  %3 = tenon.conv %input, %filters {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 16} : (tensor<1x8x8x16xf32>, tensor<3x3x1x16xf32>) -> tensor<1x6x6x16xf32>
  return %0, %1, %2, %3 : tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<1x6x6x16xf32>
}

// Attention multiplies halves, whose scales join its own: powers would need one.
// CHECK-LABEL: func @attention(
//   CHECK-DAG:   %[[SV:.*]] = tenon.constant dense<3.0{{.*}}> : tensor<f32>
//       CHECK:   %[[R:.*]] = tenon.attention {{.*}} {scale = 2.500000e-01 : f64} : (tensor<2x16x64xf16>, tensor<2x32x64xf16>, tensor<2x32x64xf16>) -> tensor<2x16x64xf32>
//       CHECK:   %[[Y:.*]] = tenon.mul %[[R]], %[[SV]]
//       CHECK:   return %[[Y]]
func.func @attention(%q: tensor<2x16x64xf8E4M3FN>, %k: tensor<2x32x64xf8E4M3FN>, %v: tensor<2x32x64xf8E5M2>) -> tensor<2x16x64xf32> {
  %sq = tenon.constant dense<0.5> : tensor<f32>
  %sk = tenon.constant dense<4.0> : tensor<f32>
  %sv = tenon.constant dense<3.0> : tensor<f32>
  %0 = tenon.dequantize %q, %sq : (tensor<2x16x64xf8E4M3FN>, tensor<f32>) -> tensor<2x16x64xf32>
  %1 = tenon.dequantize %k, %sk : (tensor<2x32x64xf8E4M3FN>, tensor<f32>) -> tensor<2x32x64xf32>
  %2 = tenon.dequantize %v, %sv : (tensor<2x32x64xf8E5M2>, tensor<f32>) -> tensor<2x32x64xf32>
  %y = tenon.attention %0, %1, %2 {scale = 0.125} : (tensor<2x16x64xf32>, tensor<2x32x64xf32>, tensor<2x32x64xf32>) -> tensor<2x16x64xf32>
  return %y : tensor<2x16x64xf32>
}
