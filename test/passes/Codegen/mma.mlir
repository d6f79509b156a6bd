// What multiplies and adds bytes on each processor. A step reads four neighbouring channels of a row, wherever they lie.
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s --tenon-assign-target=target=alderlake --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,BYTES
// RUN: tenon-opt %s --tenon-assign-target=target=icelake-server --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,WIDE

// CHECK-LABEL: llvm.func internal @product.body_tile_4x
// PAIRS:   %[[W:.+]] = llvm.load %arg1 {alignment = 4 : i64} : !llvm.ptr -> vector<8xi32>
// PAIRS:   %[[WORDS:.+]] = vector.bitcast %[[W]] : vector<8xi32> to vector<16xi16>
// PAIRS:   %[[LOW:.+]] = arith.shli %[[WORDS]],
// PAIRS:   %[[EVEN:.+]] = arith.shrsi %[[LOW]],
// PAIRS:   %[[ODD:.+]] = arith.shrsi %[[WORDS]],
// PAIRS:   %[[X:.+]] = llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i32
// PAIRS:   vector.broadcast %[[X]] : i32 to vector<8xi32>
// PAIRS:   llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%{{.+}}, %[[EVEN]])
// PAIRS:   arith.addi
// PAIRS:   llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%{{.+}}, %[[ODD]])
// PAIRS:   arith.addi
// BYTES:   llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i32
// BYTES:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"({{.*}}) : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
// WIDE:    llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i32
// WIDE:    llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"({{.*}}) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
tenon.kernel @product(%x: tensor<4x8xui8>, %w: tensor<8x16xi8> {tenon.weights}) -> tensor<4x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<4x8xui8>, tensor<8x16xi8>) -> tensor<4x16xi32>
  tenon.yield %0 : tensor<4x16xi32>
}

// The last step of a row has one channel left: nothing is read behind it.
// CHECK-LABEL: llvm.func internal @rest.body_tile_1x
// CHECK:   llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i32
// CHECK:   %[[LAST:.+]] = llvm.getelementptr %arg0[4]
// CHECK-COUNT-4: llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i8
tenon.kernel @rest(%x: tensor<1x5xui8>, %w: tensor<5x16xi8> {tenon.weights}) -> tensor<1x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x5xui8>, tensor<5x16xi8>) -> tensor<1x16xi32>
  tenon.yield %0 : tensor<1x16xi32>
}
