// RUN: tenon-opt %s --pass-pipeline='builtin.module(builtin.module(tenon-expand-math))' | FileCheck %s

// exp is a polynomial. Where the target has no instruction for it, 2^n is made of two factors.
// CHECK-LABEL: llvm.func @exp(
//   CHECK-NOT:   math.exp
//       CHECK:   math.fma
//   CHECK-NOT:   llvm.call_intrinsic
//       CHECK:   arith.shli
//       CHECK:   llvm.return
module @exp attributes {tenon.target = #cpu.target<name = "x86-64-v3", features = ["avx2", "fma"]>} {
  llvm.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
    %0 = math.exp %x : vector<16xf32>
    llvm.return %0 : vector<16xf32>
  }
}

// CHECK-LABEL: llvm.func @exp_scaled(
//   CHECK-NOT:   arith.shli
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
//   CHECK-NOT:   arith.shli
//       CHECK:   llvm.return
module @exp_scaled attributes {tenon.target = #cpu.target<name = "x86-64-v4", features = ["avx512f"]>} {
  llvm.func @exp_scaled(%x: vector<16xf32>) -> vector<16xf32> {
    %0 = math.exp %x : vector<16xf32>
    llvm.return %0 : vector<16xf32>
  }
}

// Without a target there are no such instructions. f64 goes to libm, lane by lane.
// CHECK-LABEL: module @tanh
//       CHECK:   llvm.func @tanh(f64) -> f64
//       CHECK:   llvm.func @lanes(%[[X:.+]]: vector<2xf64>)
//       CHECK:     %[[FIRST:.+]] = vector.extract %[[X]][0]
//       CHECK:     llvm.call @tanh(%[[FIRST]])
//       CHECK:     %[[SECOND:.+]] = vector.extract %[[X]][1]
//       CHECK:     llvm.call @tanh(%[[SECOND]])
module @tanh {
  llvm.func @lanes(%x: vector<2xf64>) -> vector<2xf64> {
    %0 = math.tanh %x : vector<2xf64>
    llvm.return %0 : vector<2xf64>
  }
}

// f16 is computed in f32. What is one instruction stays.
// CHECK-LABEL: llvm.func @halves(
//       CHECK:   %[[WIDE:.+]] = arith.extf %{{.+}} : vector<8xf16> to vector<8xf32>
//       CHECK:   arith.truncf %{{.+}} : vector<8xf32> to vector<8xf16>
//       CHECK:   math.sqrt
module @halves {
  llvm.func @halves(%x: vector<8xf16>) -> vector<8xf16> {
    %0 = math.log %x : vector<8xf16>
    %1 = math.sqrt %0 : vector<8xf16>
    llvm.return %1 : vector<8xf16>
  }
}

// A maximum with a number is a comparison and a choice that keeps NaN; of any two, one more.
// CHECK-LABEL: llvm.func @maximum(
//  CHECK-SAME:   %[[X:.+]]: vector<8xf32>, %[[Y:.+]]: vector<8xf32>)
//   CHECK-NOT:   arith.maximumf
//       CHECK:   arith.cmpf
//  CHECK-NEXT:   arith.select
//       CHECK:   arith.cmpf uno, %[[X]]
//       CHECK:   llvm.return
module @maximum {
  llvm.func @maximum(%x: vector<8xf32>, %y: vector<8xf32>) -> (!llvm.struct<(vector<8xf32>, vector<8xf32>)>) {
    %zero = arith.constant dense<0.0> : vector<8xf32>
    %0 = arith.maximumf %x, %zero : vector<8xf32>
    %1 = arith.maximumf %x, %y : vector<8xf32>
    %2 = llvm.mlir.undef : !llvm.struct<(vector<8xf32>, vector<8xf32>)>
    %3 = llvm.insertvalue %0, %2[0] : !llvm.struct<(vector<8xf32>, vector<8xf32>)>
    %4 = llvm.insertvalue %1, %3[1] : !llvm.struct<(vector<8xf32>, vector<8xf32>)>
    llvm.return %4 : !llvm.struct<(vector<8xf32>, vector<8xf32>)>
  }
}
