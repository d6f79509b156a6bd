// The program of a target with memory of its own: kernels of the host work in the host's memory, between transfers;
// numbers that the program reads itself come through the runtime.
// RUN: tenon-opt %s --tenon-lower-host --canonicalize --cse | FileCheck %s

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {

// Bytes 184 are transfer, 192 host_alloc, 200 host_release, 32 launch.
// CHECK-LABEL: llvm.func @tenon_run(
// Bytes 208 point to the constants in the host's memory.
//       CHECK:   %[[FIELD:.*]] = llvm.getelementptr %{{.*}}[208]
//       CHECK:   %[[CONSTANTS:.*]] = llvm.load %[[FIELD]]
// The first kernel is the device's, with an address of the arena.
//       CHECK:   llvm.call %{{.*}}(%{{.*}}, %c0_i64, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr, i64) -> ()
// A transfer to the host (direction 0) has memory there, and so has what the host's kernel computes.
//       CHECK:   %[[ALLOC:.*]] = llvm.getelementptr %{{.*}}[192] : (!llvm.ptr) -> !llvm.ptr, i8
//       CHECK:   %[[IN:.*]] = llvm.call %{{.*}}(%{{.*}}, %c32_i64) : !llvm.ptr, (!llvm.ptr, i64) -> !llvm.ptr
//       CHECK:   llvm.call %{{.*}}(%{{.*}}, %c0_i32, %[[IN]], %{{.*}}, %c32_i64) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr, i64) -> i32
//       CHECK:   %[[OUT:.*]] = llvm.call %{{.*}}(%{{.*}}, %c32_i64) : !llvm.ptr, (!llvm.ptr, i64) -> !llvm.ptr
//       CHECK:   llvm.store %[[IN]]
//       CHECK:   llvm.store %[[CONSTANTS]]
//       CHECK:   llvm.call %{{.*}}(%{{.*}}, %c1_i64, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr, i64) -> ()
// Back to the device (direction 1); both buffers are given back where the program says so.
//       CHECK:   llvm.call %{{.*}}(%{{.*}}, %[[IN]]) : !llvm.ptr, (!llvm.ptr, !llvm.ptr) -> ()
//       CHECK:   llvm.call %{{.*}}(%{{.*}}, %c1_i32, %{{.*}}, %[[OUT]], %c32_i64) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr, i64) -> i32
//       CHECK:   llvm.call %{{.*}}(%{{.*}}, %[[OUT]]) : !llvm.ptr, (!llvm.ptr, !llvm.ptr) -> ()
func.func @main(%x: tensor<4xf64>) {
  %c = tenon.constant dense<3.0> : tensor<4xf64>
  %0 = tenon.launch @neg(%x) {placement = [#tenon.arena<0>]} : (tensor<4xf64>) -> tensor<4xf64>
  %1 = tenon.transfer %0 to host {placement = [#tenon.host]} : tensor<4xf64>
  %2 = tenon.launch @pow(%1, %c) {placement = [#tenon.host]} : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
  tenon.release %1 : tensor<4xf64>
  %3 = tenon.transfer %2 to device {placement = [#tenon.arena<64>]} : tensor<4xf64>
  tenon.release %2 : tensor<4xf64>
  return
}
tenon.kernel @neg(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<4xf64>) -> tensor<4xf64>
  tenon.yield %0 : tensor<4xf64>
}
tenon.kernel @pow(%a: tensor<4xf64>, %b: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "host_rows"} {
  %0 = tenon.pow %a, %b : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
  tenon.yield %0 : tensor<4xf64>
}
}
