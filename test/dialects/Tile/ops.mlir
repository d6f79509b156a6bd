// Tiles of a block: what is printed parses, and is what was read.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: llvm.func @step(
llvm.func @step(%source: !llvm.ptr, %valid: i1, %stage: i64, %row: i64, %column: i64, %zero: vector<8xf32>, %chunk: vector<8xf16>) {
  // CHECK: %[[LEFT:.*]] = tile.buffer at 0 : <4, 128, 32, f16, swizzled>
  %left = tile.buffer at 0 : !tile.buffer<4, 128, 32, f16, swizzled>
  // CHECK: %[[RIGHT:.*]] = tile.buffer at 32768 : <4, 32, 128, f16, swizzled>
  %right = tile.buffer at 32768 : !tile.buffer<4, 32, 128, f16, swizzled>
  // CHECK: tile.copy %{{.*}}, %{{.*}} to %[[LEFT]][%{{.*}}, %{{.*}}, %{{.*}}] : !llvm.ptr, <4, 128, 32, f16, swizzled>
  tile.copy %source, %valid to %left[%stage, %row, %column] : !llvm.ptr, !tile.buffer<4, 128, 32, f16, swizzled>
  // CHECK: tile.store %{{.*}} to %[[RIGHT]][%{{.*}}, %{{.*}}, %{{.*}}] : vector<8xf16>, <4, 32, 128, f16, swizzled>
  tile.store %chunk to %right[%stage, %row, %column] : vector<8xf16>, !tile.buffer<4, 32, 128, f16, swizzled>
  // CHECK: tile.commit
  tile.commit
  // CHECK: tile.wait 2
  tile.wait 2
  // CHECK: %[[A:.*]] = tile.operand rows of %[[LEFT]]
  %a = tile.operand rows of %left[%stage, %row, %column] : !tile.buffer<4, 128, 32, f16, swizzled>
  // CHECK: %[[B:.*]] = tile.operand lines of %[[RIGHT]]
  %b = tile.operand lines of %right[%stage, %row, %column] : !tile.buffer<4, 32, 128, f16, swizzled>
  // CHECK: %[[SUMS:.*]] = tile.mma f16 %[[A]], f16 %[[B]], %{{.*}} : vector<8xf32>
  %sums = tile.mma f16 %a, f16 %b, %zero : vector<8xf32>
  // CHECK: %[[TILE:.*]] = tile.buffer at 0 : <1, 128, 128, f32, padded>
  %tile = tile.buffer at 0 : !tile.buffer<1, 128, 128, f32, padded>
  // CHECK: tile.store_sums %[[SUMS]] to %[[TILE]][%{{.*}}, %{{.*}}, %{{.*}}] : vector<8xf32>, <1, 128, 128, f32, padded>
  tile.store_sums %sums to %tile[%stage, %row, %column] : vector<8xf32>, !tile.buffer<1, 128, 128, f32, padded>
  // CHECK: tile.load %[[TILE]][%{{.*}}, %{{.*}}, %{{.*}}] : <1, 128, 128, f32, padded>, vector<4xf32>
  %four = tile.load %tile[%stage, %row, %column] : !tile.buffer<1, 128, 128, f32, padded>, vector<4xf32>
  llvm.return
}

// Sums that are multiplied again.
// CHECK-LABEL: llvm.func @chain(
llvm.func @chain(%powers: vector<8xf32>, %sums: vector<8xf32>, %stage: i64, %row: i64, %column: i64) -> vector<8xf32> {
  %values = tile.buffer at 0 : !tile.buffer<2, 64, 32, f32, swizzled>
  // CHECK: tile.place
  %r, %c = tile.place
  // CHECK: %[[A:.*]] = tile.left_of_sums tf32 %{{.*}} part 1 : vector<8xf32>
  %a = tile.left_of_sums tf32 %powers part 1 : vector<8xf32>
  // CHECK: %[[B:.*]] = tile.operand paired_lines of %{{.*}}
  %b = tile.operand paired_lines of %values[%stage, %row, %column] : !tile.buffer<2, 64, 32, f32, swizzled>
  // CHECK: tile.mma tf32 %[[A]], tf32 %[[B]], %{{.*}} : vector<8xf32>
  %next = tile.mma tf32 %a, tf32 %b, %sums : vector<8xf32>
  llvm.return %next : vector<8xf32>
}

// Bytes may differ in their sign.
// CHECK-LABEL: llvm.func @bytes(
llvm.func @bytes(%a: vector<4xi32>, %b: vector<4xi32>, %sums: vector<8xi32>) -> vector<8xi32> {
  // CHECK: tile.mma u8 %{{.*}}, s8 %{{.*}}, %{{.*}} : vector<8xi32>
  %next = tile.mma u8 %a, s8 %b, %sums : vector<8xi32>
  llvm.return %next : vector<8xi32>
}

// Two of four numbers of the left operand are left, and words tell where they were.
// CHECK-LABEL: llvm.func @sparse(
llvm.func @sparse(%a: vector<4xi32>, %places: i32, %b: vector<4xi32>, %c: vector<4xi32>, %sums: vector<8xi32>) -> vector<8xi32> {
  // CHECK: tile.mma_sparse s8 %{{.*}}, %{{.*}} part 0, u8 %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi32>
  %next = tile.mma_sparse s8 %a, %places part 0, u8 %b, %c, %sums : vector<8xi32>
  llvm.return %next : vector<8xi32>
}

// So may floats of 8 bits in their kind.
// CHECK-LABEL: llvm.func @floats_of_8_bits(
llvm.func @floats_of_8_bits(%a: vector<4xi32>, %b: vector<4xi32>, %sums: vector<8xf32>) -> vector<8xf32> {
  // CHECK: tile.mma e4m3 %{{.*}}, e5m2 %{{.*}}, %{{.*}} : vector<8xf32>
  %next = tile.mma e4m3 %a, e5m2 %b, %sums : vector<8xf32>
  llvm.return %next : vector<8xf32>
}
