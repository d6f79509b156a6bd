// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=icelake-server},func.func(tenon-assign-precision{rules=*=int8}))' | FileCheck %s --check-prefixes=CHECK,INT8
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=icelake-server},func.func(tenon-assign-precision{exact=true}))' | FileCheck %s --check-prefixes=CHECK,EXACT
// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=icelake-server},func.func(tenon-assign-precision{rules=*=fp32}))' | FileCheck %s --check-prefixes=CHECK,ASIS

// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-target{target=sapphirerapids},func.func(tenon-assign-precision{rules=*=bf16}))' | FileCheck %s --check-prefixes=CHECK,ASIS

// The input of a product may become bytes where a rule or the model says so, and nowhere if all is to be exact. Nothing is
// cast: where that pays, the kernel rounds what it packs.
// CHECK-LABEL: func @allowed(
//   CHECK-NOT: tenon.cast
//        INT8: tenon.matmul %{{.*}} {mayRoundInput} :
//        ASIS: tenon.matmul %{{.*}} {mayRoundInput} :
//       EXACT: tenon.matmul %{{[^{]*}} :
func.func @allowed(%x: tensor<24x64xf32>, %q: tensor<64x32xi4>, %s: tensor<2x32xf32>) -> tensor<24x32xf32> {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<64x32xi4>, tensor<2x32xf32>) -> tensor<64x32xf32>
  %y = tenon.matmul %x, %w {mayRoundInput} : (tensor<24x64xf32>, tensor<64x32xf32>) -> tensor<24x32xf32>
  return %y : tensor<24x32xf32>
}

// CHECK-LABEL: func @asked(
//   CHECK-NOT: tenon.cast
//        INT8: tenon.matmul %{{.*}} {mayRoundInput} :
//        ASIS: tenon.matmul %{{[^{]*}} :
//       EXACT: tenon.matmul %{{[^{]*}} :
func.func @asked(%x: tensor<24x64xf32>, %q: tensor<64x32xi4>, %s: tensor<2x32xf32>) -> tensor<24x32xf32> {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 32} : (tensor<64x32xi4>, tensor<2x32xf32>) -> tensor<64x32xf32>
  %y = tenon.matmul %x, %w : (tensor<24x64xf32>, tensor<64x32xf32>) -> tensor<24x32xf32>
  return %y : tensor<24x32xf32>
}
