// What no barrier, no copy of a box, and no product of a warpgroup can be.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{no barriers are 0}}
func.func private @none(!tile.barriers<0>)

// -----

func.func @place() {
  // expected-error @+1 {{is at byte 12, which is no multiple of 8}}
  %0 = tile.barriers at 12 : !tile.barriers<4>
  return
}

// -----

func.func @registers() {
  // expected-error @+1 {{gives threads 100 registers, which are 24 to 256 by eights}}
  tile.registers increase to 100
  return
}

// -----

func.func @long(%map: !llvm.ptr, %tiles: !tile.buffer<4, 32, 128, f16, swizzled>, %full: !tile.barriers<4>, %i: i64) {
  // expected-error @+1 {{takes swizzled rows of 32 to 128 bytes, not '!tile.buffer<4, 32, 128, f16, swizzled>'}}
  tile.bring %map[%i, %i] to %tiles[%i, %i] by %full[%i] : !llvm.ptr, !tile.buffer<4, 32, 128, f16, swizzled>, !tile.barriers<4>
  return
}

// -----

func.func @map(%map: i64, %tiles: !tile.buffer<4, 32, 64, f16, swizzled>, %full: !tile.barriers<4>, %i: i64) {
  // expected-error @+1 {{reads a tensor by a map at 'i64', no pointer}}
  tile.bring %map[%i, %i] to %tiles[%i, %i] by %full[%i] : i64, !tile.buffer<4, 32, 64, f16, swizzled>, !tile.barriers<4>
  return
}

// -----

func.func @filter(%map: !llvm.ptr, %tiles: !tile.buffer<4, 32, 64, f16, swizzled>, %full: !tile.barriers<4>, %i: i64) {
  // expected-error @+1 {{has a filter of 2 dimensions on a tensor of 3}}
  tile.bring %map[%i, %i, %i] tap[%i, %i] to %tiles[%i, %i] by %full[%i] : !llvm.ptr, !tile.buffer<4, 32, 64, f16, swizzled>, !tile.barriers<4>
  return
}

// -----

func.func @sums(%tiles: !tile.buffer<4, 64, 64, f16, swizzled>, %i: i64, %later: i1, %sums: vector<8xi32>) {
  // expected-error @+1 {{sums up products of f16 as 'i32'}}
  %0 = tile.multiply f16 %tiles[%i, %i, %i], f16 %tiles[%i, %i, %i], %later, %sums
      : !tile.buffer<4, 64, 64, f16, swizzled>, !tile.buffer<4, 64, 64, f16, swizzled>, vector<8xi32> -> vector<8xi32>
  return
}

// -----

func.func @panel(%left: !tile.buffer<4, 64, 32, f32, swizzled>, %i: i64, %later: i1, %sums: vector<8xf32>) {
  // expected-error @+1 {{turns elements of 16 bits in rows of 128 bytes, not '!tile.buffer<4, 64, 32, f32, swizzled>'}}
  %0 = tile.multiply tf32 %left[%i, %i, %i], tf32 %left[%i, %i, %i] panel 32, %later, %sums
      : !tile.buffer<4, 64, 32, f32, swizzled>, !tile.buffer<4, 64, 32, f32, swizzled>, vector<8xf32> -> vector<8xf32>
  return
}

// -----

func.func @early(%sums: vector<8xf32>) {
  // expected-error @+1 {{gives sums while products are under way}}
  %0 = tile.wait_products 1 of %sums : vector<8xf32> -> vector<8xf32>
  return
}

// -----

func.func @sparse_tf32(%left: !tile.buffer<4, 64, 32, f32, swizzled>, %i: i64, %words: i32, %later: i1, %sums: vector<8xf32>) {
  // expected-error @+1 {{leaves out half of tf32, of which one of two is left, not two of four}}
  %0 = tile.multiply tf32 %left[%i, %i, %i] places %words part 0, tf32 %left[%i, %i, %i], %later, %sums
      : !tile.buffer<4, 64, 32, f32, swizzled>, !tile.buffer<4, 64, 32, f32, swizzled>, vector<8xf32> -> vector<8xf32>
  return
}

// -----

func.func @sparse_part(%bytes: !tile.buffer<4, 64, 64, i8, swizzled>, %i: i64, %words: i32, %later: i1, %sums: vector<8xi32>) {
  // expected-error @+1 {{is part 1 of 1}}
  %0 = tile.multiply s8 %bytes[%i, %i, %i] places %words part 1, s8 %bytes[%i, %i, %i], %later, %sums
      : !tile.buffer<4, 64, 64, i8, swizzled>, !tile.buffer<4, 64, 64, i8, swizzled>, vector<8xi32> -> vector<8xi32>
  return
}
