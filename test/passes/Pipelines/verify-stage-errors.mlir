// RUN: split-file %s %t
// RUN: tenon-opt %t/graph.mlir --tenon-verify-stage=stage=graph --verify-diagnostics --split-input-file
// RUN: tenon-opt %t/kernels.mlir --tenon-verify-stage=stage=kernels --verify-diagnostics --split-input-file
// RUN: tenon-opt %t/program.mlir --tenon-verify-stage=stage=program --verify-diagnostics --split-input-file

//--- graph.mlir
func.func @symbols(%x: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) attributes {tenon.symbols = ["n"]} {
  // expected-error @+1 {{uses symbol 1 of a function with 1 symbols}}
  %0 = tenon.relu %x : (tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>
  return
}

// -----

// expected-error @+1 {{is not part of a graph}}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  tenon.yield %x : tensor<4xf32>
}

//--- kernels.mlir
func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{is in no kernel}}
  %0 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{has no schedule for its class, attention}}
tenon.kernel @k(%x: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> attributes {kernel_class = #tenon.kernel_class<attention>} {
  %0 = tenon.attention %x, %x, %x {scale = 1.0} : (tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  tenon.yield %0 : tensor<2x4x4xf32>
}

// -----

// expected-error @+1 {{has no schedule for its class, contraction}}
tenon.kernel @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {kernel_class = #tenon.kernel_class<contraction>} {
  %0 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  tenon.yield %0 : tensor<4x4xf32>
}

// -----

// expected-error @+1 {{has two roots: tenon.matmul and tenon.matmul}}
tenon.kernel @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {kernel_class = #tenon.kernel_class<contraction>} {
  %0 = tenon.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tenon.matmul %0, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  tenon.yield %1 : tensor<4x4xf32>
}

// -----

tenon.kernel @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  // expected-error @+1 {{is still to be decomposed}}
  %0 = tenon.softmax %x {axis = 1} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  tenon.yield %0 : tensor<4x4xf32>
}

//--- program.mlir
func.func @unplaced(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{needs one place for each of its 1 results}}
  %0 = tenon.launch @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  tenon.yield %x : tensor<4xf32>
}

// -----

func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tenon.arena_bytes = 64} {
  // expected-error @+1 {{has a result at 64, with an arena of 64 bytes and 1 outputs}}
  %0 = tenon.launch @k(%x) {placement = array<i64: 64>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {kernel_class = #tenon.kernel_class<rows>} {
  tenon.yield %x : tensor<4xf32>
}
