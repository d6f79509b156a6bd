// Ops whose elements depend on positions.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @iota
// CHECK: tenon.iota {axis = 1 : i64} : () -> tensor<2x3xi64>
func.func @iota() -> tensor<2x3xi64> {
  %0 = tenon.iota {axis = 1} : () -> tensor<2x3xi64>
  return %0 : tensor<2x3xi64>
}

// The result has the shape of the indices.
// CHECK-LABEL: func.func @gatherElements
// CHECK: tenon.gather_elements {{.*}} -> tensor<3x2xf32>
func.func @gatherElements(%x: tensor<3x4xf32>, %i: tensor<3x2xi64>) -> tensor<3x2xf32> {
  %0 = tenon.gather_elements %x, %i {axis = 1}
     : (tensor<3x4xf32>, tensor<3x2xi64>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// Tuples of two address two dimensions after the shared one.
// CHECK-LABEL: func.func @gatherND
// CHECK: tenon.gather_nd {{.*}} -> tensor<2x7x6xf32>
func.func @gatherND(%x: tensor<2x4x5x6xf32>, %i: tensor<2x7x2xi64>) -> tensor<2x7x6xf32> {
  %0 = tenon.gather_nd %x, %i {batchDims = 1}
     : (tensor<2x4x5x6xf32>, tensor<2x7x2xi64>) -> tensor<2x7x6xf32>
  return %0 : tensor<2x7x6xf32>
}
