// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-form-kernels | FileCheck %s

// A broadcast that only a run finds to be one stands alone in front of a product, whose operands are
// buffers: it is launched only where sizes differ. In front of a sum it is a part of the kernel.
// CHECK-LABEL: @main
// CHECK: %[[WIDE:.*]] = tenon.launch @broadcast_only(%arg0) {differences = #{{map[0-9]*}}
// CHECK: %[[PRODUCT:.*]] = tenon.launch @matmul_only(%[[WIDE]], %arg1)
// CHECK: tenon.launch @broadcast_transpose_add(%arg2, %[[PRODUCT]])
func.func @main(%x: tensor<?x4x4xf32, affine_map<()[s0] -> (s0, 4, 4)>>,
                %y: tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>,
                %z: tensor<?x4x4xf32, affine_map<()[s0, s1] -> (s1, 4, 4)>>)
    -> tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>> attributes {tenon.symbols = ["A", "B", "n"]} {
  %wide = tenon.broadcast %x : (tensor<?x4x4xf32, affine_map<()[s0] -> (s0, 4, 4)>>) -> tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>
  %product = tenon.matmul %wide, %y : (tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>, tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>) -> tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>
  %other = tenon.broadcast %z : (tensor<?x4x4xf32, affine_map<()[s0, s1] -> (s1, 4, 4)>>) -> tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>
  %sum = tenon.transpose %product {permutation = array<i64: 0, 2, 1>} : (tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>) -> tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>
  %result = tenon.add %other, %sum : (tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>, tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>) -> tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>
  return %result : tensor<?x4x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4, 4)>>
}

// A convolution keeps its epilogue across it: the kernel falls back to the elemental form.
// CHECK-LABEL: @conv
// CHECK-NEXT: tenon.launch @conv_broadcast_add(%arg0, %arg2, %arg1)
func.func @conv(%x: tensor<1x?x6x4xf32, affine_map<()[s0] -> (1, s0, 6, 4)>>,
                %y: tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>,
                %w: tensor<1x1x4x4xf32>)
    -> tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>> attributes {tenon.symbols = ["H", "n"]} {
  %0 = tenon.conv %x, %w {dilations = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x?x6x4xf32, affine_map<()[s0] -> (1, s0, 6, 4)>>, tensor<1x1x4x4xf32>) -> tensor<1x?x6x4xf32, affine_map<()[s0] -> (1, s0, 6, 4)>>
  %1 = tenon.broadcast %0 : (tensor<1x?x6x4xf32, affine_map<()[s0] -> (1, s0, 6, 4)>>) -> tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>
  %2 = tenon.add %1, %y : (tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>, tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>) -> tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>
  return %2 : tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>
}
