// Tile registers: set once for a task, and given back. One microkernel serves all numbers of rows.
// RUN: tenon-opt %s --tenon-assign-target=target=sapphirerapids --tenon-assign-schedules --tenon-generate-kernels | FileCheck %s

// The second tile of positions may begin in the middle of the first.
// CHECK-LABEL: llvm.func internal @product.body(
// CHECK:       llvm.call_intrinsic "llvm.x86.ldtilecfg"
// CHECK:       llvm.call_intrinsic "llvm.x86.tilerelease"
// CHECK-LABEL: llvm.func internal @product.body_tile_32x2(
// CHECK:       llvm.alloca %{{.+}} x vector<16xi32> {alignment = 64 : i64}
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK:       scf.for
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK:         arith.minsi
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK:       scf.for
// CHECK-COUNT-2: llvm.load {{.*}} -> vector<16xi32>
tenon.kernel @product(%x: tensor<128x128xui8>, %w: tensor<128x256xi8> {tenon.weights}) -> tensor<128x256xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x128xui8>, tensor<128x256xi8>) -> tensor<128x256xi32>
  tenon.yield %0 : tensor<128x256xi32>
}

// Channels behind the last ones are zeros, for which nothing is read.
// CHECK-LABEL: llvm.func internal @rest.body_tile_pack_input(
// CHECK:       llvm.intr.masked.load {{.*}} (!llvm.ptr, vector<64xi1>, vector<64xi8>) -> vector<64xi8>
// CHECK-LABEL: llvm.func internal @rest.body_tile_32x2(
// CHECK:       llvm.call_intrinsic "llvm.x86.tdpbssd"
tenon.kernel @rest(%x: tensor<128x70xi8>, %w: tensor<70x32xi8> {tenon.weights}) -> tensor<128x32xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x70xi8>, tensor<70x32xi8>) -> tensor<128x32xi32>
  tenon.yield %0 : tensor<128x32xi32>
}

// A product of f32 is three of bf16 parts, which packing makes; a tile of a part meets all others before the next.
// CHECK-LABEL: llvm.func internal @parts.body_tile_pack_input(
// CHECK-COUNT-2: llvm.store {{.*}} : vector<32xi16>
// CHECK:       llvm.intr.masked.load {{.*}} (!llvm.ptr, vector<32xi1>, vector<32xf32>) -> vector<32xf32>
// CHECK-COUNT-2: llvm.store {{.*}} : vector<32xi16>
// CHECK-LABEL: llvm.func internal @parts.body_tile_32x2(
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK:         llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT:   "llvm.x86.tdpbf16ps"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
tenon.kernel @parts(%x: tensor<128x70xf32>, %w: tensor<70x128xf32> {tenon.weights}) -> tensor<128x128xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.bfloat_products = 3 : i64} : (tensor<128x70xf32>, tensor<70x128xf32>) -> tensor<128x128xf32>
  tenon.yield %0 : tensor<128x128xf32>
}

// Tiles of bf16 differ in nothing but the instruction.
// CHECK-LABEL: llvm.func internal @bfloats.body_tile_pack_input(
// CHECK:       llvm.intr.masked.load {{.*}} (!llvm.ptr, vector<64xi1>, vector<64xi8>) -> vector<64xi8>
// CHECK-LABEL: llvm.func internal @bfloats.body_tile_32x2(
// CHECK:       llvm.alloca %{{.+}} x vector<16xf32> {alignment = 64 : i64}
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-2: llvm.load {{.*}} -> vector<16xf32>
tenon.kernel @bfloats(%x: tensor<128x70xbf16>, %w: tensor<70x32xbf16> {tenon.weights}) -> tensor<128x32xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x70xbf16>, tensor<70x32xbf16>) -> tensor<128x32xf32>
  tenon.yield %0 : tensor<128x32xf32>
}
