// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

// Loops become branches, and everything is of the LLVM dialect.
// CHECK-LABEL: llvm.func @sum(
//  CHECK-SAME:   %[[X:.+]]: !llvm.ptr, %[[N:.+]]: i64)
//   CHECK-NOT:   {{scf|arith|vector}}.
//       CHECK:   llvm.br ^[[HEADER:[a-z0-9]+]](%{{.+}}, %{{.+}} : i64, vector<8xf32>)
//       CHECK: ^[[HEADER]](%[[I:.+]]: i64, %[[ACC:.+]]: vector<8xf32>):
//       CHECK:   %[[MORE:.+]] = llvm.icmp "slt" %[[I]], %[[N]]
//       CHECK:   llvm.cond_br %[[MORE]], ^[[BODY:.+]], ^[[AFTER:.+]]
//       CHECK: ^[[BODY]]:
//       CHECK:   %[[V:.+]] = llvm.load
//       CHECK:   %[[NEXT:.+]] = llvm.intr.fmuladd(%[[V]], %[[V]], %[[ACC]])
//       CHECK:   llvm.br ^[[HEADER]](%{{.+}}, %[[NEXT]] : i64, vector<8xf32>)
//       CHECK: ^[[AFTER]]:
//       CHECK:   "llvm.intr.vector.reduce.fadd"(%{{.+}}, %[[ACC]])
module @sum {
  llvm.func @sum(%x: !llvm.ptr, %n: i64) -> f32 {
    %c0 = arith.constant 0 : i64
    %c8 = arith.constant 8 : i64
    %zero = arith.constant dense<0.0> : vector<8xf32>
    %sums = scf.for %i = %c0 to %n step %c8 iter_args(%acc = %zero) -> (vector<8xf32>) : i64 {
      %p = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
      %v = llvm.load %p : !llvm.ptr -> vector<8xf32>
      %next = vector.fma %v, %v, %acc : vector<8xf32>
      scf.yield %next : vector<8xf32>
    }
    %sum = vector.reduction <add>, %sums fastmath<reassoc> : vector<8xf32> into f32
    llvm.return %sum : f32
  }
}

// bf16 are the upper bits of f32, rounded in integers.
// CHECK-LABEL: llvm.func @bfloat16(
//   CHECK-NOT:   llvm.{{fpext|fptrunc}}
//       CHECK:   llvm.zext
//       CHECK:   llvm.shl
//       CHECK:   llvm.fadd
//       CHECK:   llvm.lshr
//       CHECK:   llvm.trunc
//   CHECK-NOT:   llvm.{{fpext|fptrunc}}
//       CHECK:   llvm.return
module @bfloat16 {
  llvm.func @bfloat16(%x: vector<8xbf16>) -> vector<8xbf16> {
    %0 = arith.extf %x : vector<8xbf16> to vector<8xf32>
    %1 = arith.addf %0, %0 : vector<8xf32>
    %2 = arith.truncf %1 : vector<8xf32> to vector<8xbf16>
    llvm.return %2 : vector<8xbf16>
  }
}
