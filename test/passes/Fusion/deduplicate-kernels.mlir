// RUN: tenon-opt %s --tenon-deduplicate-kernels | FileCheck %s

// Equal bodies are one kernel, whatever its launches are given; another constant or shape is another
// kernel.
// CHECK-LABEL: func @main
//  CHECK-NEXT:   %[[A:.+]] = tenon.launch @first(%arg0)
//  CHECK-NEXT:   %[[B:.+]] = tenon.launch @first(%[[A]])
//  CHECK-NEXT:   %[[C:.+]] = tenon.launch @other_constant(%[[B]])
//  CHECK-NEXT:   %[[D:.+]] = tenon.launch @other_shape(%arg1)
//  CHECK-NEXT:   return %[[C]], %[[D]]
//   CHECK-NOT: tenon.kernel @second
func.func @main(%x: tensor<4xf32>, %y: tensor<5xf32>) -> (tensor<4xf32>, tensor<5xf32>) {
  %0 = tenon.launch @first(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.launch @second(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.launch @other_constant(%1) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = tenon.launch @other_shape(%y) : (tensor<5xf32>) -> tensor<5xf32>
  return %2, %3 : tensor<4xf32>, tensor<5xf32>
}
tenon.kernel @first(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
  %c = tenon.constant dense<2.0> : tensor<f32>
  %0 = tenon.mul %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  tenon.yield %0 : tensor<4xf32>
}
tenon.kernel @second(%a: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
  %b = tenon.constant dense<2.0> : tensor<f32>
  %1 = tenon.mul %a, %b : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  tenon.yield %1 : tensor<4xf32>
}
tenon.kernel @other_constant(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
  %c = tenon.constant dense<3.0> : tensor<f32>
  %0 = tenon.mul %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  tenon.yield %0 : tensor<4xf32>
}
tenon.kernel @other_shape(%x: tensor<5xf32>) -> tensor<5xf32> attributes {strategy = "rows"} {
  %c = tenon.constant dense<2.0> : tensor<f32>
  %0 = tenon.mul %x, %c : (tensor<5xf32>, tensor<f32>) -> tensor<5xf32>
  tenon.yield %0 : tensor<5xf32>
}
