// Windows over channels-last tensors.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @pools
// CHECK: tenon.max_pool {{.*}} -> tensor<1x4x4x16xf32>
// CHECK: tenon.max_pool_position {{.*}} -> tensor<1x4x4x16xi64>
// CHECK: tenon.average_pool {{.*}}countPadding{{.*}} -> tensor<1x8x8x16xf32>
func.func @pools(%x: tensor<1x8x8x16xf32>)
    -> (tensor<1x4x4x16xf32>, tensor<1x4x4x16xi64>, tensor<1x8x8x16xf32>) {
  %0 = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
                          dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
     : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
  %1 = tenon.max_pool_position %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
                                   dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
     : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xi64>
  %2 = tenon.average_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                              dilations = array<i64: 1, 1>, low = affine_map<() -> (1, 1)>,
                              high = affine_map<() -> (1, 1)>, countPadding}
     : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  return %0, %1, %2 : tensor<1x4x4x16xf32>, tensor<1x4x4x16xi64>, tensor<1x8x8x16xf32>
}
