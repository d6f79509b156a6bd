// Constant weights get the layout that microkernels read.
// RUN: tenon-opt --pass-pipeline='builtin.module(tenon-assign-target{target=x86-64-v3},func.func(tenon-pack-weights))' %s | FileCheck %s

// Panels of 16 columns: two vectors of eight.
// CHECK-LABEL: func.func @matmul
// CHECK: tenon.matmul {{.*}}columns = 40{{.*}}packed = 16{{.*}} : (tensor<128x24xf32>, tensor<3x24x16xf32>)
func.func @matmul(%x: tensor<128x24xf32>) -> tensor<128x40xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x40xf32>
  %y = tenon.matmul %x, %w : (tensor<128x24xf32>, tensor<24x40xf32>) -> tensor<128x40xf32>
  return %y : tensor<128x40xf32>
}

// A 3x3 convolution with enough channels is computed by minimal filtering: filters have 4x4 points.
// CHECK-LABEL: func.func @winograd
// CHECK: tenon.conv {{.*}}winograd = 2{{.*}} : (tensor<1x58x58x64xf32>, tensor<1x4x4x4x64x16xf32>) -> tensor<1x56x56x64xf32>
func.func @winograd(%x: tensor<1x58x58x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<1.0> : tensor<3x3x64x64xf32>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x58x58x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}

// With few channels, or a stride, sums are direct.
// CHECK-LABEL: func.func @direct
// CHECK: tenon.conv
// CHECK-NOT: winograd
func.func @direct(%x: tensor<1x58x58x3xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<1.0> : tensor<3x3x3x64xf32>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x58x58x3xf32>, tensor<3x3x3x64xf32>) -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}

// A product of constants will be folded by the machine that compiles: its weights stay as they are.
// CHECK-LABEL: func.func @constant
// CHECK-NOT: packed
// CHECK: return
func.func @constant(%x: tensor<8x40xf32>) -> tensor<8x40xf32> {
  %c = tenon.constant dense<2.0> : tensor<8x24xf32>
  %e = tenon.exp %c : (tensor<8x24xf32>) -> tensor<8x24xf32>
  %w = tenon.constant dense<1.0> : tensor<24x40xf32>
  %p = tenon.matmul %e, %w : (tensor<8x24xf32>, tensor<24x40xf32>) -> tensor<8x40xf32>
  %y = tenon.add %x, %p : (tensor<8x40xf32>, tensor<8x40xf32>) -> tensor<8x40xf32>
  return %y : tensor<8x40xf32>
}
