// Attention: what it means in simpler ops, and what it absorbs.
// RUN: tenon-opt %s --mlir-print-local-scope --canonicalize --split-input-file | FileCheck %s --check-prefix=CANON
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-decompose --split-input-file | FileCheck %s --check-prefix=WHOLE
// RUN: sed 's/f32/f64/g' %s | tenon-opt --tenon-assign-target=target=x86-64-v3 --tenon-decompose --split-input-file | FileCheck %s

// There is a kernel for f32, so the op stays; elements of f64 decompose.
// WHOLE-LABEL: func.func @plain
//       WHOLE:   tenon.attention
// CHECK-LABEL: func.func @plain
//  CHECK-SAME:   (%[[Q:.+]]: tensor<1x2x5x8xf64>, %[[K:.+]]: tensor<1x2x7x8xf64>, %[[V:.+]]: tensor<1x2x7x6xf64>)
//   CHECK-DAG:   %[[P:.+]] = tenon.matmul %[[Q]], %[[K]] {transposeRhs}
//   CHECK-DAG:   %[[C:.+]] = tenon.constant dense<5.0{{.*}}> : tensor<f64>
//       CHECK:   tenon.mul %[[P]], %[[C]]
//       CHECK:   tenon.reduce max
//       CHECK:   tenon.exp
//       CHECK:   tenon.reduce sum
//       CHECK:   %[[W:.+]] = tenon.div
//       CHECK:   %[[Y:.+]] = tenon.matmul %[[W]], %[[V]] :
//       CHECK:   return %[[Y]]
func.func @plain(%q: tensor<1x2x5x8xf32>, %k: tensor<1x2x7x8xf32>, %v: tensor<1x2x7x6xf32>) -> tensor<1x2x5x6xf32> {
  %0 = tenon.attention %q, %k, %v {scale = 5.0e-1}
     : (tensor<1x2x5x8xf32>, tensor<1x2x7x8xf32>, tensor<1x2x7x6xf32>) -> tensor<1x2x5x6xf32>
  return %0 : tensor<1x2x5x6xf32>
}

// -----

// The mask comes before the bias; queries without keys give zeros.
// CHECK-LABEL: func.func @masked
//       CHECK:   %[[P:.+]] = tenon.matmul
//       CHECK:   %[[F:.+]] = tenon.constant dense<-1.0{{.*}}e+04>
//       CHECK:   %[[S:.+]] = tenon.select %arg3, %[[P]], %[[F]]
//       CHECK:   %[[B:.+]] = tenon.add %[[S]], %arg4
//       CHECK:   tenon.exp
//       CHECK:   %[[M:.+]] = tenon.reduce max %[[B]]
//       CHECK:   %[[E:.+]] = tenon.equal %[[M]]
//       CHECK:   tenon.select %[[E]]
func.func @masked(%q: tensor<2x5x8xf32>, %k: tensor<2x7x8xf32>, %v: tensor<2x7x6xf32>, %m: tensor<7xi1>, %b: tensor<5x7xf32>) -> tensor<2x5x6xf32> {
  %0 = tenon.attention %q, %k, %v mask %m bias %b {scale = 1.0, masked = -1.0e4, zeroEmptyRows}
     : (tensor<2x5x8xf32>, tensor<2x7x8xf32>, tensor<2x7x6xf32>, tensor<7xi1>, tensor<5x7xf32>) -> tensor<2x5x6xf32>
  return %0 : tensor<2x5x6xf32>
}

// -----

// Heads of keys and values that several heads of queries share are repeated.
// CHECK-LABEL: func.func @shared
//       CHECK:   tenon.broadcast %{{.+}} : (tensor<1x2x1x7x8xf64>) -> tensor<1x2x3x7x8xf64>
//       CHECK:   tenon.broadcast %{{.+}} : (tensor<1x2x1x7x6xf64>) -> tensor<1x2x3x7x6xf64>
//       CHECK:   tenon.matmul %{{.+}}, %{{.+}} {transposeRhs} : (tensor<1x6x5x8xf64>, tensor<1x6x7x8xf64>)
func.func @shared(%q: tensor<1x6x5x8xf32>, %k: tensor<1x2x7x8xf32>, %v: tensor<1x2x7x6xf32>) -> tensor<1x6x5x6xf32> {
  %0 = tenon.attention %q, %k, %v {scale = 1.0}
     : (tensor<1x6x5x8xf32>, tensor<1x2x7x8xf32>, tensor<1x2x7x6xf32>) -> tensor<1x6x5x6xf32>
  return %0 : tensor<1x6x5x6xf32>
}

// -----

// Transposes that split and join heads become orders of the operands and the result, and back.
// CANON-LABEL: func @heads
//   CANON-NOT:   transpose
//       CANON:   %[[Y:.+]] = tenon.attention %arg0, %arg1, %arg2
//  CANON-SAME:   keyOrder = array<i64: 0, 2, 1, 3>, queryOrder = array<i64: 0, 2, 1, 3>
//  CANON-SAME:   resultOrder = array<i64: 0, 2, 1, 3>{{.*}}valueOrder = array<i64: 0, 2, 1, 3>
//  CANON-SAME:   -> tensor<1x5x2x6xf32>
//       CANON:   return %[[Y]]
// CHECK-LABEL: func.func @heads
//       CHECK:   %[[Y:.+]] = tenon.matmul %{{.+}}, %{{.+}} : (tensor<1x2x5x7xf64>
//       CHECK:   tenon.transpose %[[Y]] {permutation = array<i64: 0, 2, 1, 3>}
func.func @heads(%q: tensor<1x5x2x8xf32>, %k: tensor<1x7x2x8xf32>, %v: tensor<1x7x2x6xf32>) -> tensor<1x5x2x6xf32> {
  %0 = tenon.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x8xf32>) -> tensor<1x2x5x8xf32>
  %1 = tenon.transpose %k {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x7x2x8xf32>) -> tensor<1x2x8x7xf32>
  %2 = tenon.transpose %v {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x7x2x6xf32>) -> tensor<1x2x7x6xf32>
  %3 = tenon.attention %0, %1, %2 {scale = 1.0, keyOrder = array<i64: 0, 1, 3, 2>}
     : (tensor<1x2x5x8xf32>, tensor<1x2x8x7xf32>, tensor<1x2x7x6xf32>) -> tensor<1x2x5x6xf32>
  %4 = tenon.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x5x6xf32>) -> tensor<1x5x2x6xf32>
  return %4 : tensor<1x5x2x6xf32>
}

// -----

// Queries whose elements would lie apart keep their transpose.
// CANON-LABEL: func @columns
//       CANON:   %[[Q:.+]] = tenon.transpose %arg0
//       CANON:   tenon.attention %[[Q]], %arg1, %arg2
func.func @columns(%q: tensor<2x8x5xf32>, %k: tensor<2x7x8xf32>, %v: tensor<2x7x6xf32>) -> tensor<2x5x6xf32> {
  %0 = tenon.transpose %q {permutation = array<i64: 0, 2, 1>} : (tensor<2x8x5xf32>) -> tensor<2x5x8xf32>
  %1 = tenon.attention %0, %k, %v {scale = 1.0}
     : (tensor<2x5x8xf32>, tensor<2x7x8xf32>, tensor<2x7x6xf32>) -> tensor<2x5x6xf32>
  return %1 : tensor<2x5x6xf32>
}

// -----

// Repeated heads are read where they are.
// CANON-LABEL: func @repeated
//   CANON-NOT:   broadcast
//       CANON:   tenon.attention %arg0, %arg1, %arg2 {scale = 1.000000e+00 : f64}
//  CANON-SAME:   tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>
func.func @repeated(%q: tensor<1x6x5x8xf32>, %k: tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>, %v: tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>) -> tensor<1x6x5x8xf32> attributes {tenon.symbols = ["n"]} {
  %0 = tenon.reshape %k : (tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>) -> tensor<1x2x1x?x8xf32, affine_map<()[s0] -> (1, 2, 1, s0, 8)>>
  %1 = tenon.broadcast %0 : (tensor<1x2x1x?x8xf32, affine_map<()[s0] -> (1, 2, 1, s0, 8)>>) -> tensor<1x2x3x?x8xf32, affine_map<()[s0] -> (1, 2, 3, s0, 8)>>
  %2 = tenon.reshape %1 : (tensor<1x2x3x?x8xf32, affine_map<()[s0] -> (1, 2, 3, s0, 8)>>) -> tensor<1x6x?x8xf32, affine_map<()[s0] -> (1, 6, s0, 8)>>
  %3 = tenon.reshape %v : (tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>) -> tensor<1x2x1x?x8xf32, affine_map<()[s0] -> (1, 2, 1, s0, 8)>>
  %4 = tenon.broadcast %3 : (tensor<1x2x1x?x8xf32, affine_map<()[s0] -> (1, 2, 1, s0, 8)>>) -> tensor<1x2x3x?x8xf32, affine_map<()[s0] -> (1, 2, 3, s0, 8)>>
  %5 = tenon.reshape %4 : (tensor<1x2x3x?x8xf32, affine_map<()[s0] -> (1, 2, 3, s0, 8)>>) -> tensor<1x6x?x8xf32, affine_map<()[s0] -> (1, 6, s0, 8)>>
  %6 = tenon.attention %q, %2, %5 {scale = 1.0} : (tensor<1x6x5x8xf32>, tensor<1x6x?x8xf32, affine_map<()[s0] -> (1, 6, s0, 8)>>, tensor<1x6x?x8xf32, affine_map<()[s0] -> (1, 6, s0, 8)>>) -> tensor<1x6x5x8xf32>
  return %6 : tensor<1x6x5x8xf32>
}
