// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @unpack
// CHECK: tenon.unpack %{{.*}} {layout = #cpu.panels<width = 16>} : (tensor<1x3x64x16xf32>) -> tensor<64x40xf32>
// CHECK: tenon.unpack %{{.*}} {layout = #cpu.panels<width = 8, groups = 2>} : (tensor<2x3x3x3x4x8xf32>) -> tensor<3x3x4x40xf32>
// CHECK: tenon.unpack %{{.*}} {layout = #cpu.winograd_filters<output_tile = 4, width = 16>} : (tensor<1x3x6x6x4x16xf32>) -> tensor<3x3x4x40xf32>
func.func @unpack(%a: tensor<1x3x64x16xf32>, %b: tensor<2x3x3x3x4x8xf32>, %c: tensor<1x3x6x6x4x16xf32>)
    -> (tensor<64x40xf32>, tensor<3x3x4x40xf32>, tensor<3x3x4x40xf32>) {
  %0 = tenon.unpack %a {layout = #cpu.panels<width = 16>} : (tensor<1x3x64x16xf32>) -> tensor<64x40xf32>
  %1 = tenon.unpack %b {layout = #cpu.panels<width = 8, groups = 2>} : (tensor<2x3x3x3x4x8xf32>) -> tensor<3x3x4x40xf32>
  %2 = tenon.unpack %c {layout = #cpu.winograd_filters<output_tile = 4, width = 16>} : (tensor<1x3x6x6x4x16xf32>) -> tensor<3x3x4x40xf32>
  return %0, %1, %2 : tensor<64x40xf32>, tensor<3x3x4x40xf32>, tensor<3x3x4x40xf32>
}
