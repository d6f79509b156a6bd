// Sequences, optionals and maps: syntax, and what their types say of elements.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// Elements of several sizes have `?` for these; of several ranks, none.
// CHECK-LABEL: func.func @construct
// CHECK: tenon.sequence_construct %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<3x4xf32>) -> !tenon.sequence<tensor<?x4xf32>>
// CHECK: tenon.sequence_construct %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<f32>) -> !tenon.sequence<tensor<*xf32>>
// CHECK: tenon.sequence_construct : () -> !tenon.sequence<f32>
func.func @construct(%a: tensor<2x4xf32>, %b: tensor<3x4xf32>, %c: tensor<f32>) {
  %0 = tenon.sequence_construct %a, %b : (tensor<2x4xf32>, tensor<3x4xf32>) -> !tenon.sequence<tensor<?x4xf32>>
  %1 = tenon.sequence_construct %a, %c : (tensor<2x4xf32>, tensor<f32>) -> !tenon.sequence<tensor<*xf32>>
  %2 = tenon.sequence_construct : () -> !tenon.sequence<f32>
  return
}

// What is inserted may make the type of the elements wider.
// CHECK-LABEL: func.func @change
// CHECK: tenon.sequence_insert %{{.*}}, %{{.*}}, %{{.*}} : (!tenon.sequence<f32>, tensor<2xf32>, tensor<i64>) -> !tenon.sequence<tensor<2xf32>>
// CHECK: tenon.sequence_insert %{{.*}}, %{{.*}} {consumes} : (!tenon.sequence<tensor<2xf32>>, tensor<3xf32>) -> !tenon.sequence<tensor<?xf32>>
// CHECK: tenon.sequence_erase %{{.*}} : (!tenon.sequence<tensor<?xf32>>) -> !tenon.sequence<tensor<?xf32>>
func.func @change(%s: !tenon.sequence<f32>, %a: tensor<2xf32>, %b: tensor<3xf32>, %i: tensor<i64>) {
  %0 = tenon.sequence_insert %s, %a, %i : (!tenon.sequence<f32>, tensor<2xf32>, tensor<i64>) -> !tenon.sequence<tensor<2xf32>>
  %1 = tenon.sequence_insert %0, %b {consumes} : (!tenon.sequence<tensor<2xf32>>, tensor<3xf32>) -> !tenon.sequence<tensor<?xf32>>
  %2 = tenon.sequence_erase %1 : (!tenon.sequence<tensor<?xf32>>) -> !tenon.sequence<tensor<?xf32>>
  return
}

// Sizes of what is read are symbols; an optional of a sequence gives the sequence.
// CHECK-LABEL: func.func @read
// CHECK: tenon.sequence_at %{{.*}} : (!tenon.optional<!tenon.sequence<tensor<?x4xf32>>>) -> !tenon.sequence<tensor<?x4xf32>>
// CHECK: tenon.sequence_at %{{.*}}, %{{.*}} : (!tenon.sequence<tensor<?x4xf32>>, tensor<i64>) -> tensor<?x4xf32, #{{.*}}>
// CHECK: tenon.sequence_length %{{.*}} : (!tenon.sequence<tensor<?x4xf32>>) -> tensor<i64>
// CHECK: tenon.sequence_concat %{{.*}} {axis = 1 : i64, new_axis} : (!tenon.sequence<tensor<?x4xf32>>) -> tensor<?x?x4xf32, #{{.*}}>
func.func @read(%o: !tenon.optional<!tenon.sequence<tensor<?x4xf32>>>, %i: tensor<i64>)
    attributes {tenon.symbols = ["rows", "n", "m"]} {
  %0 = tenon.sequence_at %o : (!tenon.optional<!tenon.sequence<tensor<?x4xf32>>>) -> !tenon.sequence<tensor<?x4xf32>>
  %1 = tenon.sequence_at %0, %i : (!tenon.sequence<tensor<?x4xf32>>, tensor<i64>) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
  %2 = tenon.sequence_length %0 : (!tenon.sequence<tensor<?x4xf32>>) -> tensor<i64>
  %3 = tenon.sequence_concat %0 {axis = 1 : i64, new_axis} : (!tenon.sequence<tensor<?x4xf32>>) -> tensor<?x?x4xf32, affine_map<()[s0, s1, s2] -> (s1, s2, 4)>>
  return
}

// CHECK-LABEL: func.func @split
// CHECK: tenon.sequence_split %{{.*}} {axis = 0 : i64, drops_axis}
// CHECK: tenon.sequence_split %{{.*}}, %{{.*}} {axis = 1 : i64}
func.func @split(%x: tensor<2x6xf32>, %sizes: tensor<3xi64>) {
  %0 = tenon.sequence_split %x {axis = 0 : i64, drops_axis} : (tensor<2x6xf32>) -> !tenon.sequence<tensor<6xf32>>
  %1 = tenon.sequence_split %x, %sizes {axis = 1 : i64} : (tensor<2x6xf32>, tensor<3xi64>) -> !tenon.sequence<tensor<2x?xf32>>
  return
}

// CHECK-LABEL: func.func @maps
// CHECK: tenon.map_entries %{{.*}} : (!tenon.map<i64, f32>)
// CHECK: tenon.zip_map %{{.*}} {keys = ["a", "b"]} : (tensor<2x2xf32>) -> !tenon.sequence<!tenon.map<!tenon.string, f32>>
func.func @maps(%m: !tenon.map<i64, f32>, %x: tensor<2x2xf32>) attributes {tenon.symbols = ["entries"]} {
  %keys, %values = tenon.map_entries %m : (!tenon.map<i64, f32>)
    -> (tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<?xf32, affine_map<()[s0] -> (s0)>>)
  %0 = tenon.zip_map %x {keys = ["a", "b"]} : (tensor<2x2xf32>) -> !tenon.sequence<!tenon.map<!tenon.string, f32>>
  return
}

// A loop carries a sequence whose type is that of all that iterations put in.
// CHECK-LABEL: func.func @carry
// CHECK: tenon.loop max(%{{.*}} : tensor<i64>) carry(%{{.*}} : !tenon.sequence<f32>)
func.func @carry(%n: tensor<i64>, %x: tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>> {
  %true = tenon.constant dense<true> : tensor<i1>
  %empty = tenon.sequence_construct : () -> !tenon.sequence<f32>
  %0 = tenon.loop max(%n : tensor<i64>) carry(%empty : !tenon.sequence<f32>) {
  ^body(%i: tensor<i64>, %s: !tenon.sequence<tensor<2xf32>>):
    %next = tenon.sequence_insert %s, %x : (!tenon.sequence<tensor<2xf32>>, tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
    tenon.yield %true, %next : tensor<i1>, !tenon.sequence<tensor<2xf32>>
  } : !tenon.sequence<tensor<2xf32>>
  return %0 : !tenon.sequence<tensor<2xf32>>
}
