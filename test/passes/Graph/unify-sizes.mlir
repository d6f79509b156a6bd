// RUN: tenon-opt %s --pass-pipeline='builtin.module(func.func(tenon-unify-sizes))' --split-input-file | FileCheck %s

// Scores must have as many columns as there are values: only the mask still repeats. The check
// comes where the symbol is bound.
// CHECK-LABEL: @masked_scores
// CHECK: tenon.bind_broadcast #{{map[0-9]*}} to 2
// CHECK-NEXT: tenon.require equal #{{map[0-9]*}}
// CHECK-NOT: tenon.broadcast %arg0
// CHECK: %[[MASK:.*]] = tenon.broadcast %arg1 : (tensor<?xf32, #{{map[0-9]*}}>) -> tensor<?xf32, #{{map[0-9]*}}>
// CHECK: tenon.add %arg0, %[[MASK]]
func.func @masked_scores(%scores: tensor<?xf32, affine_map<()[s0] -> (s0)>>,
                         %mask: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>)
    -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>> attributes {tenon.symbols = ["T", "M", "n"]} {
  tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
  %a = tenon.broadcast %scores : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
  %b = tenon.broadcast %mask : (tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
  %c = tenon.add %a, %b : (tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>, tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>) -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
  tenon.require equal affine_map<()[s0, s1, s2] -> (s2, s0)>, "inner dimensions"
  return %c : tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
}

// -----

// What is younger than the symbol is not known where it is bound.
// CHECK-LABEL: @younger
// CHECK: tenon.bind_broadcast #{{map[0-9]*}} to 2
// CHECK-NEXT: tenon.bind_symbol
// CHECK-NEXT: tenon.require equal #{{map[0-9]*}}
func.func @younger(%x: tensor<?x?xi64, affine_map<()[s0, s1] -> (s0, s1)>>, %n: tensor<1xi64>)
    attributes {tenon.symbols = ["A", "B", "n", "late"]} {
  tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
  tenon.bind_symbol %n[0] to 3 : tensor<1xi64>
  tenon.require equal affine_map<()[s0, s1, s2, s3] -> (s2, s3)>, "sizes"
  return
}

// -----

// Once one symbol is replaced, both sizes of the next one are the same.
// CHECK-LABEL: @cascade
// CHECK: tenon.bind_broadcast #{{map[0-9]*}} to 2
// CHECK-NEXT: tenon.require equal #{{map[0-9]*}}
// CHECK-NOT: tenon.bind_broadcast
// CHECK: return %arg0
func.func @cascade(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>, %y: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>)
    -> tensor<?xf32, affine_map<()[s0, s1, s2, s3] -> (s3)>> attributes {tenon.symbols = ["A", "B", "n", "m"]} {
  tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
  tenon.bind_broadcast affine_map<()[s0, s1, s2] -> (s2, s0)> to 3
  tenon.require equal affine_map<()[s0, s1, s2] -> (s0, s2)>, "sizes"
  %0 = tenon.broadcast %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0, s1, s2, s3] -> (s3)>>
  return %0 : tensor<?xf32, affine_map<()[s0, s1, s2, s3] -> (s3)>>
}

// -----

// A size less what it has beyond a constant is that size where both must be equal: nothing is beyond.
// CHECK-LABEL: @smaller
// CHECK: tenon.bind_symbol %arg1[0] to 1
// CHECK-NEXT: tenon.require equal #[[EQUATION:map[0-9]*]], "sizes"
// CHECK-NOT: tenon.broadcast
// CHECK: return %arg0 : tensor<?xf32, #[[WHOLE:map[0-9]*]]>
func.func @smaller(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>, %excess: tensor<1xi64>)
    -> tensor<?xf32, affine_map<()[s0, s1] -> (s0 - s1)>> attributes {tenon.symbols = ["N", "excess"]} {
  tenon.bind_symbol %excess[0] to 1 : tensor<1xi64>
  %y = tenon.broadcast %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s0 - s1)>>
  tenon.require equal affine_map<()[s0, s1] -> (s0 - s1, s0)>, "sizes"
  return %y : tensor<?xf32, affine_map<()[s0, s1] -> (s0 - s1)>>
}
