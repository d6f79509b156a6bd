// AVX512-BF16 takes pairs of bf16; beside f32, and on processors without it, bf16 is widened.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=sapphirerapids --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=icelake-server --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,SINGLE

// CHECK-LABEL: tenon.kernel @halves(
//  PAIRS-SAME:   mma = <vdpbf16ps>>
// SINGLE-NOT:    mma
//       CHECK:   tenon.matmul
tenon.kernel @halves(%x: tensor<16x64xbf16>, %w: tensor<64x256xbf16> {tenon.weights}) -> tensor<16x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xbf16>, tensor<64x256xbf16>) -> tensor<16x256xf32>
  tenon.yield %0 : tensor<16x256xf32>
}

// CHECK-LABEL: tenon.kernel @mixed(
//   CHECK-NOT:   mma
//       CHECK:   tenon.matmul
tenon.kernel @mixed(%x: tensor<16x64xf32>, %w: tensor<64x256xbf16> {tenon.weights}) -> tensor<16x256xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x64xf32>, tensor<64x256xbf16>) -> tensor<16x256xf32>
  tenon.yield %0 : tensor<16x256xf32>
}
