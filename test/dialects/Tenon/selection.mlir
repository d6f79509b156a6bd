// Library ops: sizes that data decides are fresh symbols.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @selection
// CHECK: tenon.top_k %{{.*}} {axis = 1 : i64, count = #{{.*}}, largest} : (tensor<3x9xf32>) -> (tensor<3x2xf32>, tensor<3x2xi64>)
// CHECK: tenon.non_zero %{{.*}} : (tensor<3x2xf32>) -> tensor<2x?xi64, #{{.*}}>
func.func @selection(%x: tensor<3x9xf32>) -> tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>>
    attributes {tenon.symbols = ["found"]} {
  %v, %i = tenon.top_k %x {axis = 1, count = affine_map<() -> (2)>, largest}
      : (tensor<3x9xf32>) -> (tensor<3x2xf32>, tensor<3x2xi64>)
  %0 = tenon.non_zero %v : (tensor<3x2xf32>) -> tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>>
  return %0 : tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>>
}

// CHECK-LABEL: func.func @scatter
// CHECK: tenon.scatter_elements add %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64}
// CHECK: tenon.scatter_nd none %{{.*}}, %{{.*}}, %{{.*}}
func.func @scatter(%x: tensor<3x3xf32>, %i: tensor<2x3xi64>, %j: tensor<2x1xi64>, %u: tensor<2x3xf32>)
    -> tensor<3x3xf32> {
  %0 = tenon.scatter_elements add %x, %i, %u {axis = 0}
     : (tensor<3x3xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<3x3xf32>
  %1 = tenon.scatter_nd none %0, %j, %u
     : (tensor<3x3xf32>, tensor<2x1xi64>, tensor<2x3xf32>) -> tensor<3x3xf32>
  return %1 : tensor<3x3xf32>
}
