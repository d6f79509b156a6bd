// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-form-integer-contractions))' | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=icelake-server},func.func(tenon-form-integer-contractions))' | FileCheck %s --check-prefixes=CHECK,BYTES
// RUN: tenon-opt %s -split-input-file -pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-form-integer-contractions))' | FileCheck %s --check-prefixes=CHECK,TILES

// Operands that were widened are read as they were.
// CHECK-LABEL: func @widened
// CHECK: tenon.matmul %arg0, %arg1 : (tensor<8x64xui8>, tensor<64x16xi8>) -> tensor<8x16xi32>
func.func @widened(%a: tensor<8x64xui8>, %b: tensor<64x16xi8>) -> tensor<8x16xi32> {
  %a32 = tenon.cast %a to i32 : (tensor<8x64xui8>) -> tensor<8x64xi32>
  %b32 = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
  %c = tenon.matmul %a32, %b32 : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
  return %c : tensor<8x16xi32>
}

// -----

// vpmaddwd and tiles take bytes of either sign, vpdpbusd wants the left ones unsigned.
// CHECK-LABEL: func @signed
// PAIRS: tenon.matmul %arg0, %arg1 : (tensor<8x64xi8>, tensor<64x16xi8>)
// TILES: tenon.matmul %arg0, %arg1 : (tensor<8x64xi8>, tensor<64x16xi8>)
// BYTES-DAG: [[SHIFT:%.*]] = tenon.constant dense<-128> : tensor<i32>
// BYTES: [[MOVED:%.*]] = tenon.sub {{.*}}, {{.*}} : (tensor<8x64xi32>, tensor<i32>)
// BYTES: [[A:%.*]] = tenon.cast [[MOVED]] to ui8
// BYTES: [[PRODUCT:%.*]] = tenon.matmul [[A]], %arg1 : (tensor<8x64xui8>, tensor<64x16xi8>)
// BYTES: [[SUMS:%.*]] = tenon.reduce sum {{.*}} {axes = array<i64: 0>} : (tensor<64x16xi32>) -> tensor<1x16xi32>
// BYTES: [[EXTRA:%.*]] = tenon.mul {{.*}}, [[SUMS]]
// BYTES: tenon.add [[PRODUCT]], [[EXTRA]]
func.func @signed(%a: tensor<8x64xi8>, %b: tensor<64x16xi8>) -> tensor<8x16xi32> {
  %a32 = tenon.cast %a to i32 : (tensor<8x64xi8>) -> tensor<8x64xi32>
  %b32 = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
  %c = tenon.matmul %a32, %b32 : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
  return %c : tensor<8x16xi32>
}

// -----

// What zero points add is a sum over the other operand: one per row of A, one per column of B.
// CHECK-LABEL: func @zero_points
// CHECK: [[PRODUCT:%.*]] = tenon.matmul %arg0, %arg2 : (tensor<8x64xui8>, tensor<64x16xi8>)
// CHECK: [[COLUMNS:%.*]] = tenon.reduce sum {{.*}} {axes = array<i64: 0>} : (tensor<64x16xi32>)
// CHECK: [[LEFT:%.*]] = tenon.mul {{.*}}, [[COLUMNS]] : (tensor<8x1xi32>, tensor<1x16xi32>)
// CHECK: [[ROWS:%.*]] = tenon.reduce sum {{.*}} {axes = array<i64: 1>} : (tensor<8x64xi32>)
// CHECK: [[RIGHT:%.*]] = tenon.mul [[ROWS]], {{.*}} : (tensor<8x1xi32>, tensor<16xi32>)
// CHECK: [[SUM:%.*]] = tenon.add [[PRODUCT]], [[RIGHT]]
// CHECK: tenon.add [[SUM]], [[LEFT]]
func.func @zero_points(%a: tensor<8x64xui8>, %za: tensor<8x1xi32>, %b: tensor<64x16xi8>,
                       %zb: tensor<16xi32>) -> tensor<8x16xi32> {
  %a32 = tenon.cast %a to i32 : (tensor<8x64xui8>) -> tensor<8x64xi32>
  %b32 = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
  %a0 = tenon.sub %a32, %za : (tensor<8x64xi32>, tensor<8x1xi32>) -> tensor<8x64xi32>
  %b0 = tenon.sub %b32, %zb : (tensor<64x16xi32>, tensor<16xi32>) -> tensor<64x16xi32>
  %c = tenon.matmul %a0, %b0 : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
  return %c : tensor<8x16xi32>
}

// -----

// Constant weights are as narrow as their values, wherever these are, if that makes more channels a step.
// CHECK-LABEL: func @weights
// PAIRS: [[B:%.*]] = tenon.cast {{.*}} : (tensor<2x2xi32>) -> tensor<2x2xi16>
// PAIRS: tenon.matmul %arg0, [[B]] : (tensor<8x2xui8>, tensor<2x2xi16>) -> tensor<8x2xi32>
// BYTES: [[LOW:%.*]] = tenon.constant dense<328> : tensor<i32>
// BYTES: [[MOVED:%.*]] = tenon.sub {{.*}}, [[LOW]] : (tensor<2x2xi32>, tensor<i32>)
// BYTES: [[B:%.*]] = tenon.cast [[MOVED]] to i8
// BYTES: tenon.matmul %arg0, [[B]] : (tensor<8x2xui8>, tensor<2x2xi8>) -> tensor<8x2xi32>
func.func @weights(%a: tensor<8x2xui8>) -> tensor<8x2xi32> {
  %a32 = tenon.cast %a to i32 : (tensor<8x2xui8>) -> tensor<8x2xi32>
  %b = tenon.constant dense<[[200, 201], [300, 455]]> : tensor<2x2xi32>
  %c = tenon.matmul %a32, %b : (tensor<8x2xi32>, tensor<2x2xi32>) -> tensor<8x2xi32>
  return %c : tensor<8x2xi32>
}

// -----

// The sum of a window is as much work as a convolution with few filters: weights with a zero point stay
// whole, in 16 bits.
// CHECK-LABEL: func @convolution
// CHECK: tenon.conv %arg0, {{.*}} : (tensor<1x9x8xui8>, tensor<3x8x4xi8>) -> tensor<1x7x4xi32>
// PAIRS: tenon.conv %arg0, {{.*}} : (tensor<1x9x8xui8>, tensor<3x8x4xi16>) -> tensor<1x7x4xi32>
// BYTES: tenon.conv %arg0, {{.*}} : (tensor<1x9x8xui8>, tensor<3x8x4xi16>) -> tensor<1x7x4xi32>
func.func @convolution(%x: tensor<1x9x8xui8>, %z: tensor<i32>, %w: tensor<3x8x4xi8>,
                       %zw: tensor<i32>) -> (tensor<1x7x4xi32>, tensor<1x7x4xi32>) {
  %x32 = tenon.cast %x to i32 : (tensor<1x9x8xui8>) -> tensor<1x9x8xi32>
  %x0 = tenon.sub %x32, %z : (tensor<1x9x8xi32>, tensor<i32>) -> tensor<1x9x8xi32>
  %w32 = tenon.cast %w to i32 : (tensor<3x8x4xi8>) -> tensor<3x8x4xi32>
  %1 = tenon.conv %x0, %w32 {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1}
     : (tensor<1x9x8xi32>, tensor<3x8x4xi32>) -> tensor<1x7x4xi32>
  %c7 = tenon.constant dense<7> : tensor<i32>
  %w0 = tenon.sub %w32, %c7 : (tensor<3x8x4xi32>, tensor<i32>) -> tensor<3x8x4xi32>
  %2 = tenon.conv %x32, %w0 {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1}
     : (tensor<1x9x8xi32>, tensor<3x8x4xi32>) -> tensor<1x7x4xi32>
  return %1, %2 : tensor<1x7x4xi32>, tensor<1x7x4xi32>
}

// -----

// Beside many filters it is little, if these fit a faster instruction for it: a filter of ones.
// CHECK-LABEL: func @many_filters
// PAIRS: tenon.conv %arg0, {{.*}} : (tensor<1x9x8xui8>, tensor<3x8x32xi16>) -> tensor<1x7x32xi32>
// BYTES: [[PRODUCT:%.*]] = tenon.conv %arg0, {{.*}} : (tensor<1x9x8xui8>, tensor<3x8x32xi8>) -> tensor<1x7x32xi32>
// BYTES: [[ONES:%.*]] = tenon.constant dense<1> : tensor<3x8x1xi8>
// BYTES: [[SUMS:%.*]] = tenon.conv %arg0, [[ONES]] {{.*}} : (tensor<1x9x8xui8>, tensor<3x8x1xi8>) -> tensor<1x7x1xi32>
// BYTES: [[EXTRA:%.*]] = tenon.mul [[SUMS]], {{.*}} : (tensor<1x7x1xi32>, tensor<i32>)
// BYTES: tenon.add [[PRODUCT]], [[EXTRA]]
func.func @many_filters(%x: tensor<1x9x8xui8>, %w: tensor<3x8x32xui8>) -> tensor<1x7x32xi32> {
  %x32 = tenon.cast %x to i32 : (tensor<1x9x8xui8>) -> tensor<1x9x8xi32>
  %w32 = tenon.cast %w to i32 : (tensor<3x8x32xui8>) -> tensor<3x8x32xi32>
  %c131 = tenon.constant dense<131> : tensor<i32>
  %w0 = tenon.sub %w32, %c131 : (tensor<3x8x32xi32>, tensor<i32>) -> tensor<3x8x32xi32>
  %1 = tenon.conv %x32, %w0 {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1}
     : (tensor<1x9x8xi32>, tensor<3x8x32xi32>) -> tensor<1x7x32xi32>
  return %1 : tensor<1x7x32xi32>
}

// -----

// What a zero point adds joins a bias, so that both are one constant.
// CHECK-LABEL: func @bias
// CHECK-DAG: [[BIAS:%.*]] = tenon.constant dense<[5, 6, 7, 8]> : tensor<4xi32>
// CHECK: [[PRODUCT:%.*]] = tenon.conv %arg0, %arg1
// CHECK: [[SUMS:%.*]] = tenon.reduce sum
// CHECK: [[EXTRA:%.*]] = tenon.mul
// CHECK: [[BOTH:%.*]] = tenon.add [[BIAS]], [[EXTRA]] : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
// CHECK: [[SUM:%.*]] = tenon.add [[PRODUCT]], [[BOTH]]
// CHECK: return [[SUM]]
func.func @bias(%x: tensor<1x9x8xui8>, %w: tensor<3x8x4xi8>) -> tensor<1x7x4xi32> {
  %x32 = tenon.cast %x to i32 : (tensor<1x9x8xui8>) -> tensor<1x9x8xi32>
  %c3 = tenon.constant dense<3> : tensor<i32>
  %x0 = tenon.sub %x32, %c3 : (tensor<1x9x8xi32>, tensor<i32>) -> tensor<1x9x8xi32>
  %w32 = tenon.cast %w to i32 : (tensor<3x8x4xi8>) -> tensor<3x8x4xi32>
  %b = tenon.constant dense<[5, 6, 7, 8]> : tensor<4xi32>
  %1 = tenon.conv %x0, %w32 {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1}
     : (tensor<1x9x8xi32>, tensor<3x8x4xi32>) -> tensor<1x7x4xi32>
  %2 = tenon.add %1, %b : (tensor<1x7x4xi32>, tensor<4xi32>) -> tensor<1x7x4xi32>
  return %2 : tensor<1x7x4xi32>
}

// -----

// What may be any number stays so.
// CHECK-LABEL: func @wide
// CHECK: tenon.matmul %arg0, {{.*}} : (tensor<8x64xi32>, tensor<64x16xi32>)
func.func @wide(%a: tensor<8x64xi32>, %b: tensor<64x16xi8>) -> tensor<8x16xi32> {
  %b32 = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
  %c = tenon.matmul %a, %b32 : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
  return %c : tensor<8x16xi32>
}

// -----

// A transpose between what was quantized and a convolution moves bytes.
// CHECK-LABEL: func @transposed
// CHECK: [[X:%.*]] = tenon.transpose %arg0 {permutation = array<i64: 0, 2, 1>} : (tensor<1x8x9xui8>) -> tensor<1x9x8xui8>
// CHECK: [[PRODUCT:%.*]] = tenon.conv [[X]], %arg2 {{.*}} -> tensor<1x7x4xi32>
// CHECK: [[SUMS:%.*]] = tenon.reduce sum {{.*}} {axes = array<i64: 0, 1>} : (tensor<3x8x4xi32>) -> tensor<1x1x4xi32>
// CHECK: tenon.add [[PRODUCT]]
func.func @transposed(%x: tensor<1x8x9xui8>, %z: tensor<i32>, %w: tensor<3x8x4xi8>) -> tensor<1x7x4xi32> {
  %x32 = tenon.cast %x to i32 : (tensor<1x8x9xui8>) -> tensor<1x8x9xi32>
  %x0 = tenon.sub %x32, %z : (tensor<1x8x9xi32>, tensor<i32>) -> tensor<1x8x9xi32>
  %xt = tenon.transpose %x0 {permutation = array<i64: 0, 2, 1>} : (tensor<1x8x9xi32>) -> tensor<1x9x8xi32>
  %w32 = tenon.cast %w to i32 : (tensor<3x8x4xi8>) -> tensor<3x8x4xi32>
  %1 = tenon.conv %xt, %w32 {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1}
     : (tensor<1x9x8xi32>, tensor<3x8x4xi32>) -> tensor<1x7x4xi32>
  return %1 : tensor<1x7x4xi32>
}
