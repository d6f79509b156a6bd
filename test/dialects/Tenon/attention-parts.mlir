// Attention whose keys are taken in parts, and what joins them.
// RUN: tenon-opt %s --mlir-print-local-scope --canonicalize --split-input-file | FileCheck %s

// The result has the parts, and of each row the largest score and the sum of its powers.
// CHECK-LABEL: func.func @decoder
//       CHECK:   %[[P:.+]] = tenon.attention %{{.+}} {keyParts = 8 : i64, {{.*}}} : {{.*}} -> tensor<8x1x4x1x50xf32>
//       CHECK:   tenon.join_attention %[[P]] {resultOrder = array<i64: 0, 2, 1, 3>, zeroEmptyRows} : (tensor<8x1x4x1x50xf32>) -> tensor<1x1x4x48xf16>
func.func @decoder(%q: tensor<1x4x1x32xf16>, %k: tensor<1x2x700x32xf16>, %v: tensor<1x2x700x48xf16>) -> tensor<1x1x4x48xf16> {
  %0 = tenon.attention %q, %k, %v {scale = 5.0e-1, keyParts = 8}
     : (tensor<1x4x1x32xf16>, tensor<1x2x700x32xf16>, tensor<1x2x700x48xf16>) -> tensor<8x1x4x1x50xf32>
  %1 = tenon.join_attention %0 {resultOrder = array<i64: 0, 2, 1, 3>, zeroEmptyRows} : (tensor<8x1x4x1x50xf32>) -> tensor<1x1x4x48xf16>
  return %1 : tensor<1x1x4x48xf16>
}

// -----

// Operands lie in any order, and sizes may be for a run to tell.
// CHECK-LABEL: func.func @ordered
//       CHECK:   tenon.attention %{{.+}} {keyOrder = array<i64: 1, 0, 2>, keyParts = 4 : i64, {{.*}}} : {{.*}} -> tensor<4x2x1x18xf32>
func.func @ordered(%q: tensor<2x1x8xf32>, %k: tensor<?x2x8xf32, affine_map<()[s0] -> (s0, 2, 8)>>, %v: tensor<2x?x16xf32, affine_map<()[s0] -> (2, s0, 16)>>) -> tensor<4x2x1x18xf32>
    attributes {tenon.symbols = ["n"]} {
  %t = tenon.transpose %k {permutation = array<i64: 1, 0, 2>} : (tensor<?x2x8xf32, affine_map<()[s0] -> (s0, 2, 8)>>) -> tensor<2x?x8xf32, affine_map<()[s0] -> (2, s0, 8)>>
  %0 = tenon.attention %q, %t, %v {scale = 1.0, keyParts = 4}
     : (tensor<2x1x8xf32>, tensor<2x?x8xf32, affine_map<()[s0] -> (2, s0, 8)>>, tensor<2x?x16xf32, affine_map<()[s0] -> (2, s0, 16)>>) -> tensor<4x2x1x18xf32>
  return %0 : tensor<4x2x1x18xf32>
}
