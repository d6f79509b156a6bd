// Ops on strings keep their attributes when they are printed and read again, and take handles, too.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// Strings are joined, and split by one string.
// CHECK-LABEL: @parts
func.func @parts(%a: tensor<2x!tenon.string>, %b: tensor<2x!tenon.string>, %d: tensor<!tenon.string>)
    -> tensor<2x3x!tenon.string> {
  // CHECK: %[[C:.*]] = tenon.string_concat %{{.*}}, %{{.*}} : (tensor<2x!tenon.string>, tensor<2x!tenon.string>) -> tensor<2x!tenon.string>
  %c = tenon.string_concat %a, %b : (tensor<2x!tenon.string>, tensor<2x!tenon.string>) -> tensor<2x!tenon.string>
  // CHECK: tenon.string_split_counts %[[C]], %{{.*}} {max_splits = 2 : i64}
  %n = tenon.string_split_counts %c, %d {max_splits = 2 : i64}
    : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2xi64>
  // CHECK: tenon.string_split %[[C]], %{{.*}} {max_splits = 2 : i64} {{.*}} -> tensor<2x3x!tenon.string>
  %y = tenon.string_split %c, %d {max_splits = 2 : i64}
    : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2x3x!tenon.string>
  return %y : tensor<2x3x!tenon.string>
}

// What regular expressions become is an operand.
// CHECK-LABEL: @patterns
func.func @patterns(%x: tensor<2x!tenon.string>, %program: tensor<9x3xi32>, %pad: tensor<!tenon.string>)
    -> (tensor<2xi1>, tensor<2x5x!tenon.string>) {
  // CHECK: tenon.regex_full_match %{{.*}}, %{{.*}} : (tensor<2x!tenon.string>, tensor<9x3xi32>) -> tensor<2xi1>
  %m = tenon.regex_full_match %x, %program : (tensor<2x!tenon.string>, tensor<9x3xi32>) -> tensor<2xi1>
  // CHECK: tenon.token_counts separators {{.*}}least = 2 : i64, starts = array<i64: 0, 4>
  %n = tenon.token_counts separators %x, %program {least = 2 : i64, starts = array<i64: 0, 4>}
    : (tensor<2x!tenon.string>, tensor<9x3xi32>) -> tensor<2xi64>
  // CHECK: tenon.tokenize expression {{.*}}least = 1 : i64, mark, starts = array<i64: 0>
  %t = tenon.tokenize expression %x, %program, %pad {least = 1 : i64, mark, starts = array<i64: 0>}
    : (tensor<2x!tenon.string>, tensor<9x3xi32>, tensor<!tenon.string>) -> tensor<2x5x!tenon.string>
  return %m, %t : tensor<2xi1>, tensor<2x5x!tenon.string>
}

// Handles are strings to these ops.
// CHECK-LABEL: @handles
func.func @handles(%x: tensor<?xi64, affine_map<()[s0] -> (s0)>>, %mapping: tensor<26x2xi32>)
    -> tensor<?xi64, affine_map<()[s0] -> (s0)>> attributes {tenon.symbols = ["n"]} {
  // CHECK: tenon.map_characters
  %y = tenon.map_characters %x, %mapping
    : (tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<26x2xi32>) -> tensor<?xi64, affine_map<()[s0] -> (s0)>>
  // CHECK: tenon.string_ranks
  %r = tenon.string_ranks %y
    : (tensor<?xi64, affine_map<()[s0] -> (s0)>>) -> tensor<?xi64, affine_map<()[s0] -> (s0)>>
  return %r : tensor<?xi64, affine_map<()[s0] -> (s0)>>
}

// Numbers and what they are spelled like.
// CHECK-LABEL: @numbers
func.func @numbers(%x: tensor<2x!tenon.string>) -> tensor<2x!tenon.string> {
  // CHECK: tenon.parse_numbers %{{.*}} : (tensor<2x!tenon.string>) -> tensor<2xui64>
  %n = tenon.parse_numbers %x : (tensor<2x!tenon.string>) -> tensor<2xui64>
  // CHECK: tenon.format_numbers %{{.*}} : (tensor<2xui64>) -> tensor<2x!tenon.string>
  %y = tenon.format_numbers %n : (tensor<2xui64>) -> tensor<2x!tenon.string>
  return %y : tensor<2x!tenon.string>
}

// What moves elements, compares them or passes them on takes strings.
// CHECK-LABEL: @moves
func.func @moves(%x: tensor<2x3x!tenon.string>, %i: tensor<1xi64>, %c: tensor<i1>) -> tensor<3x1xi1> {
  // CHECK-COUNT-3: !tenon.string
  %t = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3x!tenon.string>) -> tensor<3x2x!tenon.string>
  %g = tenon.gather %t, %i {axis = 1} : (tensor<3x2x!tenon.string>, tensor<1xi64>) -> tensor<3x1x!tenon.string>
  %y = tenon.if %c : (tensor<i1>) -> tensor<3x1x!tenon.string> {
    tenon.yield %g : tensor<3x1x!tenon.string>
  } else {
    tenon.yield %g : tensor<3x1x!tenon.string>
  }
  %e = tenon.equal %y, %g : (tensor<3x1x!tenon.string>, tensor<3x1x!tenon.string>) -> tensor<3x1xi1>
  return %e : tensor<3x1xi1>
}
