// Kernels and their launches.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics | tenon-opt --split-input-file | FileCheck %s

// CHECK-LABEL: tenon.kernel @add_relu
// CHECK: tenon.yield
// CHECK: tenon.launch @add_relu(%{{.*}}, %{{.*}}) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
tenon.kernel @add_relu(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32>
    attributes {kernel_class = #tenon.kernel_class<rows>} {
  %0 = tenon.add %a, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.relu %0 : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %1 : tensor<8xf32>
}
func.func @main(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tenon.launch @add_relu(%a, %b) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
