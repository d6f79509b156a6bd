// Panels are as wide as the tiles of the target: 16 lanes, and three vectors where they are filled.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v4 --tenon-form-kernels --tenon-assign-schedules --tenon-pack-weights --split-input-file | FileCheck %s

// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 48>} : (tensor<1x2x24x48xf32>) -> tensor<24x96xf32>
func.func @three_vectors(%x: tensor<128x24xf32>) -> tensor<128x96xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x96xf32>
  %y = tenon.matmul %x, %w : (tensor<128x24xf32>, tensor<24x96xf32>) -> tensor<128x96xf32>
  return %y : tensor<128x96xf32>
}

// -----

// Ten columns fill one vector in part.
// CHECK-LABEL: func.func @one_vector
//       CHECK:   tenon.pad {{.*}} -> tensor<24x1x16xf32>
// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 16>} : (tensor<1x1x24x16xf32>) -> tensor<24x10xf32>
func.func @one_vector(%x: tensor<128x24xf32>) -> tensor<128x10xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x10xf32>
  %y = tenon.matmul %x, %w : (tensor<128x24xf32>, tensor<24x10xf32>) -> tensor<128x10xf32>
  return %y : tensor<128x10xf32>
}

// -----

// Halves too.
// CHECK-LABEL: tenon.kernel @matmul_only
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 48>} : (tensor<1x1x24x48xf16>) -> tensor<24x40xf16>
func.func @halves(%x: tensor<1x24xf32>) -> tensor<1x40xf32> {
  %w = tenon.constant dense<1.0> : tensor<24x40xf16>
  %y = tenon.matmul %x, %w : (tensor<1x24xf32>, tensor<24x40xf16>) -> tensor<1x40xf32>
  return %y : tensor<1x40xf32>
}

// -----

// Filters of minimal filtering have the same width, for 4x4 points.
// CHECK-LABEL: tenon.kernel @conv_only
//  CHECK-SAME:   strategy = "winograd"
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.winograd_filters<output_tile = 2, width = 32>} : (tensor<1x2x4x4x64x32xf32>) -> tensor<3x3x64x64xf32>
func.func @winograd(%x: tensor<1x58x58x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = tenon.constant dense<1.0> : tensor<3x3x64x64xf32>
  %y = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x58x58x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}
