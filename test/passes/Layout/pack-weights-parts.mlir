// Weights of f32 that are multiplied in parts are split before they are laid out: what is not finite is in the last part.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=sapphirerapids --tenon-form-kernels --tenon-assign-schedules --tenon-pack-weights | FileCheck %s

// CHECK-LABEL: func.func @three
//   CHECK-DAG:   tenon.select {{.*}} -> tensor<70x128xf32>
//   CHECK-DAG:   [[HIGH:%.*]] = tenon.cast {{.*}} : (tensor<70x128xf32>) -> tensor<70x128xbf16>
//       CHECK:   tenon.cast [[HIGH]] to f32
//       CHECK:   [[REST:%.*]] = tenon.sub
//       CHECK:   tenon.cast [[REST]] to bf16
//       CHECK:   tenon.concat {{.*}} {axis = 2 : i64} : (tensor<1x4x48x32x2xbf16>, tensor<1x4x48x32x2xbf16>) -> tensor<1x4x96x32x2xbf16>
// CHECK-LABEL: tenon.kernel
//       CHECK:   tenon.unpack %{{.*}} {layout = #cpu.panels<width = 32, interleave = 2, depth = 16, parts = 2>} : (tensor<1x4x96x32x2xbf16>) -> tensor<70x128xf32>
func.func @three(%x: tensor<128x70xf32>) -> tensor<128x128xf32> {
  %w = tenon.constant dense<0.3> : tensor<70x128xf32>
  %y = tenon.matmul %x, %w {tenon.bfloat_products = 3 : i64} : (tensor<128x70xf32>, tensor<70x128xf32>) -> tensor<128x128xf32>
  return %y : tensor<128x128xf32>
}
