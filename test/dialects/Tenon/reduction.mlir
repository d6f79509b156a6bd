// Reductions, pooling and what normalizes rows.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// Reduced dimensions stay, as 1.
// CHECK-LABEL: func.func @reduce
// CHECK: tenon.reduce sum %{{.*}} {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
// CHECK: tenon.arg_reduce max %{{.*}} {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x1xi64>
// CHECK: tenon.cumulate sum %{{.*}} {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
func.func @reduce(%x: tensor<2x3xf32>) -> (tensor<2x1xf32>, tensor<2x1xi64>, tensor<2x3xf32>) {
  %0 = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %1 = tenon.arg_reduce max %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x1xi64>
  %2 = tenon.cumulate sum %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0, %1, %2 : tensor<2x1xf32>, tensor<2x1xi64>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @rows
// CHECK: tenon.softmax %{{.*}} {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: tenon.layer_norm %{{.*}} scale %{{.*}} bias %{{.*}} {axis = 1 : i64, epsilon = {{.*}}}
// CHECK: tenon.rms_norm %{{.*}} scale %{{.*}} {axis = 1 : i64, epsilon = {{.*}}}
func.func @rows(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = tenon.softmax %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = tenon.layer_norm %0 scale %s bias %b {axis = 1, epsilon = 1.0e-5}
     : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = tenon.rms_norm %1 scale %s {axis = 1, epsilon = 1.0e-5}
     : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @pool
// CHECK: tenon.max_pool %{{.*}} : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
// CHECK: tenon.average_pool %{{.*}} : (tensor<1x4x4x16xf32>) -> tensor<1x4x4x16xf32>
func.func @pool(%x: tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32> {
  %0 = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
                          dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
     : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
  %1 = tenon.average_pool %0 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                              dilations = array<i64: 1, 1>, low = affine_map<() -> (1, 1)>,
                              high = affine_map<() -> (1, 1)>, countPadding}
     : (tensor<1x4x4x16xf32>) -> tensor<1x4x4x16xf32>
  return %1 : tensor<1x4x4x16xf32>
}
