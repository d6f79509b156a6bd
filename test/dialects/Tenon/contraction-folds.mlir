// RUN: tenon-opt %s --canonicalize | FileCheck %s

// A product with one column becomes one of a row, whose sums run along memory.
// CHECK-LABEL: func.func @column
//  CHECK-SAME:   %[[A:.+]]: tensor<3x20x16xf32>, %[[X:.+]]: tensor<3x16x1xf32>
//       CHECK:   %[[ROW:.+]] = tenon.reshape %[[X]] : (tensor<3x16x1xf32>) -> tensor<3x1x16xf32>
//       CHECK:   %[[Y:.+]] = tenon.matmul %[[ROW]], %[[A]] {transposeRhs} : (tensor<3x1x16xf32>, tensor<3x20x16xf32>) -> tensor<3x1x20xf32>
//       CHECK:   tenon.reshape %[[Y]] : (tensor<3x1x20xf32>) -> tensor<3x20x1xf32>
func.func @column(%a: tensor<3x20x16xf32>, %x: tensor<3x16x1xf32>) -> tensor<3x20x1xf32> {
  %0 = tenon.matmul %a, %x : (tensor<3x20x16xf32>, tensor<3x16x1xf32>) -> tensor<3x20x1xf32>
  return %0 : tensor<3x20x1xf32>
}

// One that lies as a row already.
// CHECK-LABEL: func.func @row
//  CHECK-SAME:   %[[A:.+]]: tensor<20x16xf32>, %[[X:.+]]: tensor<1x16xf32>
//       CHECK:   tenon.matmul %[[X]], %[[A]] {transposeRhs} : (tensor<1x16xf32>, tensor<20x16xf32>) -> tensor<1x20xf32>
func.func @row(%a: tensor<20x16xf32>, %x: tensor<1x16xf32>) -> tensor<20x1xf32> {
  %0 = tenon.matmul %a, %x {transposeRhs} : (tensor<20x16xf32>, tensor<1x16xf32>) -> tensor<20x1xf32>
  return %0 : tensor<20x1xf32>
}

// Short sums stay, and so does what its kernel would lose: what follows it element by element.
// CHECK-LABEL: func.func @stays
//   CHECK-NOT:   transposeRhs
//       CHECK:   return
func.func @stays(%a: tensor<20x3xf32>, %x: tensor<3x1xf32>, %b: tensor<20x16xf32>, %y: tensor<16x1xf32>)
    -> (tensor<20x1xf32>, tensor<20x1xf32>) {
  %0 = tenon.matmul %a, %x : (tensor<20x3xf32>, tensor<3x1xf32>) -> tensor<20x1xf32>
  %1 = tenon.matmul %b, %y : (tensor<20x16xf32>, tensor<16x1xf32>) -> tensor<20x1xf32>
  %2 = tenon.relu %1 : (tensor<20x1xf32>) -> tensor<20x1xf32>
  return %0, %2 : tensor<20x1xf32>, tensor<20x1xf32>
}
