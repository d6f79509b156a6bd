// RUN: tenon-opt %s --mlir-print-local-scope --tenon-recognize --split-input-file | FileCheck %s

// The form that PyTorch exports.
// CHECK-LABEL: func @layer_norm
//       CHECK:   %[[S:.+]] = tenon.constant dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]>
//       CHECK:   %[[Y:.+]] = tenon.layer_norm %arg0 scale %[[S]] bias %arg1 {axis = 1 : i64, epsilon = 9.99{{[0-9]*}}E-6
//       CHECK:   return %[[Y]]
func.func @layer_norm(%x: tensor<2x3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %two = tenon.constant dense<2.0> : tensor<f32>
  %e = tenon.constant dense<1.0e-5> : tensor<f32>
  %s = tenon.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = tenon.reduce mean %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %1 = tenon.sub %x, %0 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %2 = tenon.pow %1, %two : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %3 = tenon.reduce mean %2 {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %4 = tenon.add %3, %e : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %5 = tenon.sqrt %4 : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %6 = tenon.div %1, %5 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %7 = tenon.mul %s, %6 : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %8 = tenon.add %7, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %8 : tensor<2x3xf32>
}

// -----

// The form that TensorFlow exports, with the factors multiplied out.
// CHECK-LABEL: func @factored
//       CHECK:   %[[Y:.+]] = tenon.layer_norm %arg0 scale %arg1 bias %arg2 {axis = 1
//       CHECK:   return %[[Y]]
func.func @factored(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %e = tenon.constant dense<1.0e-5> : tensor<f32>
  %0 = tenon.reduce mean %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %1 = tenon.sub %x, %0 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %2 = tenon.mul %1, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = tenon.reduce mean %2 {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %4 = tenon.add %3, %e : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %5 = tenon.sqrt %4 : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %6 = tenon.reciprocal %5 : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %7 = tenon.mul %6, %s : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %8 = tenon.mul %x, %7 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %9 = tenon.mul %0, %7 : (tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %10 = tenon.sub %b, %9 : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %11 = tenon.add %8, %10 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %11 : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func @rms_norm
//       CHECK:   %[[Y:.+]] = tenon.rms_norm %arg0 scale %arg1 {axis = 2
//       CHECK:   return %[[Y]]
func.func @rms_norm(%x: tensor<1x2x3xf32>, %s: tensor<3xf32>) -> tensor<1x2x3xf32> {
  %half = tenon.constant dense<-0.5> : tensor<f32>
  %e = tenon.constant dense<1.0e-5> : tensor<f32>
  %2 = tenon.mul %x, %x : (tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %3 = tenon.reduce mean %2 {axes = array<i64: 2>} : (tensor<1x2x3xf32>) -> tensor<1x2x1xf32>
  %4 = tenon.add %e, %3 : (tensor<f32>, tensor<1x2x1xf32>) -> tensor<1x2x1xf32>
  %5 = tenon.pow %4, %half : (tensor<1x2x1xf32>, tensor<f32>) -> tensor<1x2x1xf32>
  %6 = tenon.mul %x, %5 : (tensor<1x2x3xf32>, tensor<1x2x1xf32>) -> tensor<1x2x3xf32>
  %7 = tenon.mul %6, %s : (tensor<1x2x3xf32>, tensor<3xf32>) -> tensor<1x2x3xf32>
  return %7 : tensor<1x2x3xf32>
}

// -----

// The second moment of something else is no norm.
// CHECK-LABEL: func @other_moment
//   CHECK-NOT:   rms_norm
func.func @other_moment(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %e = tenon.constant dense<1.0e-5> : tensor<f32>
  %2 = tenon.mul %y, %y : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = tenon.reduce mean %2 {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %4 = tenon.add %3, %e : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %5 = tenon.sqrt %4 : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %6 = tenon.div %x, %5 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %6 : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func @softmax
//       CHECK:   %[[Y:.+]] = tenon.softmax %arg0 {axis = 1
//       CHECK:   return %[[Y]]
func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = tenon.reduce max %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %1 = tenon.sub %x, %0 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %2 = tenon.exp %1 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = tenon.reduce sum %2 {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %4 = tenon.div %2, %3 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %4 : tensor<2x3xf32>
}
