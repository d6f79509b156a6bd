// RUN: tenon-opt %s --tenon-move-transposes --canonicalize | FileCheck %s

// Two transposes meet below a pointwise op and cancel.
// CHECK-LABEL: func @through_relu
//  CHECK-NEXT:   %[[Y:.+]] = tenon.relu %arg0
//  CHECK-NEXT:   return %[[Y]]
func.func @through_relu(%x: tensor<1x8x6x4xf32>) -> tensor<1x8x6x4xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x6x4xf32>) -> tensor<1x4x8x6xf32>
  %1 = tenon.relu %0 : (tensor<1x4x8x6xf32>) -> tensor<1x4x8x6xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x4x8x6xf32>) -> tensor<1x8x6x4xf32>
  return %2 : tensor<1x8x6x4xf32>
}

// A value per channel becomes one of the last dimension: a view.
// CHECK-LABEL: func @per_channel
//  CHECK-NEXT:   %[[B:.+]] = tenon.reshape %arg1 : (tensor<4x1x1xf32>) -> tensor<1x1x1x4xf32>
//  CHECK-NEXT:   %[[Y:.+]] = tenon.add %arg0, %[[B]]
//  CHECK-NEXT:   return %[[Y]]
func.func @per_channel(%x: tensor<1x8x6x4xf32>, %b: tensor<4x1x1xf32>) -> tensor<1x8x6x4xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x6x4xf32>) -> tensor<1x4x8x6xf32>
  %1 = tenon.add %0, %b : (tensor<1x4x8x6xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x6xf32>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x4x8x6xf32>) -> tensor<1x8x6x4xf32>
  return %2 : tensor<1x8x6x4xf32>
}

// A reduction takes the axes of the other layout; what is left of it has one order only.
// CHECK-LABEL: func @reduce
//  CHECK-NEXT:   %[[M:.+]] = tenon.reduce mean %arg0 {axes = array<i64: 1, 2>}
//  CHECK-NEXT:   %[[Y:.+]] = tenon.reshape %[[M]] : (tensor<1x1x1x4xf32>) -> tensor<1x4x1x1xf32>
//  CHECK-NEXT:   return %[[Y]]
func.func @reduce(%x: tensor<1x8x6x4xf32>) -> tensor<1x4x1x1xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x6x4xf32>) -> tensor<1x4x8x6xf32>
  %1 = tenon.reduce mean %0 {axes = array<i64: 2, 3>} : (tensor<1x4x8x6xf32>) -> tensor<1x4x1x1xf32>
  return %1 : tensor<1x4x1x1xf32>
}

// Channels are joined in the layout that all parts come in.
// CHECK-LABEL: func @concat
//  CHECK-NEXT:   %[[Y:.+]] = tenon.concat %arg0, %arg1 {axis = 3 : i64}
//  CHECK-NEXT:   return %[[Y]]
func.func @concat(%x: tensor<1x8x6x4xf32>, %y: tensor<1x8x6x2xf32>) -> tensor<1x8x6x6xf32> {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x6x4xf32>) -> tensor<1x4x8x6xf32>
  %1 = tenon.transpose %y {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x6x2xf32>) -> tensor<1x2x8x6xf32>
  %2 = tenon.concat %0, %1 {axis = 1} : (tensor<1x4x8x6xf32>, tensor<1x2x8x6xf32>) -> tensor<1x6x8x6xf32>
  %3 = tenon.transpose %2 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x8x6xf32>) -> tensor<1x8x6x6xf32>
  return %3 : tensor<1x8x6x6xf32>
}

// A transposed value that is needed as such stays, and others do not wait for it.
// CHECK-LABEL: func @needed_twice
//  CHECK-NEXT:   %[[A:.+]] = tenon.transpose %arg0
//  CHECK-NEXT:   %[[R:.+]] = tenon.relu %arg0
//  CHECK-NEXT:   %[[B:.+]] = tenon.transpose %[[R]]
//  CHECK-NEXT:   return %[[A]], %[[B]]
func.func @needed_twice(%x: tensor<1x8x6x4xf32>) -> (tensor<1x4x8x6xf32>, tensor<1x4x8x6xf32>) {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x6x4xf32>) -> tensor<1x4x8x6xf32>
  %1 = tenon.relu %0 : (tensor<1x4x8x6xf32>) -> tensor<1x4x8x6xf32>
  return %0, %1 : tensor<1x4x8x6xf32>, tensor<1x4x8x6xf32>
}

// Values that are used twice move too, with sizes known only at run time.
// CHECK-LABEL: func @used_twice
//  CHECK-NEXT:   %[[R:.+]] = tenon.relu %arg0
//  CHECK-NEXT:   %[[Y:.+]] = tenon.add %[[R]], %arg0
//  CHECK-NEXT:   return %[[Y]]
func.func @used_twice(%x: tensor<?x8x6x4xf32, affine_map<()[s0] -> (s0, 8, 6, 4)>>) -> tensor<?x8x6x4xf32, affine_map<()[s0] -> (s0, 8, 6, 4)>> attributes {tenon.symbols = ["n"]} {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x8x6x4xf32, affine_map<()[s0] -> (s0, 8, 6, 4)>>) -> tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>
  %1 = tenon.relu %0 : (tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>) -> tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>
  %2 = tenon.add %1, %0 : (tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>, tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>) -> tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>
  %3 = tenon.transpose %2 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x4x8x6xf32, affine_map<()[s0] -> (s0, 4, 8, 6)>>) -> tensor<?x8x6x4xf32, affine_map<()[s0] -> (s0, 8, 6, 4)>>
  return %3 : tensor<?x8x6x4xf32, affine_map<()[s0] -> (s0, 8, 6, 4)>>
}

// A broadcast that only a run may find to be one does not keep a transpose from moving.
// CHECK-LABEL: func @uncertain_broadcast
//  CHECK-NEXT:   %[[B:.+]] = tenon.broadcast %arg0 : (tensor<1x?x6x4xf32, {{.*}}>) -> tensor<1x?x6x4xf32, {{.*}}>
//  CHECK-NEXT:   return %[[B]]
func.func @uncertain_broadcast(%x: tensor<1x?x6x4xf32, affine_map<()[s0] -> (1, s0, 6, 4)>>)
    -> tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>> attributes {tenon.symbols = ["H", "n"]} {
  %0 = tenon.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x?x6x4xf32, affine_map<()[s0] -> (1, s0, 6, 4)>>) -> tensor<1x4x?x6xf32, affine_map<()[s0] -> (1, 4, s0, 6)>>
  %1 = tenon.broadcast %0 : (tensor<1x4x?x6xf32, affine_map<()[s0] -> (1, 4, s0, 6)>>) -> tensor<1x4x?x6xf32, affine_map<()[s0, s1] -> (1, 4, s1, 6)>>
  %2 = tenon.transpose %1 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x4x?x6xf32, affine_map<()[s0, s1] -> (1, 4, s1, 6)>>) -> tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>
  return %2 : tensor<1x?x6x4xf32, affine_map<()[s0, s1] -> (1, s1, 6, 4)>>
}
