// The pipelines by their names, from an imported graph on.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-to-kernels | FileCheck %s --check-prefixes=CHECK,KERNELS
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-to-program | FileCheck %s --check-prefixes=CHECK,PROGRAM
// RUN: tenon-opt %s --tenon-to-kernels | tenon-opt --tenon-verify-stage=stage=kernels
// RUN: tenon-opt %s --tenon-to-program | tenon-opt --tenon-verify-stage=stage=program

// The softmax is decomposed and one kernel; the product reads packed weights. Nothing folds without an evaluator, so
// that a kernel packs them in each run.
//   CHECK: module attributes {tenon.target = #cpu.target<name = "native"
// KERNELS: func.func @main(%arg0: tensor<64x32xf32>) -> tensor<64x48xf32> {
// KERNELS: %[[PACKED:.+]] = tenon.launch @{{.*}}transpose{{.*}}
// KERNELS: %[[SOFTMAX:.+]] = tenon.launch @reduce_sub_exp_reduce_div(%arg0) : (tensor<64x32xf32>) -> tensor<64x32xf32>
// KERNELS: tenon.launch @matmul_relu(%[[SOFTMAX]], %[[PACKED]])
// KERNELS: tenon.kernel @matmul_relu
//  KERNELS-SAME: schedule = #cpu.contraction_schedule<{{.*}}packed = true

// The program's result lies in the caller's memory, all else in the arena.
// PROGRAM: func.func @main
//  PROGRAM-SAME: tenon.arena_bytes = {{[1-9][0-9]*}}
// PROGRAM: tenon.launch @reduce_sub_exp_reduce_div(%arg0) {placement = [#tenon.arena<{{[0-9]+}}>]}
// PROGRAM: tenon.launch @matmul_relu{{.*}} {placement = [#tenon.output<0>]}
func.func @main(%x: tensor<64x32xf32>) -> tensor<64x48xf32> {
  %w = tenon.constant dense<0.5> : tensor<32x48xf32>
  %0 = tenon.softmax %x {axis = 1} : (tensor<64x32xf32>) -> tensor<64x32xf32>
  %1 = tenon.matmul %0, %w : (tensor<64x32xf32>, tensor<32x48xf32>) -> tensor<64x48xf32>
  %2 = tenon.relu %1 : (tensor<64x48xf32>) -> tensor<64x48xf32>
  return %2 : tensor<64x48xf32>
}
