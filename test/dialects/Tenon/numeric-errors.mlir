// What signal, region, matrix and tree ops refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @length(%x: tensor<3x16x1xf32>) {
  // expected-error @+1 {{'tenon.dft' op transforms of length 8 do not give 'tensor<3x9x2xf32>'}}
  %0 = tenon.dft %x {axis = 1, length = 8} : (tensor<3x16x1xf32>) -> tensor<3x9x2xf32>
  return
}

// -----

func.func @square(%x: tensor<5x3x4xf32>) {
  // expected-error @+2 {{needs square matrices, not 'tensor<5x3x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.det %x : (tensor<5x3x4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @nodes(%x: tensor<8x4xf32>, %columns: tensor<4xi32>, %nodes: tensor<31x4xi32>,
                 %roots: tensor<2xi32>) {
  // expected-error @+1 {{'tenon.tree_ensemble' op has nodes 'tensor<31x4xi32>', columns 'tensor<4xi32>' and roots 'tensor<2xi32>'}}
  %0 = tenon.tree_ensemble sum %x, %columns, %nodes, %roots
       {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0>}
     : (tensor<8x4xf32>, tensor<4xi32>, tensor<31x4xi32>, tensor<2xi32>) -> tensor<8x1xf32>
  return
}

// -----

func.func @targets(%x: tensor<8x4xf32>, %columns: tensor<4xi32>, %nodes: tensor<31x3xi32>,
                   %roots: tensor<2xi32>) {
  // expected-error @+1 {{'tenon.tree_ensemble' op has 3 targets, but its leaves have no entries}}
  %0 = tenon.tree_ensemble sum %x, %columns, %nodes, %roots
       {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0>}
     : (tensor<8x4xf32>, tensor<4xi32>, tensor<31x3xi32>, tensor<2xi32>) -> tensor<8x3xf32>
  return
}

// -----

func.func @entries(%x: tensor<8x4xf32>, %columns: tensor<4xi32>, %nodes: tensor<31x3xi32>,
                   %roots: tensor<2xi32>, %entries: tensor<16xi32>) {
  // expected-error @+1 {{'tenon.tree_ensemble' op has entries 'tensor<16xi32>'}}
  %0 = tenon.tree_ensemble sum %x, %columns, %nodes, %roots, %entries
       {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0>}
     : (tensor<8x4xf32>, tensor<4xi32>, tensor<31x3xi32>, tensor<2xi32>, tensor<16xi32>)
     -> tensor<8x3xf32>
  return
}

// -----

func.func @base(%x: tensor<8x4xf32>, %columns: tensor<4xi32>, %nodes: tensor<31x3xi32>,
                %roots: tensor<2xi32>, %base: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.tree_ensemble' op has 1 targets and a base 'tensor<2xf32>'}}
  %0 = tenon.tree_ensemble sum %x, %columns, %nodes, %roots, %base
       {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 1>}
     : (tensor<8x4xf32>, tensor<4xi32>, tensor<31x3xi32>, tensor<2xi32>, tensor<2xf32>)
     -> tensor<8x1xf32>
  return
}

// -----

func.func @weights(%x: tensor<2x9xi64>, %pool: tensor<8xi64>, %grams: tensor<5x3xi64>,
                   %weights: tensor<4xf32>) {
  // expected-error @+1 {{'tenon.tf_idf' op has n-grams 'tensor<5x3xi64>' and weights 'tensor<4xf32>'}}
  %0 = tenon.tf_idf %x, %pool, %grams, %weights {mode = 0, skips = 1}
     : (tensor<2x9xi64>, tensor<8xi64>, tensor<5x3xi64>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @pairs(%x: tensor<2x5xf32>) {
  // expected-error @+2 {{cannot couple pairs of 3 classes in 'tensor<2x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = tenon.couple_pairs %x {classes = 3} : (tensor<2x5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @bits(%x: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.bit_cast' op cannot read 'f32' as 'i16'}}
  %0 = tenon.bit_cast %x to i16 : (tensor<2xf32>) -> tensor<2xi16>
  return
}
