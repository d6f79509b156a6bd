// What no tile, and no product of a warp, can be.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{tiles hold elements of 1, 2 or 4 bytes, not 'f64'}}
func.func private @wide(!tile.buffer<4, 128, 32, f64, swizzled>)

// -----

// expected-error @+1 {{no tiles are 0 stages of 128 x 32}}
func.func private @none(!tile.buffer<0, 128, 32, f16, swizzled>)

// -----

// expected-error @+1 {{rows of 24 bytes are no chunks of 16}}
func.func private @part(!tile.buffer<4, 128, 12, f16, swizzled>)

// -----

// expected-error @+1 {{rows of 48 bytes, no power of two, cannot be swizzled}}
func.func private @odd(!tile.buffer<4, 128, 24, f16, swizzled>)

// -----

func.func @place() {
  // expected-error @+1 {{is at byte 64, which is no multiple of 128}}
  %0 = tile.buffer at 64 : !tile.buffer<4, 128, 32, f16, swizzled>
  return
}

// -----

func.func @type(%tiles: !tile.buffer<4, 128, 32, f16, swizzled>, %i: i64, %x: vector<4xf32>) {
  // expected-error @+1 {{accesses elements of 'f16' as 'vector<4xf32>'}}
  tile.store %x to %tiles[%i, %i, %i] : vector<4xf32>, !tile.buffer<4, 128, 32, f16, swizzled>
  return
}

// -----

func.func @long(%tiles: !tile.buffer<1, 128, 128, f32, padded>, %i: i64) {
  // expected-error @+1 {{accesses 8 neighbours, where a chunk has 4}}
  %0 = tile.load %tiles[%i, %i, %i] : !tile.buffer<1, 128, 128, f32, padded>, vector<8xf32>
  return
}

// -----

func.func @padded(%tiles: !tile.buffer<1, 128, 128, f16, padded>, %i: i64) {
  // expected-error @+1 {{reads sixteen rows at a time, which conflict in '!tile.buffer<1, 128, 128, f16, padded>'}}
  %0 = tile.operand rows of %tiles[%i, %i, %i] : !tile.buffer<1, 128, 128, f16, padded>
  return
}

// -----

func.func @turned(%tiles: !tile.buffer<4, 32, 128, i8, swizzled>, %i: i64) {
  // expected-error @+1 {{turns elements of 16 bits, not 'i8'}}
  %0 = tile.operand lines of %tiles[%i, %i, %i] : !tile.buffer<4, 32, 128, i8, swizzled>
  return
}

// -----

func.func @paired(%tiles: !tile.buffer<4, 32, 128, f16, swizzled>, %i: i64) {
  // expected-error @+1 {{pairs lines of f32, not of 'f16'}}
  %0 = tile.operand paired_lines of %tiles[%i, %i, %i] : !tile.buffer<4, 32, 128, f16, swizzled>
  return
}

// -----

func.func @narrow(%tiles: !tile.buffer<4, 32, 16, f32, swizzled>, %i: i64) {
  // expected-error @+1 {{is larger than a tile of '!tile.buffer<4, 32, 16, f32, swizzled>'}}
  %0 = tile.operand paired_lines of %tiles[%i, %i, %i] : !tile.buffer<4, 32, 16, f32, swizzled>
  return
}

// -----

func.func @bytes_of_sums(%sums: vector<8xf32>) {
  // expected-error @+1 {{rounds sums to s8, which is no float}}
  %0 = tile.left_of_sums s8 %sums part 0 : vector<8xf32>
  return
}

// -----

func.func @part(%sums: vector<8xf32>) {
  // expected-error @+1 {{is part 1 of 1}}
  %0 = tile.left_of_sums f16 %sums part 1 : vector<8xf32>
  return
}

// -----

func.func @small(%tiles: !tile.buffer<4, 128, 8, f16, swizzled>, %i: i64) {
  // expected-error @+1 {{is larger than a tile of '!tile.buffer<4, 128, 8, f16, swizzled>'}}
  %0 = tile.operand rows of %tiles[%i, %i, %i] : !tile.buffer<4, 128, 8, f16, swizzled>
  return
}

// -----

func.func @mixed(%a: vector<4xi32>, %sums: vector<8xf32>) {
  // expected-error @+1 {{multiplies f16 by bf16}}
  %0 = tile.mma f16 %a, bf16 %a, %sums : vector<8xf32>
  return
}

// -----

func.func @sums(%a: vector<4xi32>, %sums: vector<8xf32>) {
  // expected-error @+1 {{sums up products of s8 as 'f32'}}
  %0 = tile.mma s8 %a, s8 %a, %sums : vector<8xf32>
  return
}

// -----

func.func @results(%tiles: !tile.buffer<1, 128, 128, f32, swizzled>, %i: i64, %sums: vector<8xf32>) {
  // expected-error @+1 {{stores eight rows at a time, which conflict in '!tile.buffer<1, 128, 128, f32, swizzled>'}}
  tile.store_sums %sums to %tiles[%i, %i, %i] : vector<8xf32>, !tile.buffer<1, 128, 128, f32, swizzled>
  return
}

// -----

func.func @sparse_tf32(%a: vector<4xi32>, %places: i32, %sums: vector<8xf32>) {
  // expected-error @+1 {{leaves out half of tf32, of which one of two is left, not two of four}}
  %0 = tile.mma_sparse tf32 %a, %places part 0, tf32 %a, %a, %sums : vector<8xf32>
  return
}

// -----

func.func @float8_of_byte(%a: vector<4xi32>, %sums: vector<8xf32>) {
  // expected-error @+1 {{multiplies e4m3 by s8}}
  %0 = tile.mma e4m3 %a, s8 %a, %sums : vector<8xf32>
  return
}

// -----

func.func @sparse_part(%a: vector<4xi32>, %places: i32, %sums: vector<8xi32>) {
  // expected-error @+1 {{is part 1 of 1}}
  %0 = tile.mma_sparse s8 %a, %places part 1, s8 %a, %a, %sums : vector<8xi32>
  return
}

// -----

func.func @float8_of_sums(%sums: vector<8xf32>) {
  // expected-error @+1 {{rounds sums to e4m3, of which columns of sums are not a lane's}}
  %0 = tile.left_of_sums e4m3 %sums part 0 : vector<8xf32>
  return
}
