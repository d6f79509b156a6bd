// RUN: tenon-opt %s --mlir-print-local-scope --pass-pipeline="builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-write-in-place))" --split-input-file | FileCheck %s
// RUN: tenon-opt %s --pass-pipeline="builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-write-in-place),tenon-form-kernels)" --split-input-file | FileCheck %s --check-prefix=KERNELS

// What others read of a padded tensor is a slice of it.
// CHECK-LABEL: func @shared_pad
//       CHECK:   %[[Y:.+]] = tenon.relu
//       CHECK:   %[[P:.+]] = tenon.pad %[[Y]]
//       CHECK:   %[[S:.+]] = tenon.slice %[[P]] {starts = affine_map<() -> (0, 1, 1, 0)>, steps = array<i64: 1, 1, 1, 1>}
//       CHECK:   tenon.add %{{.+}}, %[[S]]
// KERNELS-LABEL: func @shared_pad
//       KERNELS:   tenon.launch @conv_relu_pad
//  KERNELS-NEXT:   tenon.launch @conv_slice_add
//  KERNELS-NEXT:   return
func.func @shared_pad(%x: tensor<1x8x8x16xf32>, %w: tensor<1x1x16x16xf32>, %v: tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32> {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.relu %0 : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %2 = tenon.pad %1, %zero {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x16xf32>, tensor<f32>) -> tensor<1x10x10x16xf32>
  %3 = tenon.conv %2, %v {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x10x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32>
  %4 = tenon.add %3, %1 : (tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  return %4 : tensor<1x8x8x16xf32>
}

// -----

// A result of the function must be a tensor of its own.
// CHECK-LABEL: func @returned
//   CHECK-NOT:   tenon.slice
func.func @returned(%x: tensor<1x8x8x16xf32>, %w: tensor<3x3x16x16xf32>) -> (tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>) {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0 = tenon.relu %x : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.pad %0, %zero {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x16xf32>, tensor<f32>) -> tensor<1x10x10x16xf32>
  %2 = tenon.conv %1, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x10x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32>
  return %0, %2 : tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>
}

// -----

// Both operands are written into the concatenation where they are computed, and the second kernel
// reads what the first one wrote. The function's argument is copied.
// CHECK-LABEL: func @concat
//       CHECK:   %[[A:.+]] = tenon.conv %arg0
//       CHECK:   %[[P0:.+]] = tenon.insert %[[A]] {low = affine_map<() -> (0, 0, 0, 0)>}
//       CHECK:   %[[S:.+]] = tenon.slice %[[P0]]
//       CHECK:   %[[B:.+]] = tenon.conv %[[S]]
//       CHECK:   %[[P1:.+]] = tenon.insert %[[B]] into %[[P0]] : tensor<1x8x8x48xf32> {low = affine_map<() -> (0, 0, 0, 32)>}
//       CHECK:   %[[P2:.+]] = tenon.insert %arg0 into %[[P1]] : tensor<1x8x8x48xf32> {low = affine_map<() -> (0, 0, 0, 16)>}
//       CHECK:   return %[[P2]]
// KERNELS-LABEL: func @concat
//  KERNELS-NEXT:   %[[P0:.+]] = tenon.launch @conv_insert(%arg0, %arg1)
//  KERNELS-NEXT:   %[[P1:.+]] = tenon.launch @slice_conv_insert(%[[P0]], %arg1) into %[[P0]]
//  KERNELS-NEXT:   %[[P2:.+]] = tenon.launch @insert_only(%arg0) into %[[P1]]
//  KERNELS-NEXT:   return %[[P2]]
func.func @concat(%x: tensor<1x8x8x16xf32>, %w: tensor<1x1x16x16xf32>) -> tensor<1x8x8x48xf32> {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.conv %0, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
  %2 = tenon.concat %0, %x, %1 {axis = 3} : (tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>) -> tensor<1x8x8x48xf32>
  return %2 : tensor<1x8x8x48xf32>
}

// -----

// A concatenation in another one, whose readers see a part of the outer one.
// CHECK-LABEL: func @nested
//   CHECK-NOT:   tenon.concat
//       CHECK:   %[[P0:.+]] = tenon.insert %{{.+}} {low = affine_map<() -> (0, 0)>} : (tensor<64x32xf32>) -> tensor<64x96xf32>
//       CHECK:   %[[P1:.+]] = tenon.insert %{{.+}} into %[[P0]] : tensor<64x96xf32> {low = affine_map<() -> (0, 32)>}
//       CHECK:   %[[S:.+]] = tenon.slice %[[P1]] {starts = affine_map<() -> (0, 0)>, {{.*}}} : (tensor<64x96xf32>) -> tensor<64x64xf32>
//       CHECK:   %[[C:.+]] = tenon.reduce max %[[S]]
//       CHECK:   %[[P2:.+]] = tenon.insert %{{.+}} into %[[P1]] : tensor<64x96xf32> {low = affine_map<() -> (0, 64)>}
//       CHECK:   return %[[P2]]
func.func @nested(%x: tensor<64x32xf32>, %w: tensor<32x32xf32>) -> tensor<64x96xf32> {
  %0 = tenon.matmul %x, %w : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<64x32xf32>
  %1 = tenon.relu %0 : (tensor<64x32xf32>) -> tensor<64x32xf32>
  %2 = tenon.concat %1, %x {axis = 1} : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x64xf32>
  %3 = tenon.reduce max %2 {axes = array<i64: 1>} : (tensor<64x64xf32>) -> tensor<64x1xf32>
  %4 = tenon.matmul %x, %w : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<64x32xf32>
  %5 = tenon.add %4, %3 : (tensor<64x32xf32>, tensor<64x1xf32>) -> tensor<64x32xf32>
  %6 = tenon.concat %2, %5 {axis = 1} : (tensor<64x64xf32>, tensor<64x32xf32>) -> tensor<64x96xf32>
  return %6 : tensor<64x96xf32>
}

// -----

// The pad of a concatenation is written by what computes the operands, frame and all.
// CHECK-LABEL: func @padded_concat
//       CHECK:   %[[A:.+]] = tenon.pad %{{.+}} -> tensor<1x10x10x16xf32>
//       CHECK:   tenon.insert %[[A]]
//       CHECK:   %[[B:.+]] = tenon.pad %{{.+}} -> tensor<1x10x10x16xf32>
//       CHECK:   tenon.insert %[[B]]
//       CHECK:   tenon.conv
// KERNELS-LABEL: func @padded_concat
//       KERNELS:   tenon.launch @conv_pad_insert
//  KERNELS-NEXT:   tenon.launch @max_pool_pad_insert
//  KERNELS-NEXT:   tenon.launch @conv_only
//  KERNELS-NEXT:   return
func.func @padded_concat(%x: tensor<1x8x8x16xf32>, %w: tensor<1x1x16x16xf32>, %v: tensor<3x3x32x16xf32>) -> tensor<1x8x8x16xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.max_pool %x {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  %2 = tenon.concat %0, %1 {axis = 3} : (tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>) -> tensor<1x8x8x32xf32>
  %3 = tenon.pad %2, %zero {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x32xf32>, tensor<f32>) -> tensor<1x10x10x32xf32>
  %4 = tenon.conv %3, %v {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x10x32xf32>, tensor<3x3x32x16xf32>) -> tensor<1x8x8x16xf32>
  return %4 : tensor<1x8x8x16xf32>
}

// -----

// Small tensors are copied by one kernel.
// CHECK-LABEL: func @small
//       CHECK:   tenon.concat
func.func @small(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>) -> tensor<4x32xf32> {
  %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = tenon.concat %0, %0 {axis = 1} : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x32xf32>
  return %1 : tensor<4x32xf32>
}
