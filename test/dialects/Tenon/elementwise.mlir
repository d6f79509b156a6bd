// Pointwise ops: they print as they are read, broadcast as ONNX does, and infer their result.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK: #[[ROWS:.*]] = affine_map<()[s0] -> (s0, 3)>

// Operands of different shapes broadcast from the last dimension.
// CHECK-LABEL: func.func @broadcast
// CHECK: tenon.add %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: tenon.pow %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
func.func @broadcast(%a: tensor<2x3xf32>, %b: tensor<3xf32>, %c: tensor<f32>) -> tensor<2x3xf32> {
  %0 = tenon.add %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = tenon.pow %0, %c : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// Unknown dimensions keep their expression through the op.
// CHECK-LABEL: func.func @symbols
// CHECK: tenon.relu %{{.*}} : (tensor<?x3xf32, #[[ROWS]]>) -> tensor<?x3xf32, #[[ROWS]]>
#rows = affine_map<()[s0] -> (s0, 3)>
func.func @symbols(%x: tensor<?x3xf32, #rows>) -> tensor<?x3xf32, #rows>
    attributes {tenon.symbols = ["batch"]} {
  %0 = tenon.relu %x : (tensor<?x3xf32, #rows>) -> tensor<?x3xf32, #rows>
  return %0 : tensor<?x3xf32, #rows>
}

// Comparisons give booleans, which choose elements.
// CHECK-LABEL: func.func @choose
// CHECK: %[[C:.*]] = tenon.less %{{.*}}, %{{.*}} -> tensor<4xi1>
// CHECK: tenon.select %[[C]], %{{.*}}, %{{.*}} : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>)
func.func @choose(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tenon.less %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %1 = tenon.select %0, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// Casts name the element type that they make.
// CHECK-LABEL: func.func @casts
// CHECK: tenon.cast %{{.*}} to f16 : (tensor<2xf32>) -> tensor<2xf16>
// CHECK: tenon.cast %{{.*}} to i64 : (tensor<2xf16>) -> tensor<2xi64>
func.func @casts(%x: tensor<2xf32>) -> tensor<2xi64> {
  %0 = tenon.cast %x to f16 : (tensor<2xf32>) -> tensor<2xf16>
  %1 = tenon.cast %0 to i64 : (tensor<2xf16>) -> tensor<2xi64>
  return %1 : tensor<2xi64>
}
