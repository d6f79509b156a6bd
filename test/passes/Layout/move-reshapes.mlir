// RUN: tenon-opt %s --tenon-move-reshapes | FileCheck %s

// A product of rows, a bias, and a residual that is in memory: all become one kernel.
// CHECK-LABEL: func @past_bias_and_residual
//       CHECK:   %[[P:.+]] = tenon.matmul
//  CHECK-NEXT:   %[[A:.+]] = tenon.add %[[P]], %arg2 : (tensor<64x16xf32>, tensor<16xf32>)
//  CHECK-NEXT:   %[[Z:.+]] = tenon.reshape %arg3 : (tensor<1x64x16xf32>) -> tensor<64x16xf32>
//  CHECK-NEXT:   %[[B:.+]] = tenon.add %[[A]], %[[Z]]
//  CHECK-NEXT:   %[[R:.+]] = tenon.reshape %[[B]]
//  CHECK-NEXT:   return %[[R]]
func.func @past_bias_and_residual(%x: tensor<64x8xf32>, %w: tensor<8x16xf32>, %b: tensor<16xf32>, %z: tensor<1x64x16xf32>) -> tensor<1x64x16xf32> {
  %0 = tenon.matmul %x, %w : (tensor<64x8xf32>, tensor<8x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
  %2 = tenon.add %1, %b : (tensor<1x64x16xf32>, tensor<16xf32>) -> tensor<1x64x16xf32>
  %3 = tenon.add %2, %z : (tensor<1x64x16xf32>, tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
  return %3 : tensor<1x64x16xf32>
}

// Two reshapes that meet are none.
// CHECK-LABEL: func @meet
//  CHECK-NEXT:   %[[A:.+]] = tenon.gelu %arg0 : (tensor<64x16xf32>)
//  CHECK-NEXT:   %[[B:.+]] = tenon.relu %[[A]]
//  CHECK-NEXT:   %[[C:.+]] = tenon.cast %[[B]] to ui8
//  CHECK-NEXT:   return %[[C]] : tensor<64x16xui8>
func.func @meet(%x: tensor<64x16xf32>) -> tensor<64x16xui8> {
  %0 = tenon.gelu %x : (tensor<64x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
  %2 = tenon.relu %1 : (tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
  %3 = tenon.reshape %2 : (tensor<1x64x16xf32>) -> tensor<64x16xf32>
  %4 = tenon.cast %3 to ui8 : (tensor<64x16xf32>) -> tensor<64x16xui8>
  return %4 : tensor<64x16xui8>
}

// The other operand has a number for each of the rows that the reshape splits.
// CHECK-LABEL: func @rows_of_another_form
//       CHECK:   tenon.reshape %{{.+}} : (tensor<64x16xf32>) -> tensor<4x16x16xf32>
//  CHECK-NEXT:   tenon.mul
func.func @rows_of_another_form(%x: tensor<64x16xf32>, %s: tensor<16x1xf32>) -> tensor<4x16x16xf32> {
  %0 = tenon.relu %x : (tensor<64x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<4x16x16xf32>
  %2 = tenon.mul %1, %s : (tensor<4x16x16xf32>, tensor<16x1xf32>) -> tensor<4x16x16xf32>
  return %2 : tensor<4x16x16xf32>
}

// What is computed for this alone would have to be stored.
// CHECK-LABEL: func @another_kernel
//       CHECK:   tenon.reshape %{{.+}} : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
//  CHECK-NEXT:   tenon.exp
//  CHECK-NEXT:   tenon.mul
func.func @another_kernel(%x: tensor<64x16xf32>, %y: tensor<1x64x16xf32>) -> tensor<1x64x16xf32> {
  %0 = tenon.relu %x : (tensor<64x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
  %2 = tenon.exp %y : (tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
  %3 = tenon.mul %1, %2 : (tensor<1x64x16xf32>, tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
  return %3 : tensor<1x64x16xf32>
}

// Both the reshape and what it reads have other readers.
// CHECK-LABEL: func @read_by_others
//       CHECK:   tenon.reshape %{{.+}} : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
//  CHECK-NEXT:   tenon.relu
func.func @read_by_others(%x: tensor<64x16xf32>) -> (tensor<1x64x16xf32>, tensor<1x64x16xf32>) {
  %0 = tenon.exp %x : (tensor<64x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
  %2 = tenon.relu %1 : (tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
  return %1, %2 : tensor<1x64x16xf32>, tensor<1x64x16xf32>
}

// Either product may take the sum into its kernel: reshapes move for neither, or they would move for both in turn.
// CHECK-LABEL: func @rivals
//       CHECK:   tenon.matmul
//  CHECK-NEXT:   tenon.reshape %{{.+}} : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
//  CHECK-NEXT:   tenon.matmul
//  CHECK-NEXT:   tenon.add
func.func @rivals(%x: tensor<64x8xf32>, %w: tensor<8x16xf32>, %y: tensor<1x64x8xf32>) -> tensor<1x64x16xf32> {
  %0 = tenon.matmul %x, %w : (tensor<64x8xf32>, tensor<8x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
  %2 = tenon.matmul %y, %w : (tensor<1x64x8xf32>, tensor<8x16xf32>) -> tensor<1x64x16xf32>
  %3 = tenon.add %1, %2 : (tensor<1x64x16xf32>, tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
  return %3 : tensor<1x64x16xf32>
}

// The same where both are reshaped, from different forms.
// CHECK-LABEL: func @reshaped_rivals
//       CHECK:   tenon.reshape %{{.+}} : (tensor<64x16xf32>) -> tensor<4x16x16xf32>
//       CHECK:   tenon.reshape %{{.+}} : (tensor<4x256xf32>) -> tensor<4x16x16xf32>
//  CHECK-NEXT:   tenon.add
func.func @reshaped_rivals(%x: tensor<64x16xf32>, %y: tensor<4x256xf32>) -> tensor<4x16x16xf32> {
  %0 = tenon.exp %x : (tensor<64x16xf32>) -> tensor<64x16xf32>
  %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<4x16x16xf32>
  %2 = tenon.exp %y : (tensor<4x256xf32>) -> tensor<4x256xf32>
  %3 = tenon.reshape %2 : (tensor<4x256xf32>) -> tensor<4x16x16xf32>
  %4 = tenon.add %1, %3 : (tensor<4x16x16xf32>, tensor<4x16x16xf32>) -> tensor<4x16x16xf32>
  return %4 : tensor<4x16x16xf32>
}
