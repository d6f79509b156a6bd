// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-form-kernels --split-input-file | FileCheck %s

// A pad in front of a convolution is written by what computes its operand, with all that this kernel
// does to its sums.
// CHECK-LABEL: func @producer_writes_frame
//  CHECK-NEXT:   tenon.constant
//  CHECK-NEXT:   %[[PADDED:.+]] = tenon.launch @conv_relu_pad
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @conv_only(%[[PADDED]], %{{.+}})
//  CHECK-NEXT:   return %[[Y]]
//       CHECK: tenon.kernel @conv_relu_pad(
//  CHECK-SAME:     -> tensor<1x10x10x16xf32> attributes {{{.*}}strategy = "contraction"
func.func @producer_writes_frame(%x: tensor<1x8x8x16xf32>, %w: tensor<1x1x16x16xf32>, %v: tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.relu %0 : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  %2 = tenon.pad %1, %zero {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x16xf32>, tensor<f32>) -> tensor<1x10x10x16xf32>
  %3 = tenon.conv %2, %v {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x10x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32>
  return %3 : tensor<1x8x8x16xf32>
}

// -----

// Reflected elements are not known before all others are: such a pad reads memory.
// CHECK-LABEL: func @reflect
//       CHECK:   tenon.launch @conv_only
//       CHECK:   tenon.launch @relu_pad
func.func @reflect(%x: tensor<1x8x8x16xf32>, %w: tensor<1x1x16x16xf32>) -> tensor<1x10x10x16xf32> {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.relu %0 : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  %2 = tenon.pad %1 {low = affine_map<() -> (0, 1, 1, 0)>, mode = 1 : i32} : (tensor<1x8x8x16xf32>) -> tensor<1x10x10x16xf32>
  return %2 : tensor<1x10x10x16xf32>
}

// -----

// A result of the kernel library is padded by a kernel of its own.
// CHECK-LABEL: func @library
//       CHECK:   tenon.launch @top_k
//       CHECK:   tenon.launch @pad
func.func @library(%x: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0:2 = tenon.top_k %x {axis = 1, count = affine_map<() -> (8)>, largest} : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
  %1 = tenon.pad %0#0, %zero {low = affine_map<() -> (1, 0)>} : (tensor<4x8xf32>, tensor<f32>) -> tensor<6x8xf32>
  return %1 : tensor<6x8xf32>
}

// -----

// A convolution reads its input through a slice and writes its sums into a frame: one kernel, no copies.
// CHECK-LABEL: func @slice_and_frame
//       CHECK:   %[[Y:.+]] = tenon.launch @slice_conv_pad(%arg0, %arg1)
//  CHECK-NEXT:   return %[[Y]]
//       CHECK: tenon.kernel @slice_conv_pad(
//  CHECK-SAME:     -> tensor<1x10x10x16xf32> attributes {{{.*}}strategy = "contraction"
func.func @slice_and_frame(%x: tensor<1x12x12x16xf32>, %w: tensor<3x3x16x16xf32>) -> tensor<1x10x10x16xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0 = tenon.slice %x {starts = affine_map<() -> (0, 1, 1, 0)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x12x12x16xf32>) -> tensor<1x10x10x16xf32>
  %1 = tenon.conv %0, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x10x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32>
  %2 = tenon.pad %1, %zero {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x16xf32>, tensor<f32>) -> tensor<1x10x10x16xf32>
  return %2 : tensor<1x10x10x16xf32>
}

// -----

// A part of a padded result is no frame: its elements are computed one by one, where it has them.
// CHECK-LABEL: func @slice_of_frame
//       CHECK:   %[[S:.+]] = tenon.launch @conv_only(%arg0, %arg1)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @pad_slice(%[[S]])
//  CHECK-NEXT:   return %[[Y]]
func.func @slice_of_frame(%x: tensor<1x10x10x16xf32>, %w: tensor<3x3x16x16xf32>) -> tensor<1x4x8x16xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x10x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x8x8x16xf32>
  %1 = tenon.pad %0, %zero {low = affine_map<() -> (0, 1, 1, 0)>} : (tensor<1x8x8x16xf32>, tensor<f32>) -> tensor<1x10x10x16xf32>
  %2 = tenon.slice %1 {starts = affine_map<() -> (0, 2, 0, 0)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x10x10x16xf32>) -> tensor<1x4x8x16xf32>
  return %2 : tensor<1x4x8x16xf32>
}
