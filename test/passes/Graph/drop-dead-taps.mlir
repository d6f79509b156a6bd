// RUN: tenon-opt %s --mlir-print-local-scope --tenon-drop-dead-taps --split-input-file | FileCheck %s

// Taps that see nothing but zeros go, and padding that only they read: here all but the middle one of each line, and none of
// each column.
// CHECK-LABEL: func @unseen(
//  CHECK-SAME:   %[[X:.*]]: tensor<1x14x40x8xf32>, %[[W:.*]]: tensor<3x3x8x4xf32>)
//       CHECK: %[[P:.*]] = tenon.pad %[[X]], %{{.*}} {low = affine_map<() -> (0, 0, 16, 0)>} : (tensor<1x14x40x8xf32>, tensor<f32>) -> tensor<1x14x72x8xf32>
//       CHECK: %[[M:.*]] = tenon.slice %[[W]] {starts = affine_map<() -> (1, 0, 0, 0)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<3x3x8x4xf32>) -> tensor<1x3x8x4xf32>
//       CHECK: %[[Y:.*]] = tenon.conv %[[P]], %[[M]] {dilations = array<i64: 16, 16>, strides = array<i64: 1, 1>} : (tensor<1x14x72x8xf32>, tensor<1x3x8x4xf32>) -> tensor<1x14x40x4xf32>
//       CHECK: return %[[Y]]
func.func @unseen(%x: tensor<1x14x40x8xf32>, %w: tensor<3x3x8x4xf32>) -> tensor<1x14x40x4xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %p = tenon.pad %x, %zero {low = affine_map<() -> (0, 16, 16, 0)>} : (tensor<1x14x40x8xf32>, tensor<f32>) -> tensor<1x46x72x8xf32>
  %y = tenon.conv %p, %w {strides = array<i64: 1, 1>, dilations = array<i64: 16, 16>} : (tensor<1x46x72x8xf32>, tensor<3x3x8x4xf32>) -> tensor<1x14x40x4xf32>
  return %y : tensor<1x14x40x4xf32>
}

// -----

// Padding may come before a transpose, and strides may pass over what a tap would see.
// CHECK-LABEL: func @turned(
//       CHECK: %[[T:.*]] = tenon.transpose %{{.*}} {permutation = array<i64: 0, 2, 1>} : (tensor<1x2x5xf32>) -> tensor<1x5x2xf32>
//       CHECK: %[[P:.*]] = tenon.pad %[[T]], %{{.*}} {low = affine_map<() -> (0, 3, 0)>} : (tensor<1x5x2xf32>, tensor<f32>) -> tensor<1x8x2xf32>
//       CHECK: tenon.conv %[[P]], %{{.*}} {dilations = array<i64: 4>, strides = array<i64: 3>} : (tensor<1x8x2xf32>, tensor<2x2x3xf32>) -> tensor<1x2x3xf32>
func.func @turned(%x: tensor<1x2x5xf32>, %w: tensor<3x2x3xf32>) -> tensor<1x2x3xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %p = tenon.pad %x, %zero {low = affine_map<() -> (0, 0, 3)>} : (tensor<1x2x5xf32>, tensor<f32>) -> tensor<1x2x12xf32>
  %t = tenon.transpose %p {permutation = array<i64: 0, 2, 1>} : (tensor<1x2x12xf32>) -> tensor<1x12x2xf32>
  %y = tenon.conv %t, %w {strides = array<i64: 3>, dilations = array<i64: 4>} : (tensor<1x12x2xf32>, tensor<3x2x3xf32>) -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}

// -----

// Where taps see little of the image, each is a product of its own at the positions that do.
// CHECK-LABEL: func @split(
//  CHECK-SAME:   %[[X:.*]]: tensor<1x16x512xf32>
//       CHECK: %[[X0:.*]] = tenon.slice %[[X]] {starts = affine_map<() -> (0, 0, 0)>, {{.*}} -> tensor<1x4x512xf32>
//       CHECK: %[[Y0:.*]] = tenon.conv %[[X0]], {{.*}} -> tensor<1x4x512xf32>
//       CHECK: %[[P0:.*]] = tenon.pad %[[Y0]], {{.*}} {low = affine_map<() -> (0, 12, 0)>} : {{.*}} -> tensor<1x16x512xf32>
//       CHECK: %[[Y1:.*]] = tenon.conv %[[X]], {{.*}} -> tensor<1x16x512xf32>
//       CHECK: %[[S:.*]] = tenon.add %[[P0]], %[[Y1]]
//       CHECK: %[[X2:.*]] = tenon.slice %[[X]] {starts = affine_map<() -> (0, 12, 0)>, {{.*}} -> tensor<1x4x512xf32>
//       CHECK: %[[Y2:.*]] = tenon.conv %[[X2]], {{.*}} -> tensor<1x4x512xf32>
//       CHECK: %[[P2:.*]] = tenon.pad %[[Y2]], {{.*}} {low = affine_map<() -> (0, 0, 0)>} : {{.*}} -> tensor<1x16x512xf32>
//       CHECK: tenon.add %[[S]], %[[P2]]
func.func @split(%x: tensor<1x16x512xf32>, %w: tensor<3x512x512xf32>) -> tensor<1x16x512xf32> {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %p = tenon.pad %x, %zero {low = affine_map<() -> (0, 12, 0)>} : (tensor<1x16x512xf32>, tensor<f32>) -> tensor<1x40x512xf32>
  %y = tenon.conv %p, %w {strides = array<i64: 1>, dilations = array<i64: 12>} : (tensor<1x40x512xf32>, tensor<3x512x512xf32>) -> tensor<1x16x512xf32>
  return %y : tensor<1x16x512xf32>
}

// -----

// Small convolutions stay one kernel, as do those that read mostly the image, those padded with other numbers, and those of
// which a size is unknown.
// CHECK-LABEL: func @stay(
// CHECK-COUNT-4: tenon.conv
//   CHECK-NOT: tenon.conv
func.func @stay(%x: tensor<1x2x8xf32>, %w: tensor<3x8x8xf32>, %image: tensor<1x40x512xf32>, %filter: tensor<3x512x512xf32>,
                %long: tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 4, 8)>>)
    -> (tensor<1x2x8xf32>, tensor<1x40x512xf32>, tensor<1x2x8xf32>, tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 4, 8)>>) attributes {tenon.symbols = ["n"]} {
  %zero = tenon.constant dense<0.0> : tensor<f32>
  %one = tenon.constant dense<1.0> : tensor<f32>
  %p = tenon.pad %x, %zero {low = affine_map<() -> (0, 1, 0)>} : (tensor<1x2x8xf32>, tensor<f32>) -> tensor<1x4x8xf32>
  %0 = tenon.conv %p, %w {strides = array<i64: 1>, dilations = array<i64: 1>} : (tensor<1x4x8xf32>, tensor<3x8x8xf32>) -> tensor<1x2x8xf32>
  %q = tenon.pad %image, %zero {low = affine_map<() -> (0, 2, 0)>} : (tensor<1x40x512xf32>, tensor<f32>) -> tensor<1x44x512xf32>
  %1 = tenon.conv %q, %filter {strides = array<i64: 1>, dilations = array<i64: 2>} : (tensor<1x44x512xf32>, tensor<3x512x512xf32>) -> tensor<1x40x512xf32>
  %r = tenon.pad %x, %one {low = affine_map<() -> (0, 8, 0)>} : (tensor<1x2x8xf32>, tensor<f32>) -> tensor<1x18x8xf32>
  %2 = tenon.conv %r, %w {strides = array<i64: 1>, dilations = array<i64: 8>} : (tensor<1x18x8xf32>, tensor<3x8x8xf32>) -> tensor<1x2x8xf32>
  %s = tenon.pad %long, %zero {low = affine_map<() -> (0, 9, 0)>} : (tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 4, 8)>>, tensor<f32>) -> tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 22, 8)>>
  %3 = tenon.conv %s, %w {strides = array<i64: 1>, dilations = array<i64: 9>} : (tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 22, 8)>>, tensor<3x8x8xf32>) -> tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 4, 8)>>
  return %0, %1, %2, %3 : tensor<1x2x8xf32>, tensor<1x40x512xf32>, tensor<1x2x8xf32>, tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0 + 4, 8)>>
}
