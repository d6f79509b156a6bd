// Attention in the forms that exporters write.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-recognize --split-input-file | FileCheck %s

// Keys transposed by hand, a quotient, a bias: BERT.
// CHECK-LABEL: func @bias
//       CHECK:   %[[Y:.+]] = tenon.attention %arg0, %arg1, %arg2 bias %arg3 {scale = 1.250000e-01 : f64}
//       CHECK:   return %[[Y]]
func.func @bias(%q: tensor<1x2x5x64xf32>, %k: tensor<1x2x7x64xf32>, %v: tensor<1x2x7x64xf32>, %b: tensor<1x1x1x7xf32>) -> tensor<1x2x5x64xf32> {
  %c = tenon.constant dense<8.0> : tensor<f32>
  %0 = tenon.transpose %k {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x7x64xf32>) -> tensor<1x2x64x7xf32>
  %1 = tenon.matmul %q, %0 : (tensor<1x2x5x64xf32>, tensor<1x2x64x7xf32>) -> tensor<1x2x5x7xf32>
  %2 = tenon.div %1, %c : (tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %3 = tenon.add %b, %2 : (tensor<1x1x1x7xf32>, tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %4 = tenon.softmax %3 {axis = 3} : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %5 = tenon.matmul %4, %v : (tensor<1x2x5x7xf32>, tensor<1x2x7x64xf32>) -> tensor<1x2x5x64xf32>
  return %5 : tensor<1x2x5x64xf32>
}

// -----

// A selection on the scores, in either polarity, and the softmax itself spelled out: GPT-2.
// CHECK-LABEL: func @masked
//       CHECK:   %[[M:.+]] = tenon.not %arg3
//       CHECK:   tenon.attention %arg0, %arg1, %arg2 mask %[[M]] {masked = -1.000000e+04 : f64, scale = 5.000000e-01 : f64}
func.func @masked(%q: tensor<2x5x4xf32>, %k: tensor<2x7x4xf32>, %v: tensor<2x7x4xf32>, %m: tensor<5x7xi1>) -> tensor<2x5x4xf32> {
  %half = tenon.constant dense<0.5> : tensor<f32>
  %low = tenon.constant dense<-1.0e4> : tensor<f32>
  %0 = tenon.matmul %q, %k {transposeRhs} : (tensor<2x5x4xf32>, tensor<2x7x4xf32>) -> tensor<2x5x7xf32>
  %1 = tenon.mul %half, %0 : (tensor<f32>, tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %2 = tenon.select %m, %low, %1 : (tensor<5x7xi1>, tensor<f32>, tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %3 = tenon.reduce max %2 {axes = array<i64: 2>} : (tensor<2x5x7xf32>) -> tensor<2x5x1xf32>
  %4 = tenon.sub %2, %3 : (tensor<2x5x7xf32>, tensor<2x5x1xf32>) -> tensor<2x5x7xf32>
  %5 = tenon.exp %4 : (tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %6 = tenon.reduce sum %5 {axes = array<i64: 2>} : (tensor<2x5x7xf32>) -> tensor<2x5x1xf32>
  %7 = tenon.div %5, %6 : (tensor<2x5x7xf32>, tensor<2x5x1xf32>) -> tensor<2x5x7xf32>
  %8 = tenon.matmul %7, %v : (tensor<2x5x7xf32>, tensor<2x7x4xf32>) -> tensor<2x5x4xf32>
  return %8 : tensor<2x5x4xf32>
}

// -----

// Factors on both operands, as PyTorch's scaled_dot_product_attention; what is behind a sum counts
// for both terms.
// CHECK-LABEL: func @factors
//       CHECK:   %[[B:.+]] = tenon.mul %arg3, %{{.+}} : (tensor<5x7xf32>, tensor<f32>)
//       CHECK:   tenon.attention %arg0, %arg1, %arg2 bias %[[B]] {scale = 5.000000e-01 : f64}
func.func @factors(%q: tensor<2x5x4xf32>, %k: tensor<2x7x4xf32>, %v: tensor<2x7x4xf32>, %b: tensor<5x7xf32>) -> tensor<2x5x4xf32> {
  %half = tenon.constant dense<0.5> : tensor<f32>
  %two = tenon.constant dense<2.0> : tensor<f32>
  %0 = tenon.mul %q, %half : (tensor<2x5x4xf32>, tensor<f32>) -> tensor<2x5x4xf32>
  %1 = tenon.mul %k, %half : (tensor<2x7x4xf32>, tensor<f32>) -> tensor<2x7x4xf32>
  %2 = tenon.matmul %0, %1 {transposeRhs} : (tensor<2x5x4xf32>, tensor<2x7x4xf32>) -> tensor<2x5x7xf32>
  %3 = tenon.add %2, %b : (tensor<2x5x7xf32>, tensor<5x7xf32>) -> tensor<2x5x7xf32>
  %4 = tenon.mul %3, %two : (tensor<2x5x7xf32>, tensor<f32>) -> tensor<2x5x7xf32>
  %5 = tenon.softmax %4 {axis = 2} : (tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %6 = tenon.matmul %5, %v : (tensor<2x5x7xf32>, tensor<2x7x4xf32>) -> tensor<2x5x4xf32>
  return %6 : tensor<2x5x4xf32>
}

// -----

// A bias that is masked after it was added; heads split and joined by transposes.
// CHECK-LABEL: func @masked_bias
//       CHECK:   %[[B:.+]] = tenon.select %arg4, %arg3
//       CHECK:   tenon.attention %arg0, %arg1, %arg2 mask %arg4 bias %[[B]]
//  CHECK-SAME:   resultOrder = array<i64: 0, 2, 1, 3>
func.func @masked_bias(%q: tensor<1x5x2x4xf32>, %k: tensor<1x7x2x4xf32>, %v: tensor<1x7x2x4xf32>, %b: tensor<5x7xf32>, %m: tensor<1x1x5x7xi1>) -> tensor<1x5x8xf32> {
  %low = tenon.constant dense<0xFF800000> : tensor<f32>
  %0 = tenon.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x4xf32>) -> tensor<1x2x5x4xf32>
  %1 = tenon.transpose %k {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x7x2x4xf32>) -> tensor<1x2x4x7xf32>
  %2 = tenon.transpose %v {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x7x2x4xf32>) -> tensor<1x2x7x4xf32>
  %3 = tenon.matmul %0, %1 : (tensor<1x2x5x4xf32>, tensor<1x2x4x7xf32>) -> tensor<1x2x5x7xf32>
  %4 = tenon.add %3, %b : (tensor<1x2x5x7xf32>, tensor<5x7xf32>) -> tensor<1x2x5x7xf32>
  %5 = tenon.select %m, %4, %low : (tensor<1x1x5x7xi1>, tensor<1x2x5x7xf32>, tensor<f32>) -> tensor<1x2x5x7xf32>
  %6 = tenon.softmax %5 {axis = 3} : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %7 = tenon.matmul %6, %2 : (tensor<1x2x5x7xf32>, tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32>
  %8 = tenon.transpose %7 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x5x4xf32>) -> tensor<1x5x2x4xf32>
  %9 = tenon.reshape %8 : (tensor<1x5x2x4xf32>) -> tensor<1x5x8xf32>
  return %9 : tensor<1x5x8xf32>
}

// -----

// Products of keys and queries, turned: Keras.
// CHECK-LABEL: func @turned
//       CHECK:   tenon.attention %arg0, %arg1, %arg2 {queryOrder = array<i64: 0, 2, 1, 3>, scale = 1.000000e+00 : f64}
func.func @turned(%q: tensor<1x5x2x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32> {
  %0 = tenon.transpose %q {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x5x2x4xf32>) -> tensor<1x2x4x5xf32>
  %1 = tenon.matmul %k, %0 : (tensor<1x2x7x4xf32>, tensor<1x2x4x5xf32>) -> tensor<1x2x7x5xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x7x5xf32>) -> tensor<1x2x5x7xf32>
  %3 = tenon.softmax %2 {axis = 3} : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
  %4 = tenon.matmul %3, %v : (tensor<1x2x5x7xf32>, tensor<1x2x7x4xf32>) -> tensor<1x2x5x4xf32>
  return %4 : tensor<1x2x5x4xf32>
}

// -----

// The same, turned behind a softmax over columns.
// CHECK-LABEL: func @turned_weights
//       CHECK:   tenon.attention %arg0, %arg1, %arg2 {scale = 1.000000e+00 : f64}
func.func @turned_weights(%q: tensor<2x5x4xf32>, %k: tensor<2x7x4xf32>, %v: tensor<2x7x4xf32>) -> tensor<2x5x4xf32> {
  %0 = tenon.matmul %k, %q {transposeRhs} : (tensor<2x7x4xf32>, tensor<2x5x4xf32>) -> tensor<2x7x5xf32>
  %1 = tenon.softmax %0 {axis = 1} : (tensor<2x7x5xf32>) -> tensor<2x7x5xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 1>} : (tensor<2x7x5xf32>) -> tensor<2x5x7xf32>
  %3 = tenon.matmul %2, %v : (tensor<2x5x7xf32>, tensor<2x7x4xf32>) -> tensor<2x5x4xf32>
  return %3 : tensor<2x5x4xf32>
}

// -----

// Scores times a mask in numbers: a factor for each key.
// CHECK-LABEL: func @key_factor
//       CHECK:   %[[F:.+]] = tenon.reshape %arg3 : (tensor<1x7xf32>) -> tensor<7x1xf32>
//       CHECK:   %[[K:.+]] = tenon.mul %arg1, %[[F]] : (tensor<2x7x4xf32>, tensor<7x1xf32>)
//       CHECK:   tenon.attention %arg0, %[[K]], %arg2 bias %arg4
func.func @key_factor(%q: tensor<2x5x4xf32>, %k: tensor<2x7x4xf32>, %v: tensor<2x7x4xf32>, %f: tensor<1x7xf32>, %b: tensor<1x7xf32>) -> tensor<2x5x4xf32> {
  %0 = tenon.matmul %q, %k {transposeRhs} : (tensor<2x5x4xf32>, tensor<2x7x4xf32>) -> tensor<2x5x7xf32>
  %1 = tenon.mul %f, %0 : (tensor<1x7xf32>, tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %2 = tenon.add %1, %b : (tensor<2x5x7xf32>, tensor<1x7xf32>) -> tensor<2x5x7xf32>
  %3 = tenon.softmax %2 {axis = 2} : (tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %4 = tenon.matmul %3, %v : (tensor<2x5x7xf32>, tensor<2x7x4xf32>) -> tensor<2x5x4xf32>
  return %4 : tensor<2x5x4xf32>
}

// -----

// Softmax over queries is no attention, and weights that something else reads must be in memory.
// CHECK-LABEL: func @others
//   CHECK-NOT:   tenon.attention
func.func @others(%q: tensor<2x7x4xf32>, %k: tensor<2x7x4xf32>, %v: tensor<2x7x4xf32>) -> (tensor<2x7x4xf32>, tensor<2x7x4xf32>, tensor<2x7x7xf32>) {
  %0 = tenon.matmul %q, %k {transposeRhs} : (tensor<2x7x4xf32>, tensor<2x7x4xf32>) -> tensor<2x7x7xf32>
  %1 = tenon.softmax %0 {axis = 1} : (tensor<2x7x7xf32>) -> tensor<2x7x7xf32>
  %2 = tenon.matmul %1, %v : (tensor<2x7x7xf32>, tensor<2x7x4xf32>) -> tensor<2x7x4xf32>
  %3 = tenon.matmul %k, %q {transposeRhs} : (tensor<2x7x4xf32>, tensor<2x7x4xf32>) -> tensor<2x7x7xf32>
  %4 = tenon.softmax %3 {axis = 2} : (tensor<2x7x7xf32>) -> tensor<2x7x7xf32>
  %5 = tenon.matmul %4, %v : (tensor<2x7x7xf32>, tensor<2x7x4xf32>) -> tensor<2x7x4xf32>
  return %2, %5, %4 : tensor<2x7x4xf32>, tensor<2x7x4xf32>, tensor<2x7x7xf32>
}
