// What multiplies and adds bytes on AArch64.
// RUN: tenon-opt %s --tenon-assign-target=target=cortex-a72 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: tenon-opt %s --tenon-assign-target=target=neoverse-n1 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,DOTS
// RUN: tenon-opt %s --tenon-assign-target=target=neoverse-v1 --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s --check-prefixes=CHECK,ROWS

// Two channels, four channels, or eight of two rows. Weights take two registers for two rows, so that a tile has fewer vectors.
// CHECK-LABEL: llvm.func internal @product.body_tile_{{6x4|12x2}}(
// PAIRS:   llvm.load %arg1 {alignment = 2 : i64} : !llvm.ptr -> vector<4xi16>
// PAIRS:   %[[X:.+]] = llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i16
// PAIRS:   vector.broadcast %[[X]] : i16 to vector<4xi16>
// PAIRS:   %[[PRODUCTS:.+]] = llvm.call_intrinsic "llvm.aarch64.neon.smull.v8i16"({{.*}}) : (vector<8xi8>, vector<8xi8>) -> vector<8xi16>
// PAIRS:   %[[SUMS:.+]] = llvm.call_intrinsic "llvm.aarch64.neon.saddlp.v4i32.v8i16"(%[[PRODUCTS]])
// PAIRS:   arith.addi %{{.+}}, %[[SUMS]] : vector<4xi32>
// DOTS:    llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i32
// DOTS:    llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"({{.*}}) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
// ROWS:    %[[W:.+]] = vector.bitcast %{{.+}} : vector<4xi64> to vector<32xi8>
// ROWS:    %[[A:.+]] = llvm.load %arg0 {alignment = 1 : i64} : !llvm.ptr -> i64
// ROWS:    %[[B:.+]] = llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr -> i64
// ROWS:    %[[PAIR:.+]] = vector.from_elements %[[A]], %[[B]] : vector<2xi64>
// ROWS:    %[[INPUT:.+]] = vector.bitcast %[[PAIR]] : vector<2xi64> to vector<16xi8>
// ROWS:    %[[COLUMNS:.+]] = vector.shuffle %[[W]], %[[W]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
// ROWS:    llvm.call_intrinsic "llvm.aarch64.neon.smmla.v4i32.v16i8"(%{{.+}}, %[[INPUT]], %[[COLUMNS]])
// The sums of two rows are separated in the end.
// ROWS:    vector.shuffle %[[LOW:.+]], %[[HIGH:.+]] [0, 1, 4, 5] : vector<4xi32>, vector<4xi32>
// ROWS:    vector.shuffle %[[LOW]], %[[HIGH]] [2, 3, 6, 7] : vector<4xi32>, vector<4xi32>
tenon.kernel @product(%x: tensor<12x8xi8>, %w: tensor<8x16xi8> {tenon.weights}) -> tensor<12x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<12x8xi8>, tensor<8x16xi8>) -> tensor<12x16xi32>
  tenon.yield %0 : tensor<12x16xi32>
}

// Bytes without sign.
// CHECK-LABEL: llvm.func internal @unsigned.body_tile_{{6x4|12x2}}(
// PAIRS:   "llvm.aarch64.neon.umull.v8i16"
// PAIRS:   "llvm.aarch64.neon.uaddlp.v4i32.v8i16"
// DOTS:    "llvm.aarch64.neon.udot.v4i32.v16i8"
// ROWS:    "llvm.aarch64.neon.ummla.v4i32.v16i8"
tenon.kernel @unsigned(%x: tensor<12x8xui8>, %w: tensor<8x16xui8> {tenon.weights}) -> tensor<12x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<12x8xui8>, tensor<8x16xui8>) -> tensor<12x16xi32>
  tenon.yield %0 : tensor<12x16xi32>
}

// The operand without sign is the instruction's first, so rows and columns of sums change places where that is the weights.
// CHECK-LABEL: llvm.func internal @swapped.body_tile_{{6x4|12x2}}(
// ROWS:    %[[INPUT:.+]] = vector.bitcast %{{.+}} : vector<2xi64> to vector<16xi8>
// ROWS:    llvm.call_intrinsic "llvm.aarch64.neon.usmmla.v4i32.v16i8"(%{{.+}}, %{{.+}}, %[[INPUT]])
// ROWS:    vector.shuffle %[[LOW:.+]], %[[HIGH:.+]] [0, 2, 4, 6] : vector<4xi32>, vector<4xi32>
// ROWS:    vector.shuffle %[[LOW]], %[[HIGH]] [1, 3, 5, 7] : vector<4xi32>, vector<4xi32>
tenon.kernel @swapped(%x: tensor<12x8xi8>, %w: tensor<8x16xui8> {tenon.weights}) -> tensor<12x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<12x8xi8>, tensor<8x16xui8>) -> tensor<12x16xi32>
  tenon.yield %0 : tensor<12x16xi32>
}

// One row.
// CHECK-LABEL: llvm.func internal @row.body_tile_1x
// ROWS:    "llvm.aarch64.neon.usdot.v4i32.v16i8"
tenon.kernel @row(%x: tensor<1x8xui8>, %w: tensor<8x16xi8> {tenon.weights}) -> tensor<1x16xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x8xui8>, tensor<8x16xi8>) -> tensor<1x16xi32>
  tenon.yield %0 : tensor<1x16xi32>
}
