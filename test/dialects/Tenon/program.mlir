// Kernels and their launches.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics | tenon-opt --split-input-file | FileCheck %s

// CHECK-LABEL: tenon.kernel @add_relu
// CHECK: tenon.yield
// CHECK: tenon.launch @add_relu(%{{.*}}, %{{.*}}) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
tenon.kernel @add_relu(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32>
    attributes {strategy = "rows"} {
  %0 = tenon.add %a, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.relu %0 : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %1 : tensor<8xf32>
}
func.func @main(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tenon.launch @add_relu(%a, %b) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Two kernels write parts of one tensor.
// CHECK-LABEL: tenon.kernel @left
// CHECK: tenon.insert %{{.*}} {low = #{{.*}}} : (tensor<4x3xf32>) -> tensor<4x8xf32>
// CHECK: %[[PART:.*]] = tenon.launch @left(%{{.*}}) : (tensor<4x3xf32>) -> tensor<4x8xf32>
// CHECK: tenon.launch @right(%{{.*}}) into %[[PART]] : tensor<4x8xf32> : (tensor<4x5xf32>) -> tensor<4x8xf32>
tenon.kernel @left(%a: tensor<4x3xf32>) -> tensor<4x8xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %a {low = affine_map<() -> (0, 0)>} : (tensor<4x3xf32>) -> tensor<4x8xf32>
  tenon.yield %0 : tensor<4x8xf32>
}
tenon.kernel @right(%a: tensor<4x5xf32>) -> tensor<4x8xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %a {low = affine_map<() -> (0, 3)>} : (tensor<4x5xf32>) -> tensor<4x8xf32>
  tenon.yield %0 : tensor<4x8xf32>
}
func.func @parts(%a: tensor<4x3xf32>, %b: tensor<4x5xf32>) -> tensor<4x8xf32> {
  %0 = tenon.launch @left(%a) : (tensor<4x3xf32>) -> tensor<4x8xf32>
  %1 = tenon.launch @right(%b) into %0 : tensor<4x8xf32> : (tensor<4x5xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// Each kind of place.
// CHECK-LABEL: func.func @places
// CHECK: tenon.launch @both(%{{.*}}) {placement = [#tenon.arena<64>, #tenon.allocated]}
// CHECK: tenon.launch @both(%{{.*}}) {placement = [#tenon.output<0>, #tenon.output<1>]}
func.func @places(%a: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0:2 = tenon.launch @both(%a) {placement = [#tenon.arena<64>, #tenon.allocated]} : (tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  %1:2 = tenon.launch @both(%0#1) {placement = [#tenon.output<0>, #tenon.output<1>]} : (tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  return %1#0, %1#1 : tensor<8xf32>, tensor<8xf32>
}
tenon.kernel @both(%a: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) attributes {strategy = "rows"} {
  tenon.yield %a, %a : tensor<8xf32>, tensor<8xf32>
}
