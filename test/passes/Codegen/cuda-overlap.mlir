// Kernels wait for those before them by themselves where they may begin early.
// RUN: tenon-opt %s --tenon-assign-target=target=cuda:sm_90a --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-target=target=cuda:sm_120 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-target=target=cuda:sm_89 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefix=OLDER

// CHECK: llvm.func @relu
// CHECK-NOT: llvm.load
// CHECK: nvvm.griddepcontrol wait
// CHECK-NEXT: nvvm.griddepcontrol launch_dependents
// OLDER: llvm.func @relu
// OLDER-NOT: griddepcontrol
tenon.kernel @relu(%x: tensor<64xf32>) -> tensor<64xf32> attributes {strategy = "rows"} {
  %0 = tenon.relu %x : (tensor<64xf32>) -> tensor<64xf32>
  tenon.yield %0 : tensor<64xf32>
}
