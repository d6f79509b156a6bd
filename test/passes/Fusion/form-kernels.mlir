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

// Where two products meet, the epilogue of each is in its own kernel.
// CHECK-LABEL: func @products_meet
//  CHECK-NEXT:   %[[X:.+]] = tenon.launch @matmul_add_relu{{.*}}(%arg0, %arg1, %arg2)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @matmul_add_mul(%arg0, %arg1, %arg2, %[[X]])
//  CHECK-NEXT:   return %[[Y]]
func.func @products_meet(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.add %0, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %2 = tenon.relu %1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %4 = tenon.add %3, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %5 = tenon.mul %4, %2 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %5 : tensor<4x8xf32>
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

// A function of the library stands alone: what is in front of it and behind it reads and writes memory. Its launch
// has one result more: the status and the sizes.
// CHECK-LABEL: func @library
//  CHECK-NEXT:   %[[X:.+]] = tenon.launch @exp_only(%arg0)
//  CHECK-NEXT:   %[[K:.+]]:3 = tenon.launch @top_k_only(%[[X]]) {capacities = [#{{.+}}, #{{.+}}]} : {{.*}} -> (tensor<4x2xf32>, tensor<4x2xi64>, tensor<5xi64>)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @neg_only(%[[K]]#0)
//  CHECK-NEXT:   return %[[Y]], %[[K]]#1
func.func @library(%x: tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<4x2xi64>) {
  %0 = tenon.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1:2 = tenon.top_k %0 {axis = 1, count = affine_map<() -> (2)>, largest} : (tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<4x2xi64>)
  %2 = tenon.neg %1#0 : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2, %1#1 : tensor<4x2xf32>, tensor<4x2xi64>
}

// A kernel has symbols of its own, and only those that it uses.
// CHECK-LABEL: func @dynamic
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @matmul_add(%arg0, %arg1) {symbols = #{{.+}}}
//  CHECK-NEXT:   return %[[Y]]
func.func @dynamic(%x: tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>, %w: tensor<8x8xf32>) -> tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>> attributes {tenon.symbols = ["unused", "rows"]} {
  %0 = tenon.matmul %x, %w : (tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>, tensor<8x8xf32>) -> tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>
  %1 = tenon.add %0, %x : (tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>, tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>) -> tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>
  return %1 : tensor<?x8xf32, affine_map<()[s0, s1] -> (s1, 8)>>
}

// What a norm computes once for each row from a reduction of that row is computed between the kernel's passes over it.
// CHECK-LABEL: func @norm
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @reduce_sub_mul_reduce_sqrt(%arg0, %arg1)
//  CHECK-NEXT:   return %[[Y]]
func.func @norm(%x: tensor<4x8xf32>, %scale: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = tenon.reduce mean %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %1 = tenon.sub %x, %0 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %2 = tenon.mul %1, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = tenon.reduce mean %2 {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %4 = tenon.sqrt %3 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %5 = tenon.reciprocal %4 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %6 = tenon.mul %1, %5 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %7 = tenon.mul %6, %scale : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %7 : tensor<4x8xf32>
}

// Not if somebody else reads it, or the reduction, too.
// CHECK-LABEL: func @norm_with_deviation
//  CHECK-NEXT:   %[[R:.+]] = tenon.launch @mul_reduce_sqrt_reciprocal(%arg0)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @mul_only(%arg0, %[[R]])
//  CHECK-NEXT:   return %[[Y]], %[[R]]
func.func @norm_with_deviation(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x1xf32>) {
  %0 = tenon.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = tenon.reduce mean %0 {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %2 = tenon.sqrt %1 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %3 = tenon.reciprocal %2 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %4 = tenon.mul %x, %3 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %4, %3 : tensor<4x8xf32>, tensor<4x1xf32>
}

// Rows that a gather picks from a turned tensor are read from memory.
// CHECK-LABEL: func @turned_rows
//  CHECK-NEXT:   %[[T:.+]] = tenon.launch @transpose_only(%arg0)
//  CHECK-NEXT:   %[[Y:.+]] = tenon.launch @gather_relu(%[[T]], %arg1)
func.func @turned_rows(%x: tensor<8x4xf32>, %i: tensor<16xi64>) -> tensor<16x8xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %1 = tenon.gather %0, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<16xi64>) -> tensor<16x8xf32>
  %2 = tenon.relu %1 : (tensor<16x8xf32>) -> tensor<16x8xf32>
  return %2 : tensor<16x8xf32>
}

// The kernels hold the ops, and know what class of loops computes them.
// CHECK-LABEL: tenon.kernel @matmul_add_relu
//   CHECK-DAG:   tenon.matmul
//   CHECK-DAG:   tenon.relu
//       CHECK:   tenon.yield

//       CHECK: tenon.kernel @matmul_add(
//  CHECK-SAME:   num_symbols = 1 : i64
