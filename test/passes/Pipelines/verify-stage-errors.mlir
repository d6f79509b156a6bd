// RUN: split-file %s %t
// RUN: tenon-opt %t/graph.mlir --tenon-verify-stage=stage=graph --verify-diagnostics --split-input-file
// RUN: tenon-opt %t/import.mlir --tenon-verify-stage=stage=import --verify-diagnostics
// RUN: tenon-opt %t/target.mlir --tenon-assign-target=target=x86-64-v3 --tenon-verify-stage=stage=target --verify-diagnostics --split-input-file
// RUN: not tenon-opt %t/stage.mlir --tenon-verify-stage=stage=target 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: tenon-opt %t/kernels.mlir --tenon-assign-target=target=sapphirerapids --tenon-verify-stage=stage=kernels --verify-diagnostics --split-input-file
// RUN: tenon-opt %t/instructions.mlir --tenon-assign-target=target=x86-64-v3 --tenon-verify-stage=stage=kernels --verify-diagnostics
// RUN: tenon-opt %t/program.mlir --tenon-assign-target=target=x86-64-v3 --tenon-verify-stage=stage=program --verify-diagnostics --split-input-file
// RUN: tenon-opt %t/code.mlir --tenon-verify-stage=stage=code --verify-diagnostics --split-input-file
// RUN: tenon-opt %t/llvm.mlir --tenon-verify-stage=stage=llvm --verify-diagnostics --split-input-file
// RUN: not tenon-opt %t/stage.mlir --tenon-verify-stage=stage=graphs 2>&1 | FileCheck %s --check-prefix=STAGE
// STAGE: unknown stage 'graphs'
// TARGET: the module has no 'tenon.target'

//--- stage.mlir
module {}

//--- graph.mlir
func.func @symbols(%x: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) attributes {tenon.symbols = ["n"]} {
  // expected-error @+1 {{uses symbol 1 of a function with 1 symbols}}
  %0 = tenon.relu %x : (tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>
  return
}

// -----

// expected-error @+1 {{is not part of a graph}}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// Everything that is wrong is reported.
func.func @several(%x: tensor<4xf32>) {
  // expected-error @+1 {{is not part of a graph: no kernels exist yet}}
  tenon.release %x : tensor<4xf32>
  // expected-error @+1 {{is not part of a graph: no kernels exist yet}}
  tenon.release %x : tensor<4xf32>
  return
}

// -----

func.func @no_dimensions(%x: tensor<4xf32>) {
  // expected-error @+1 {{has a result with unknown dimensions: 'tensor<?xf32>'}}
  %0 = builtin.unrealized_conversion_cast %x : tensor<4xf32> to tensor<?xf32>
  return
}

// -----

// Strings are values of a graph as long as no target has to compute them.
func.func @strings(%x: tensor<2x!tenon.string>) -> tensor<2x1x!tenon.string> {
  %0 = tenon.reshape %x : (tensor<2x!tenon.string>) -> tensor<2x1x!tenon.string>
  return %0 : tensor<2x1x!tenon.string>
}

// -----

// A state is its output's type, with dimensions that are equal as expressions.
#n = affine_map<()[s0] -> (s0, 4)>
#m = affine_map<()[s0, s1] -> (s1, 4)>
func.func @states(%a: tensor<?x4xf32, #n> {tenon.name = "a", tenon.state = 1 : i64}, %b: tensor<?x4xf32, #m>) -> (tensor<?x4xf32, #m>, tensor<?x4xf32, #n>) attributes {tenon.symbols = ["n", "m"]} {
  return %b, %a : tensor<?x4xf32, #m>, tensor<?x4xf32, #n>
}
// expected-error @+1 {{input 'a' is a state of type f32 [n,4], but its output 'y' is f32 [m,4]}}
func.func @other_size(%a: tensor<?x4xf32, #n> {tenon.name = "a", tenon.state = 0 : i64}, %b: tensor<?x4xf32, #m>) -> (tensor<?x4xf32, #m> {tenon.name = "y"}) attributes {tenon.symbols = ["n", "m"]} {
  return %b : tensor<?x4xf32, #m>
}
// expected-error @+1 {{input 0 is a state of type f32 [4], but its output 0 is f16 [4]}}
func.func @other_type(%a: tensor<4xf32> {tenon.state = 0 : i64}, %b: tensor<4xf16>) -> tensor<4xf16> {
  return %b : tensor<4xf16>
}
// expected-error @+1 {{output 0 is that of two states: inputs 0 and 1}}
func.func @two_states(%a: tensor<4xf32> {tenon.state = 0 : i64}, %b: tensor<4xf32> {tenon.state = 0 : i64}) -> tensor<4xf32> {
  return %b : tensor<4xf32>
}
// expected-error @+1 {{input 0 is a state whose output is 1, of a function with 1}}
func.func @no_output(%a: tensor<4xf32> {tenon.state = 1 : i64}) -> tensor<4xf32> {
  return %a : tensor<4xf32>
}
// expected-error @+1 {{input 0 has 'tenon.state' "y", which is no number of an output}}
func.func @no_number(%a: tensor<4xf32> {tenon.state = "y"}) -> tensor<4xf32> {
  return %a : tensor<4xf32>
}

//--- import.mlir
// Sizes may still turn out to be equal after import, but not types or ranks.
#n = affine_map<()[s0] -> (s0)>
#m = affine_map<()[s0, s1] -> (s1)>
func.func @later(%a: tensor<?xf32, #n> {tenon.state = 0 : i64}, %b: tensor<?xf32, #m>) -> tensor<?xf32, #m> attributes {tenon.symbols = ["n", "m"]} {
  return %b : tensor<?xf32, #m>
}
// expected-error @+1 {{input 0 is a state of type f32 [4], but its output 0 is f32 [4,1]}}
func.func @other_rank(%a: tensor<4xf32> {tenon.state = 0 : i64}, %b: tensor<4x1xf32>) -> tensor<4x1xf32> {
  return %b : tensor<4x1xf32>
}

//--- target.mlir
// expected-error @+1 {{holds elements for which cpu:x86-64-v3 has no code: 'tensor<2x!tenon.string>'}}
func.func @strings(%x: tensor<2x!tenon.string>) -> tensor<2x1x!tenon.string> {
  // expected-error @+1 {{holds elements for which cpu:x86-64-v3 has no code: 'tensor<2x1x!tenon.string>'}}
  %0 = tenon.reshape %x : (tensor<2x!tenon.string>) -> tensor<2x1x!tenon.string>
  return %0 : tensor<2x1x!tenon.string>
}

// -----

func.func @wide(%x: tensor<2xf128>) {
  // expected-error @-1 {{holds elements for which cpu:x86-64-v3 has no code: 'tensor<2xf128>'}}
  return
}

// -----

// What holds for graphs holds here, too.
func.func @release(%x: tensor<4xf32>) {
  // expected-error @+1 {{is not part of a graph: no kernels exist yet}}
  tenon.release %x : tensor<4xf32>
  return
}

//--- kernels.mlir
func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{is in no kernel}}
  %0 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{has no schedule for its strategy, attention}}
tenon.kernel @k(%x: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> attributes {strategy = "attention"} {
  %0 = tenon.attention %x, %x, %x {scale = 1.0} : (tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  tenon.yield %0 : tensor<2x4x4xf32>
}

// -----

// expected-error @+1 {{has no schedule for its strategy, contraction}}
tenon.kernel @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  tenon.yield %0 : tensor<4x4xf32>
}

// -----

// expected-error @+1 {{has two roots: tenon.matmul and tenon.matmul}}
tenon.kernel @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.matmul %0, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  tenon.yield %1 : tensor<4x4xf32>
}

// -----

tenon.kernel @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  // expected-error @+1 {{is still to be decomposed}}
  %0 = tenon.softmax %x {axis = 1} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  tenon.yield %0 : tensor<4x4xf32>
}

// -----

// A kernel's own fault does not hide the next one's.
// expected-error @+1 {{has no schedule for its strategy, attention}}
tenon.kernel @first(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "attention"} {
  tenon.yield %x : tensor<4xf32>
}
// expected-error @+1 {{has no schedule for its strategy, rows}}
tenon.kernel @second(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.depthwise_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// The schedule says how wide panels are that the kernel reads; the op, how wide they are.
tenon.kernel @k(%x: tensor<4x4xf32>, %w: tensor<1x1x4x16xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, packed = true>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16>} : (tensor<1x1x4x16xf32>) -> tensor<4x6xf32>
  // expected-error @+1 {{has weights laid out as #cpu.panels<width = 16>, but the schedule of @k reads #cpu.panels<width = 8>}}
  %0 = tenon.matmul %x, %p : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  tenon.yield %0 : tensor<4x6xf32>
}

// -----

// An instruction that the operands do not suit.
tenon.kernel @k(%x: tensor<4x4xi8>, %w: tensor<1x1x1x16x4xi8>) -> tensor<4x6xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, packed = true, mma = <vpdpbusd>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16, interleave = 4>} : (tensor<1x1x1x16x4xi8>) -> tensor<4x6xi8>
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<vpdpbusd>, which does not multiply 'i8' by 'i8'}}
  %0 = tenon.matmul %x, %p : (tensor<4x4xi8>, tensor<4x6xi8>) -> tensor<4x6xi32>
  tenon.yield %0 : tensor<4x6xi32>
}

// -----

// One that reads interleaved channels, of weights that nobody packs.
tenon.kernel @k(%x: tensor<4x4xui8>, %w: tensor<4x6xi8>) -> tensor<4x6xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, mma = <vpdpbusd>>} {
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<vpdpbusd>, which reads packed weights only}}
  %0 = tenon.matmul %x, %w : (tensor<4x4xui8>, tensor<4x6xi8>) -> tensor<4x6xi32>
  tenon.yield %0 : tensor<4x6xi32>
}

// -----

// Weights that are no codes have one form for all rows.
tenon.kernel @k(%x: tensor<4x4xf32>, %w: tensor<4x6xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, pack_weights = true, few_rows = 4, row_vectors = 1>} {
  // expected-error @+1 {{has a schedule in @k with few_rows that does not decode weights for more rows}}
  %0 = tenon.matmul %x, %w : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  tenon.yield %0 : tensor<4x6xf32>
}

// -----

// Packed input has whole groups of channels.
tenon.kernel @k(%x: tensor<4x6xui8>, %w: tensor<6x6xi8>) -> tensor<4x6xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, pack_input = true, pack_weights = true, mma = <vpdpbusd>>} {
  // expected-error @+1 {{has a schedule in @k that packs input, but not whole groups of 4 channels}}
  %0 = tenon.matmul %x, %w : (tensor<4x6xui8>, tensor<6x6xi8>) -> tensor<4x6xi32>
  tenon.yield %0 : tensor<4x6xi32>
}

// -----

// Zeros of weights that a run computes are not known.
tenon.kernel @k(%x: tensor<32x32xf32>, %w: tensor<32x16xf32>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, skip = <zeros = blocks, kept = 4>>} {
  // expected-error @+1 {{has a schedule in @k that skips zeros of weights that are not packed}}
  %0 = tenon.matmul %x, %w : (tensor<32x32xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// Single weights are multiplied by vectors of packed positions.
tenon.kernel @k(%x: tensor<32x32xf32>, %w: tensor<256xui8>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, block_tiles = 1, packed = true, skip = <zeros = columns, kept = 20, depth = 32>>} {
  %p = tenon.unpack %w {layout = #cpu.sparse_panels<panels = <width = 16>, skip = <zeros = columns, kept = 20, depth = 32>>} : (tensor<256xui8>) -> tensor<32x16xf32>
  // expected-error @+1 {{has a schedule in @k that skips zeros of columns, but does not pack input of one tap, one line and tile at a time}}
  %0 = tenon.matmul %x, %p : (tensor<32x32xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// Tiles are of bf16 for both operands.
tenon.kernel @k(%x: tensor<32x32xf32>, %w: tensor<1x1x16x16x2xbf16>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, packed = true, mma = <tdpbf16ps>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16, interleave = 2, depth = 16>} : (tensor<1x1x16x16x2xbf16>) -> tensor<32x16xbf16>
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<tdpbf16ps>, which does not multiply 'f32' by 'bf16'}}
  %0 = tenon.matmul %x, %p : (tensor<32x32xf32>, tensor<32x16xbf16>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// Sums of products of parts are for callers who ask for them.
tenon.kernel @k(%x: tensor<32x32xf32>, %w: tensor<1x1x32x16x2xbf16>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, packed = true, pack_input = true, mma = <tdpbf16ps, products = 3>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16, interleave = 2, depth = 16, parts = 2>} : (tensor<1x1x32x16x2xbf16>) -> tensor<32x16xf32>
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<tdpbf16ps, products = 3>, which the op does not allow}}
  %0 = tenon.matmul %x, %p : (tensor<32x32xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// Parts of the input are made where it is packed.
tenon.kernel @k(%x: tensor<32x32xf32>, %w: tensor<1x1x32x16x2xbf16>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, packed = true, mma = <tdpbf16ps, products = 3>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16, interleave = 2, depth = 16, parts = 2>} : (tensor<1x1x32x16x2xbf16>) -> tensor<32x16xf32>
  // expected-error @+1 {{has a schedule in @k that does not pack input of which tiles are not whole}}
  %0 = tenon.matmul %x, %p {tenon.bfloat_products = 3 : i64} : (tensor<32x32xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// Weights that a run computes lie otherwise.
tenon.kernel @k(%x: tensor<32x32xbf16>, %w: tensor<32x16xbf16>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, pack_weights = true, mma = <tdpbf16ps>>} {
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<tdpbf16ps>, which reads weights that are packed at compile time}}
  %0 = tenon.matmul %x, %w : (tensor<32x32xbf16>, tensor<32x16xbf16>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// Six tiles of sums.
tenon.kernel @k(%x: tensor<32x32xbf16>, %w: tensor<1x1x16x48x2xbf16>) -> tensor<32x48xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, tile_vectors = 3, packed = true, mma = <tdpbf16ps>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 48, interleave = 2, depth = 16>} : (tensor<1x1x16x48x2xbf16>) -> tensor<32x48xbf16>
  // expected-error @+1 {{has a schedule in @k whose tiles do not fit tile registers}}
  %0 = tenon.matmul %x, %p : (tensor<32x32xbf16>, tensor<32x48xbf16>) -> tensor<32x48xf32>
  tenon.yield %0 : tensor<32x48xf32>
}

// -----

// 31 channels do not fill a tile.
tenon.kernel @k(%x: tensor<32x31xbf16>, %w: tensor<1x1x16x16x2xbf16>) -> tensor<32x16xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, packed = true, mma = <tdpbf16ps>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16, interleave = 2, depth = 16>} : (tensor<1x1x16x16x2xbf16>) -> tensor<31x16xbf16>
  // expected-error @+1 {{has a schedule in @k that does not pack input of which tiles are not whole}}
  %0 = tenon.matmul %x, %p : (tensor<32x31xbf16>, tensor<31x16xbf16>) -> tensor<32x16xf32>
  tenon.yield %0 : tensor<32x16xf32>
}

// -----

// A matrix product has no taps.
tenon.kernel @k(%x: tensor<4x4xui8>, %w: tensor<4x6xi8>) -> tensor<4x6xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, pack_weights = true, mma = <vpdpbusd>, merge_taps = true>} {
  // expected-error @+1 {{has a schedule in @k with merge_taps, but there is nothing to merge}}
  %0 = tenon.matmul %x, %w : (tensor<4x4xui8>, tensor<4x6xi8>) -> tensor<4x6xi32>
  tenon.yield %0 : tensor<4x6xi32>
}

// -----

// Tile registers read what was packed for them.
tenon.kernel @k(%x: tensor<32x64xui8>, %w: tensor<64x32xi8>) -> tensor<32x32xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, tile_vectors = 2, pack_weights = true, mma = <tdpb>>} {
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<tdpb>, which reads weights that are packed at compile time}}
  %0 = tenon.matmul %x, %w : (tensor<32x64xui8>, tensor<64x32xi8>) -> tensor<32x32xi32>
  tenon.yield %0 : tensor<32x32xi32>
}

// -----

// There are four for sums.
tenon.kernel @k(%x: tensor<32x64xui8>, %w: tensor<1x1x16x48x4xi8>) -> tensor<32x48xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, tile_vectors = 3, packed = true, mma = <tdpb>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 48, interleave = 4, depth = 16>} : (tensor<1x1x16x48x4xi8>) -> tensor<64x48xi8>
  // expected-error @+1 {{has a schedule in @k whose tiles do not fit tile registers}}
  %0 = tenon.matmul %x, %p : (tensor<32x64xui8>, tensor<64x48xi8>) -> tensor<32x48xi32>
  tenon.yield %0 : tensor<32x48xi32>
}

// -----

// 70 channels are more than one tile and less than two.
tenon.kernel @k(%x: tensor<32x70xui8>, %w: tensor<1x1x32x32x4xi8>) -> tensor<32x32xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = 32, tile_vectors = 2, packed = true, mma = <tdpb>>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 32, interleave = 4, depth = 16>} : (tensor<1x1x32x32x4xi8>) -> tensor<70x32xi8>
  // expected-error @+1 {{has a schedule in @k that does not pack input of which tiles are not whole}}
  %0 = tenon.matmul %x, %p : (tensor<32x70xui8>, tensor<70x32xi8>) -> tensor<32x32xi32>
  tenon.yield %0 : tensor<32x32xi32>
}

// -----

// Transformed filters of bytes are numbers of 16 bits, in pairs.
tenon.kernel @k(%x: tensor<1x9x9x16xui8>, %w: tensor<1x1x4x4x16x16xi16>) -> tensor<1x7x7x16xi32> attributes {strategy = "winograd", schedule = #cpu.winograd_schedule<lanes = 8, tile_vectors = 2>} {
  %p = tenon.unpack %w {layout = #cpu.winograd_filters<output_tile = 2, width = 16>} : (tensor<1x1x4x4x16x16xi16>) -> tensor<3x3x16x16xi8>
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<fma> and tiles of 2 outputs, which filters of these types are not for}}
  %0 = tenon.conv %x, %p {groups = 1, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x9x9x16xui8>, tensor<3x3x16x16xi8>) -> tensor<1x7x7x16xi32>
  tenon.yield %0 : tensor<1x7x7x16xi32>
}

// -----

// The same width, as 16 lanes.
tenon.kernel @k(%x: tensor<4x4xf32>, %w: tensor<1x1x4x16xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, packed = true>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16>} : (tensor<1x1x4x16xf32>) -> tensor<4x6xf32>
  %0 = tenon.matmul %x, %p : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  tenon.yield %0 : tensor<4x6xf32>
}

// -----

// Packed for a schedule that does not know of it.
tenon.kernel @k(%x: tensor<4x4xf32>, %w: tensor<1x1x4x16xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16>} {
  %p = tenon.unpack %w {layout = #cpu.panels<width = 16>} : (tensor<1x1x4x16xf32>) -> tensor<4x6xf32>
  // expected-error @+1 {{has weights laid out as #cpu.panels<width = 16>, but the schedule of @k reads them as they are}}
  %0 = tenon.matmul %x, %p : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  tenon.yield %0 : tensor<4x6xf32>
}

// -----

// Codes are laid out as the schedule reads them, and so are their parameters.
tenon.kernel @k(%x: tensor<1x16xf32>, %q: tensor<1x2x8x4xui8>, %s: tensor<1x8xf32>) -> tensor<1x8xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, packed = true, pack_input = true>, scratch = affine_map<() -> (448)>} {
  %c = tenon.unpack %q {layout = #cpu.code_panels<width = 8>} : (tensor<1x2x8x4xui8>) -> tensor<16x8xui4>
  %w = tenon.dequantize_blocks %c, %s {axis = 0, block_size = 16} : (tensor<16x8xui4>, tensor<1x8xf32>) -> tensor<16x8xf32>
  // expected-error @+1 {{has weights as they are, but the schedule of @k reads #cpu.panels<width = 8>}}
  %y = tenon.matmul %x, %w : (tensor<1x16xf32>, tensor<16x8xf32>) -> tensor<1x8xf32>
  tenon.yield %y : tensor<1x8xf32>
}

// -----

tenon.kernel @k(%x: tensor<1x16xf32>, %q: tensor<16x8xui4>, %s: tensor<1x8xf32>) -> tensor<1x8xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8>} {
  %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 16} : (tensor<16x8xui4>, tensor<1x8xf32>) -> tensor<16x8xf32>
  // expected-error @+1 {{has a schedule in @k that reads weights as they are, but there are codes of them}}
  %y = tenon.matmul %x, %w : (tensor<1x16xf32>, tensor<16x8xf32>) -> tensor<1x8xf32>
  tenon.yield %y : tensor<1x8xf32>
}

// -----

tenon.kernel @k(%x: tensor<1x16xf32>, %q: tensor<1x2x8x4xui8>, %s: tensor<1x1x1x8xf32>) -> tensor<1x8xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, packed = true>} {
  %c = tenon.unpack %q {layout = #cpu.code_panels<width = 8>} : (tensor<1x2x8x4xui8>) -> tensor<16x8xui4>
  %p = tenon.unpack %s {layout = #cpu.panels<width = 8>} : (tensor<1x1x1x8xf32>) -> tensor<1x8xf32>
  %w = tenon.dequantize_blocks %c, %p {axis = 0, block_size = 16} : (tensor<16x8xui4>, tensor<1x8xf32>) -> tensor<16x8xf32>
  // expected-error @+1 {{has a schedule in @k that neither decodes weights nor packs input for codes}}
  %y = tenon.matmul %x, %w : (tensor<1x16xf32>, tensor<16x8xf32>) -> tensor<1x8xf32>
  tenon.yield %y : tensor<1x8xf32>
}

// -----

tenon.kernel @k(%x: tensor<8x16xf32>, %q: tensor<1x2x8x4xui8>, %s: tensor<1x1x1x8xf32>) -> tensor<8x8xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, packed = true, pack_input = true, pack_weights = true, mma = <vpmaddwd>>} {
  %c = tenon.unpack %q {layout = #cpu.code_panels<width = 8>} : (tensor<1x2x8x4xui8>) -> tensor<16x8xui4>
  %p = tenon.unpack %s {layout = #cpu.panels<width = 8>} : (tensor<1x1x1x8xf32>) -> tensor<1x8xf32>
  %w = tenon.dequantize_blocks %c, %p {axis = 0, block_size = 16} : (tensor<16x8xui4>, tensor<1x8xf32>) -> tensor<16x8xf32>
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<vpmaddwd>, which does not multiply an input that is rounded to bytes}}
  %y = tenon.matmul %x, %w {mayRoundInput} : (tensor<8x16xf32>, tensor<16x8xf32>) -> tensor<8x8xf32>
  tenon.yield %y : tensor<8x8xf32>
}

// -----

// A schedule that wants them packed.
tenon.kernel @k(%x: tensor<4x4xf32>, %w: tensor<4x6xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 16, packed = true>} {
  // expected-error @+1 {{has weights as they are, but the schedule of @k reads #cpu.panels<width = 16>}}
  %0 = tenon.matmul %x, %w : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  tenon.yield %0 : tensor<4x6xf32>
}

// -----

tenon.kernel @k(%x: tensor<1x6x6x4xf32>, %w: tensor<1x1x4x4x4x8xf32>) -> tensor<1x4x4x8xf32> attributes {strategy = "winograd", schedule = #cpu.winograd_schedule<lanes = 8, output_tile = 4>} {
  %p = tenon.unpack %w {layout = #cpu.winograd_filters<output_tile = 2, width = 8>} : (tensor<1x1x4x4x4x8xf32>) -> tensor<3x3x4x8xf32>
  // expected-error @+1 {{has weights laid out as #cpu.winograd_filters<output_tile = 2, width = 8>, but the schedule of @k reads #cpu.winograd_filters<output_tile = 4, width = 8>}}
  %0 = tenon.conv %x, %p {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1} : (tensor<1x6x6x4xf32>, tensor<3x3x4x8xf32>) -> tensor<1x4x4x8xf32>
  tenon.yield %0 : tensor<1x4x4x8xf32>
}

// -----

// A depthwise convolution has a channel per group.
tenon.kernel @k(%x: tensor<1x6x6x8xf32>, %w: tensor<3x3x8x8xf32>) -> tensor<1x4x4x8xf32> attributes {strategy = "depthwise", schedule = #cpu.depthwise_schedule<lanes = 8>} {
  // expected-error @+1 {{is nothing that the strategy of @k computes: depthwise}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x8xf32>, tensor<3x3x8x8xf32>) -> tensor<1x4x4x8xf32>
  tenon.yield %0 : tensor<1x4x4x8xf32>
}

// -----

// Its schedule names an instruction for its types.
tenon.kernel @k(%x: tensor<1x6x6x8xi8>, %w: tensor<3x3x1x8xi8>) -> tensor<1x4x4x8xi32> attributes {strategy = "depthwise", schedule = #cpu.depthwise_schedule<lanes = 8, mma = <vpdpbusd>>} {
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<vpdpbusd>, which multiplies no 'i8' by 'i8' of single channels}}
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 8} : (tensor<1x6x6x8xi8>, tensor<3x3x1x8xi8>) -> tensor<1x4x4x8xi32>
  tenon.yield %0 : tensor<1x4x4x8xi32>
}

// -----

// Minimal filtering has no strides.
tenon.kernel @k(%x: tensor<1x9x9x4xf32>, %w: tensor<3x3x4x8xf32>) -> tensor<1x4x4x8xf32> attributes {strategy = "winograd", schedule = #cpu.winograd_schedule<lanes = 8>} {
  // expected-error @+1 {{is nothing that the strategy of @k computes: winograd}}
  %0 = tenon.conv %x, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>} : (tensor<1x9x9x4xf32>, tensor<3x3x4x8xf32>) -> tensor<1x4x4x8xf32>
  tenon.yield %0 : tensor<1x4x4x8xf32>
}

// -----

// A function of the library says itself how it computes.
// expected-error @+1 {{has no schedule for its strategy, library}}
tenon.kernel @k(%x: tensor<6x40xf32>) -> tensor<6x40xf32> attributes {strategy = "library", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<6x40xf32>
}

// -----

// A task's memory is what its kernel's root and schedule need.
// expected-error @+1 {{has no scratch memory, but needs affine_map<() -> (512)>}}
tenon.kernel @none(%x: tensor<4x4xf32>, %w: tensor<4x6xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, pack_weights = true>} {
  %0 = tenon.matmul %x, %w : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  tenon.yield %0 : tensor<4x6xf32>
}
// expected-error @+1 {{has affine_map<() -> (64)> bytes of scratch memory, but needs none}}
tenon.kernel @some(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>, scratch = affine_map<() -> (64)>} {
  tenon.yield %x : tensor<4xf32>
}

//--- instructions.mlir
// An instruction of another processor.
tenon.kernel @k(%x: tensor<4x4xui8>, %w: tensor<4x6xi8>) -> tensor<4x6xi32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, pack_weights = true, mma = <vpdpbusd>>} {
  // expected-error @+1 {{has a schedule in @k with #cpu.mma<vpdpbusd>, which cpu:x86-64-v3 does not have}}
  %0 = tenon.matmul %x, %w : (tensor<4x4xui8>, tensor<4x6xi8>) -> tensor<4x6xi32>
  tenon.yield %0 : tensor<4x6xi32>
}

//--- program.mlir
func.func @unplaced(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{needs one place for each of its 1 results}}
  %0 = tenon.launch @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// Kernels read the memory that they write.
func.func @sides(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{does not lead to memory of the host}}
  %0 = tenon.transfer %x to host {placement = [#tenon.arena<0>]} : tensor<4xf32>
  %1 = tenon.transfer %x to host {placement = [#tenon.host]} : tensor<4xf32>
  // expected-error @+1 {{reads a value of type 'tensor<4xf32>' that is in memory of the host, where its results are not}}
  %2 = tenon.launch @k(%1) {placement = [#tenon.output<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @+1 {{reads a value of type 'tensor<4xf32>' that is not in memory of the host, where its results are}}
  %3 = tenon.launch @k(%x) {placement = [#tenon.host]} : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{has a result of 64 bytes at 64, with an arena of 64 bytes in units of 64}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.arena<64>]} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// The result begins in the arena, but does not end there.
func.func @too_large(%x: tensor<32xf32>) -> tensor<32xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{has a result of 128 bytes at 0, with an arena of 64 bytes in units of 64}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.arena<0>]} : (tensor<32xf32>) -> tensor<32xf32>
  return %0 : tensor<32xf32>
}
tenon.kernel @k(%x: tensor<32xf32>) -> tensor<32xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<32xf32>
}

// -----

func.func @misaligned(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 128} {
  // expected-error @+1 {{has a result of 64 bytes at 16, with an arena of 128 bytes in units of 64}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.arena<16>]} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// Both are in use when the third launch reads them.
func.func @overlap(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 64} {
  // expected-note @+1 {{the other one is at 0 to 64}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.arena<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @+1 {{has a result at 0 to 64 while another is in use there}}
  %1 = tenon.launch @k(%x) {placement = [#tenon.arena<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.launch @add(%0, %1) {placement = [#tenon.output<0>]} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}
tenon.kernel @add(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  %0 = tenon.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  tenon.yield %0 : tensor<4xf32>
}

// -----

// All launches are looked at.
func.func @outputs(%x: tensor<4xf32>) -> tensor<8xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{has a result at output 1 of a function with 1}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.output<1>]} : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @+1 {{has a result of 'tensor<4xf32>' at output 0, which is 'tensor<8xf32>'}}
  %1 = tenon.launch @k(%x) {placement = [#tenon.output<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = tenon.constant dense<0.0> : tensor<8xf32>
  return %2 : tensor<8xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

func.func @dynamic(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) attributes {tenon.arena_bytes = 64, tenon.symbols = ["n"]} {
  // expected-error @+1 {{has a result at 0 of the arena, but its size depends on the run}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.arena<0>], symbols = affine_map<()[s0] -> (s0)>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return
}
tenon.kernel @k(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>, num_symbols = 1 : i64} {
  tenon.yield %x : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// The context's scratch memory is made before sizes are known.
func.func @scratch(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) attributes {tenon.arena_bytes = 0, tenon.symbols = ["n"]} {
  // expected-error @+1 {{uses scratch memory of the context, but how much @k needs depends on the run}}
  %0:3 = tenon.launch @k(%x) {placement = [#tenon.allocated, #tenon.allocated, #tenon.allocated], symbols = affine_map<()[s0] -> (s0)>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<3xi64>)
  return
}
tenon.kernel @k(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<3xi64>) attributes {strategy = "library", num_symbols = 1 : i64, scratch = affine_map<()[s0] -> (((s0 * 16) ceildiv 64) * 64)>} {
  %0:2 = tenon.top_k %x {axis = 0, count = affine_map<()[s0] -> (s0)>, largest} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>)
  %1 = tenon.uninitialized : tensor<3xi64>
  tenon.yield %0#0, %0#1, %1 : tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<3xi64>
}

// -----

// Parts of one tensor have one place.
func.func @parts(%x: tensor<4xf32>) -> tensor<8xf32> attributes {tenon.arena_bytes = 128} {
  %0 = tenon.launch @part(%x) {placement = [#tenon.arena<0>]} : (tensor<4xf32>) -> tensor<8xf32>
  // expected-error @+1 {{has a result at #tenon.arena<64> that is a part of a tensor at #tenon.arena<0>}}
  %1 = tenon.launch @part(%x) into %0 : tensor<8xf32> {placement = [#tenon.arena<64>]} : (tensor<4xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}
tenon.kernel @part(%x: tensor<4xf32>) -> tensor<8xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  %0 = tenon.insert %x {low = affine_map<() -> (0)>} : (tensor<4xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}

// -----

// A launch must not write where a state may lie that it reads itself.
func.func @state(%s: tensor<4xf32> {tenon.state = 0 : i64}) -> tensor<4xf32> attributes {tenon.arena_bytes = 0} {
  // expected-error @+1 {{has a result at output 0, where input 0 may lie, a state that is in use then or later}}
  %0 = tenon.launch @k(%s) {placement = [#tenon.output<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// Nor one that others read later, here through a view, or that is handed out.
func.func @state_read_later(%s: tensor<4xf32> {tenon.state = 0 : i64}, %t: tensor<4xf32> {tenon.state = 1 : i64}, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) attributes {tenon.arena_bytes = 64} {
  %view = tenon.reshape %s : (tensor<4xf32>) -> tensor<2x2xf32>
  // expected-error @+1 {{has a result at output 0, where input 0 may lie, a state that is in use then or later}}
  %0 = tenon.launch @k(%x) {placement = [#tenon.output<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @+1 {{has a result at output 1, where input 1 may lie, a state that is in use then or later}}
  %1 = tenon.launch @k(%x) {placement = [#tenon.output<1>]} : (tensor<4xf32>) -> tensor<4xf32>
  %flat = tenon.reshape %view : (tensor<2x2xf32>) -> tensor<4xf32>
  %2 = tenon.launch @k(%flat) {placement = [#tenon.arena<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %t : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// Other outputs share no memory with it.
func.func @other_output(%s: tensor<4xf32> {tenon.state = 1 : i64}, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {tenon.arena_bytes = 0} {
  %0 = tenon.launch @k(%s) {placement = [#tenon.output<0>]} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = tenon.launch @k(%x) {placement = [#tenon.output<1>]} : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows", schedule = #cpu.rows_schedule<lanes = 8>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{has no 'tenon.arena_bytes'}}
func.func @no_arena() {
  return
}

//--- code.mlir
// Stacks may be a caller's, and small.
module {
  module {
    llvm.func @arrays(%n: i64) {
      // expected-error @+1 {{takes as much of the stack as a run tells}}
      %0 = llvm.alloca %n x i8 : (i64) -> !llvm.ptr
      %c = arith.constant 1000 : i64
      // expected-error @+1 {{takes 8000 bytes of the stack, where 4096 are the most}}
      %1 = llvm.alloca %c x i64 : (i64) -> !llvm.ptr
      %d = arith.constant 512 : i64
      %2 = llvm.alloca %d x i64 : (i64) -> !llvm.ptr
      llvm.return
    }
  }
}

// -----

// Kernels and the host's function have become modules.
// expected-error @+1 {{has not become code}}
func.func @main() {
  return
}
// expected-error @+1 {{has not become code}}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
  tenon.yield %x : tensor<4xf32>
}

// -----

// One function of a module is called from others; a declaration or an internal one is not.
// expected-error @+1 {{has 0 functions for others instead of one}}
module @k {
  llvm.func @expf(f32) -> f32
  llvm.func internal @k.body() {
    llvm.return
  }
}
// expected-error @+1 {{has 2 functions for others instead of one}}
module @two {
  llvm.func @a() {
    llvm.return
  }
  llvm.func @b() {
    llvm.return
  }
}

// -----

module {
  module @k {
    llvm.func @k() {
      // expected-error @+1 {{is left in code}}
      %0 = tenon.constant dense<1.0> : tensor<4xf32>
      llvm.return
    }
  }
}

//--- llvm.mlir
module {
  module @k {
    llvm.func @k(%x: f32) {
      // expected-error @+1 {{is not of the LLVM dialect}}
      %0 = arith.addf %x, %x : f32
      llvm.return
    }
  }
}
