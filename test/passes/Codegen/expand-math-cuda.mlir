// On a GPU nothing calls a function of libm.
// RUN: tenon-opt %s --tenon-expand-math | FileCheck %s --implicit-check-not=llvm.call --implicit-check-not=lrint

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {

// Beyond the limit of the reduction the cosine is NaN.
// CHECK-LABEL: llvm.func @cosine
//       CHECK:   %[[NAN:.*]] = arith.constant 0x7FC00000 : f32
//       CHECK:   arith.select %{{.*}}, %[[NAN]], %{{.*}} : f32
llvm.func @cosine(%x: f32) -> f32 {
  %0 = math.cos %x : f32
  llvm.return %0 : f32
}

// Rounding and becoming an integer stay two steps.
// CHECK-LABEL: llvm.func @round
//       CHECK:   math.roundeven
//       CHECK:   arith.fptosi
llvm.func @round(%x: f32) -> i32 {
  %0 = math.roundeven %x : f32
  %1 = arith.fptosi %0 : f32 to i32
  llvm.return %1 : i32
}
}
