// What multiplies and adds bytes on each processor. A step reads two or four neighbouring channels of a row, wherever
// they lie.
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s --tenon-assign-target=target=alderlake --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,BYTES
// RUN: tenon-opt %s --tenon-assign-target=target=icelake-server --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,WIDE

// CHECK-LABEL: llvm.func internal @product.body_tile_4x
// PAIRS:   %[[W:.+]] = llvm.load %arg1 {alignment = 2 : i64} : !llvm.ptr -> vector<8xi16>
// PAIRS:   %[[NARROW:.+]] = vector.bitcast %[[W]] : vector<8xi16> to vector<16xi8>
// PAIRS:   %[[EXTENDED:.+]] = arith.extsi %[[NARROW]] : vector<16xi8> to vector<16xi16>
// PAIRS:   %[[X:.+]] = llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i16
// PAIRS:   %[[ALL:.+]] = vector.broadcast %[[X]] : i16 to vector<8xi16>
// PAIRS:   %[[INPUTS:.+]] = vector.bitcast %[[ALL]] : vector<8xi16> to vector<16xi8>
// PAIRS:   %[[INPUT:.+]] = arith.extui %[[INPUTS]] : vector<16xi8> to vector<16xi16>
// PAIRS:   llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%[[INPUT]], %[[EXTENDED]])
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
// PAIRS:   llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i16
// BYTES:   llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i32
// WIDE:    llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i32
// CHECK:   %[[LAST:.+]] = llvm.getelementptr %arg0[4]
// PAIRS-COUNT-2: llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i8
// BYTES-COUNT-4: llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i8
// WIDE-COUNT-4:  llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i8
tenon.kernel @rest(%x: tensor<1x5xui8>, %w: tensor<5x16xi8> {tenon.weights}) -> tensor<1x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x5xui8>, tensor<5x16xi8>) -> tensor<1x16xi32>
  tenon.yield %0 : tensor<1x16xi32>
}

// Where many rows are packed, packing widens bytes for `vpmaddwd`: a step is 32 bits, as weights are that a run packs.
// PAIRS-LABEL: llvm.func internal @many.body_tile_pack_input(
// PAIRS:   %[[X:.+]] = llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> vector<8xi16>
// PAIRS:   %[[NARROW:.+]] = vector.bitcast %[[X]] : vector<8xi16> to vector<16xi8>
// PAIRS:   %[[EXTENDED:.+]] = arith.extui %[[NARROW]] : vector<16xi8> to vector<16xi16>
// PAIRS:   vector.bitcast %[[EXTENDED]] : vector<16xi16> to vector<8xi32>
// PAIRS-LABEL: llvm.func internal @many.body_tile_5x2(
// PAIRS:   llvm.load %{{.+}} {alignment = 4 : i64} : !llvm.ptr -> vector<8xi32>
// PAIRS:   llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i32
tenon.kernel @many(%x: tensor<60x64xui8>, %w: tensor<64x32xi8>) -> tensor<60x32xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<60x64xui8>, tensor<64x32xi8>) -> tensor<60x32xi32>
  tenon.yield %0 : tensor<60x32xi32>
}
