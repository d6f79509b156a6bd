// Normalizations along the last dimensions, and what they decompose into.
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-decompose | FileCheck %s

// The maximum comes out first, so that no exponential overflows.
// CHECK-LABEL: func.func @softmax
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK: %[[MAX:.*]] = tenon.reduce max %[[X]] {axes = array<i64: 1>}
// CHECK: %[[SHIFTED:.*]] = tenon.sub %[[X]], %[[MAX]]
// CHECK: %[[POWER:.*]] = tenon.exp %[[SHIFTED]]
// CHECK: %[[SUM:.*]] = tenon.reduce sum %[[POWER]] {axes = array<i64: 1>}
// CHECK: tenon.div %[[POWER]], %[[SUM]]
func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = tenon.softmax %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// The variance is the mean square of what is left after the mean.
// CHECK-LABEL: func.func @layerNorm
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[S:.*]]: tensor<3xf32>, %[[B:.*]]: tensor<3xf32>)
// CHECK: %[[MEAN:.*]] = tenon.reduce mean %[[X]] {axes = array<i64: 1>}
// CHECK: %[[CENTERED:.*]] = tenon.sub %[[X]], %[[MEAN]]
// CHECK: %[[SQUARE:.*]] = tenon.mul %[[CENTERED]], %[[CENTERED]]
// CHECK: tenon.reduce mean %[[SQUARE]]
// CHECK: %[[SCALED:.*]] = tenon.mul %{{.*}}, %[[S]]
// CHECK: tenon.add %[[SCALED]], %[[B]]
func.func @layerNorm(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = tenon.layer_norm %x scale %s bias %b {axis = 1, epsilon = 1.0e-5}
     : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// Without scale there is no product with it.
// CHECK-LABEL: func.func @rmsNorm
// CHECK: tenon.reduce mean
// CHECK: tenon.mul
// CHECK-NEXT: return
func.func @rmsNorm(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = tenon.rms_norm %x {axis = 1, epsilon = 1.0e-5} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
