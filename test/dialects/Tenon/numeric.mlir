// Signals, regions, matrices, trees and n-grams.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @signal
// CHECK: tenon.dft %{{.*}} {axis = 1 : i64, length = 16 : i64} : (tensor<3x16x1xf32>) -> tensor<3x9x2xf32>
func.func @signal(%x: tensor<3x16x1xf32>) -> tensor<3x9x2xf32> {
  %0 = tenon.dft %x {axis = 1, length = 16} : (tensor<3x16x1xf32>) -> tensor<3x9x2xf32>
  return %0 : tensor<3x9x2xf32>
}

// CHECK-LABEL: func.func @regions
// CHECK: tenon.roi_align {{.*}} -> tensor<5x3x7x7xf32>
func.func @regions(%x: tensor<1x3x32x32xf32>, %boxes: tensor<5x4xf32>, %images: tensor<5xi64>)
    -> tensor<5x3x7x7xf32> {
  %0 = tenon.roi_align %x, %boxes, %images {samples = 2, scale = 1.0, halfPixel}
     : (tensor<1x3x32x32xf32>, tensor<5x4xf32>, tensor<5xi64>) -> tensor<5x3x7x7xf32>
  return %0 : tensor<5x3x7x7xf32>
}

// CHECK-LABEL: func.func @matrices
// CHECK: tenon.inverse {{.*}} -> tensor<5x3x3xf32>
// CHECK: tenon.det {{.*}} -> tensor<5xf32>
func.func @matrices(%x: tensor<5x3x3xf32>) -> tensor<5xf32> {
  %0 = tenon.inverse %x : (tensor<5x3x3xf32>) -> tensor<5x3x3xf32>
  %1 = tenon.det %0 : (tensor<5x3x3xf32>) -> tensor<5xf32>
  return %1 : tensor<5xf32>
}

// CHECK-LABEL: func.func @trees
// CHECK: tenon.tree_ensemble sum %{{.*}} -> tensor<8x3xf32>
func.func @trees(%x: tensor<8x4xf32>, %columns: tensor<4xi32>, %nodes: tensor<31x3xi32>,
                 %roots: tensor<2xi32>, %entries: tensor<16x2xi32>) -> tensor<8x3xf32> {
  %0 = tenon.tree_ensemble sum %x, %columns, %nodes, %roots, %entries
       {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0>}
     : (tensor<8x4xf32>, tensor<4xi32>, tensor<31x3xi32>, tensor<2xi32>, tensor<16x2xi32>)
     -> tensor<8x3xf32>
  return %0 : tensor<8x3xf32>
}

// CHECK-LABEL: func.func @pairs
// CHECK: tenon.couple_pairs {{.*}} {classes = 4 : i64} : (tensor<8x6xf32>) -> tensor<8x4xf32>
func.func @pairs(%x: tensor<8x6xf32>) -> tensor<8x4xf32> {
  %0 = tenon.couple_pairs %x {classes = 4} : (tensor<8x6xf32>) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @grams
// CHECK: tenon.tf_idf {{.*}} -> tensor<2x5xf32>
func.func @grams(%x: tensor<2x9xi64>, %pool: tensor<8xi64>, %grams: tensor<5x3xi64>,
                 %weights: tensor<5xf32>) -> tensor<2x5xf32> {
  %0 = tenon.tf_idf %x, %pool, %grams, %weights {mode = 0, skips = 1}
     : (tensor<2x9xi64>, tensor<8xi64>, tensor<5x3xi64>, tensor<5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}
