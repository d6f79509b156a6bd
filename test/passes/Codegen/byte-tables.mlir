// Tables of 256 bytes: four registers of AVX-512, of bytes or of words of two, and sixteen of NEON.
// RUN: tenon-opt %s --tenon-assign-target=target=icelake-server --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,X86
// RUN: tenon-opt %s --tenon-assign-target=target=neoverse-n1 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,NEON
// RUN: tenon-opt %s --tenon-assign-target=target=cascadelake --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,WORDS
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,OTHERS

// CHECK-LABEL: llvm.func internal @table.body(
// X86:    %[[BEHIND:.+]] = arith.cmpi slt, %[[CODES:.+]], %{{.+}} : vector<64xi8>
// X86:    %[[HIGH:.+]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%{{.+}}, %[[CODES]], %{{.+}})
// X86:    %[[LOW:.+]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%{{.+}}, %[[CODES]], %{{.+}})
// X86:    arith.select %[[BEHIND]], %[[HIGH]], %[[LOW]]
// NEON:   %[[FIRST:.+]] = llvm.call_intrinsic "llvm.aarch64.neon.tbl4.v16i8"
// NEON:   %[[NEXT:.+]] = arith.subi
// NEON:   llvm.call_intrinsic "llvm.aarch64.neon.tbx4.v16i8"(%[[FIRST]], {{.*}}, %[[NEXT]])
// NEON-COUNT-2: llvm.call_intrinsic "llvm.aarch64.neon.tbx4.v16i8"
// WORDS:  %[[WIDE:.+]] = arith.extui %{{.+}} : vector<32xi8> to vector<32xi16>
// WORDS:  %[[PLACE:.+]] = arith.shrui %[[WIDE]], %{{.+}} : vector<32xi16>
// WORDS-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.hi.512"(%{{.+}}, %[[PLACE]], %{{.+}})
// WORDS:  arith.trunci %{{.+}} : vector<32xi16> to vector<32xi8>
// OTHERS-NOT: llvm.call_intrinsic
// OTHERS: llvm.intr.masked.gather
tenon.kernel @table(%x: tensor<4096xui8>, %table: tensor<256xi8>) -> tensor<4096xi8> attributes {strategy = "rows"} {
  %0 = tenon.gather %table, %x {axis = 0} : (tensor<256xi8>, tensor<4096xui8>) -> tensor<4096xi8>
  tenon.yield %0 : tensor<4096xi8>
}
