// Pictures: syntax, and that they are decoded where only their size is used.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s
// RUN: tenon-opt %s --canonicalize --cse | FileCheck %s --check-prefix=KEPT

// CHECK-LABEL: func.func @decode
// CHECK: tenon.decode_image rgb %{{.*}} : (tensor<?xui8, #{{.*}}>) -> tensor<?x?x3xui8, #{{.*}}>
// CHECK: tenon.decode_image bgr
// CHECK: tenon.decode_image grey %{{.*}} -> tensor<?x?x1xui8
// KEPT-COUNT-3: tenon.decode_image
func.func @decode(%bytes: tensor<?xui8, affine_map<()[s0] -> (s0)>>)
    attributes {tenon.symbols = ["n", "h", "w", "h1", "w1", "h2", "w2"]} {
  %0 = tenon.decode_image rgb %bytes : (tensor<?xui8, affine_map<()[s0] -> (s0)>>)
    -> tensor<?x?x3xui8, affine_map<()[s0, s1, s2] -> (s1, s2, 3)>>
  %1 = tenon.decode_image bgr %bytes : (tensor<?xui8, affine_map<()[s0] -> (s0)>>)
    -> tensor<?x?x3xui8, affine_map<()[s0, s1, s2, s3, s4] -> (s3, s4, 3)>>
  %2 = tenon.decode_image grey %bytes : (tensor<?xui8, affine_map<()[s0] -> (s0)>>)
    -> tensor<?x?x1xui8, affine_map<()[s0, s1, s2, s3, s4, s5, s6] -> (s5, s6, 1)>>
  return
}
