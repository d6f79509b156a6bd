// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// Sizes that only a run tells: what they broadcast to, and what must hold between them.
// CHECK-LABEL: @sizes
// CHECK: tenon.bind_broadcast #{{map[0-9]*}} to 2
// CHECK: tenon.require equal #{{map[0-9]*}}, "inner dimensions"
// CHECK: tenon.require broadcasts #{{map[0-9]*}}, "sizes"
// CHECK: tenon.require at_least #{{map[0-9]*}}, "bound"
func.func @sizes() attributes {tenon.symbols = ["A", "B", "C"]} {
  tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
  tenon.require equal affine_map<()[s0, s1] -> (s0, s1)>, "inner dimensions"
  tenon.require broadcasts affine_map<()[s0, s1] -> (s0, s1)>, "sizes"
  tenon.require at_least affine_map<()[s0] -> (s0 - 2, 0)>, "bound"
  return
}
