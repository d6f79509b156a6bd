// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-form-kernels | FileCheck %s

// Matrices that a gather picks are read where they are, by kernels that read a matrix for each batch.
// CHECK-LABEL: func.func @picked
//   CHECK-NOT:   gather
//       CHECK:   tenon.launch @gather_matmul(
func.func @picked(%x: tensor<3x5x8xf32>, %table: tensor<4x8x16xf32>, %i: tensor<3xi64>) -> tensor<3x5x16xf32> {
  %w = tenon.gather %table, %i {axis = 0} : (tensor<4x8x16xf32>, tensor<3xi64>) -> tensor<3x8x16xf32>
  %y = tenon.matmul %x, %w : (tensor<3x5x8xf32>, tensor<3x8x16xf32>) -> tensor<3x5x16xf32>
  return %y : tensor<3x5x16xf32>
}

// Other gathers make copies: of columns, of rows, of what two products read.
// CHECK-LABEL: func.func @copied
//       CHECK:   tenon.launch @gather_only(
//       CHECK:   tenon.launch @gather_slice(
//       CHECK:   tenon.launch @gather_only_
//       CHECK:   return
func.func @copied(%x: tensor<3x5x8xf32>, %table: tensor<4x8x16xf32>, %i: tensor<3xi64>, %k: tensor<8xi64>)
    -> (tensor<4x5x16xf32>, tensor<3x5x3xf32>, tensor<3x5x16xf32>, tensor<3x8x16xf32>) {
  %x4 = tenon.slice %x {starts = affine_map<() -> (0, 0, 0)>, steps = array<i64: 1, 1, 1>} : (tensor<3x5x8xf32>) -> tensor<1x5x8xf32>
  %rows = tenon.gather %table, %k {axis = 1} : (tensor<4x8x16xf32>, tensor<8xi64>) -> tensor<4x8x16xf32>
  %0 = tenon.matmul %x4, %rows : (tensor<1x5x8xf32>, tensor<4x8x16xf32>) -> tensor<4x5x16xf32>
  %columns = tenon.gather %table, %i {axis = 2} : (tensor<4x8x16xf32>, tensor<3xi64>) -> tensor<4x8x3xf32>
  %columns3 = tenon.slice %columns {starts = affine_map<() -> (0, 0, 0)>, steps = array<i64: 1, 1, 1>} : (tensor<4x8x3xf32>) -> tensor<3x8x3xf32>
  %1 = tenon.matmul %x, %columns3 : (tensor<3x5x8xf32>, tensor<3x8x3xf32>) -> tensor<3x5x3xf32>
  %w = tenon.gather %table, %i {axis = 0} : (tensor<4x8x16xf32>, tensor<3xi64>) -> tensor<3x8x16xf32>
  %2 = tenon.matmul %x, %w : (tensor<3x5x8xf32>, tensor<3x8x16xf32>) -> tensor<3x5x16xf32>
  return %0, %1, %2, %w : tensor<4x5x16xf32>, tensor<3x5x3xf32>, tensor<3x5x16xf32>, tensor<3x8x16xf32>
}

// CHECK-LABEL: tenon.kernel @gather_matmul(
//       CHECK:   %[[W:.+]] = tenon.gather %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<4x8x16xf32>, tensor<3xi64>) -> tensor<3x8x16xf32>
//       CHECK:   tenon.matmul %{{.*}}, %[[W]]
