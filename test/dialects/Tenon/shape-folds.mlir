// Shape ops that do nothing go away.
// RUN: tenon-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @identities
// CHECK-SAME: (%[[X:.*]]: tensor<2x6xf32>)
// CHECK-NEXT: return %[[X]]
func.func @identities(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %0 = tenon.reshape %x : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %1 = tenon.transpose %0 {permutation = array<i64: 0, 1>} : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %2 = tenon.broadcast %1 : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %3 = tenon.slice %2 {starts = affine_map<() -> (0, 0)>, steps = array<i64: 1, 1>}
     : (tensor<2x6xf32>) -> tensor<2x6xf32>
  return %3 : tensor<2x6xf32>
}

// Two reshapes are one.
// CHECK-LABEL: func.func @reshapes
// CHECK-NEXT: tenon.reshape %{{.*}} : (tensor<2x6xf32>) -> tensor<12xf32>
// CHECK-NEXT: return
func.func @reshapes(%x: tensor<2x6xf32>) -> tensor<12xf32> {
  %0 = tenon.reshape %x : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %1 = tenon.reshape %0 : (tensor<3x4xf32>) -> tensor<12xf32>
  return %1 : tensor<12xf32>
}
