// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-form-kernels | FileCheck %s

// What follows a product element by element is done on its sums: bias, residual, activation.
// CHECK-LABEL: func @epilogue
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @matmul_add_relu(%arg0, %arg1, %arg2, %arg3)
//  CHECK-NEXT:   return %[[Y]]
func.func @epilogue(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %b: tensor<16xf32>, %r: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = tenon.add %0, %b : (tensor<4x16xf32>, tensor<16xf32>) -> tensor<4x16xf32>
  %2 = tenon.add %1, %r : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
  %3 = tenon.relu %2 : (tensor<4x16xf32>) -> tensor<4x16xf32>
  return %3 : tensor<4x16xf32>
}

// A product has a kernel of its own: nothing computes its input on the way.
// CHECK-LABEL: func @two_products
//  CHECK-NEXT:   %[[X:.+]] = tenon.launch @matmul_relu(%arg0, %arg1)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @matmul_only(%[[X]], %arg1)
//  CHECK-NEXT:   return %[[Y]]
func.func @two_products(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.relu %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = tenon.matmul %1, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// A product that is needed itself ends its kernel.
// CHECK-LABEL: func @needed_itself
//  CHECK-NEXT:   %[[P:.+]] = tenon.launch @matmul_only
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @relu_only{{.*}}(%[[P]])
//  CHECK-NEXT:   return %[[P]], %[[Y]]
func.func @needed_itself(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.relu %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// Reductions over the same rows share a kernel with what is between them.
// CHECK-LABEL: func @softmax
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @reduce_sub_exp_reduce_div(%arg0)
//  CHECK-NEXT:   return %[[Y]]
func.func @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %m = tenon.reduce max %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %0 = tenon.sub %x, %m : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %1 = tenon.exp %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %s = tenon.reduce sum %1 {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %2 = tenon.div %1, %s : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// Those over other rows do not.
// CHECK-LABEL: func @other_rows
//  CHECK-NEXT:   %[[M:.+]] = tenon.launch @reduce_only{{.*}}(%arg0)
//  CHECK-NEXT:   %[[S:.+]] = tenon.launch @reduce_only{{.*}}(%[[M]])
//  CHECK-NEXT:   return %[[S]]
func.func @other_rows(%x: tensor<4x8xf32>) -> tensor<1x1xf32> {
  %0 = tenon.reduce max %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %1 = tenon.reduce sum %0 {axes = array<i64: 0>} : (tensor<4x1xf32>) -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}

// A reshape is a view and stays in the function.
// CHECK-LABEL: func @view
//  CHECK-NEXT:   %[[X:.+]] = tenon.launch @relu_only{{.*}}(%arg0)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.reshape %[[X]]
//  CHECK-NEXT:   return %[[Y]]
func.func @view(%x: tensor<4x8xf32>) -> tensor<32xf32> {
  %0 = tenon.relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.reshape %0 : (tensor<4x8xf32>) -> tensor<32xf32>
  return %1 : tensor<32xf32>
}

// The kernels hold the ops, and know what class of loops computes them.
// CHECK-LABEL: tenon.kernel @matmul_add_relu
//   CHECK-DAG:   tenon.matmul
//   CHECK-DAG:   tenon.relu
//       CHECK:   tenon.yield
