// RUN: tenon-opt %s --mlir-print-local-scope --pass-pipeline='builtin.module(tenon-assign-target{target=cuda:sm_80},func.func(tenon-split-sums))' --split-input-file | FileCheck %s

// Weights that are known are turned: a part's numbers of a column lie side by side. The sum is f32 until it is complete.
// CHECK-LABEL: func.func @known
//       CHECK:   %[[W:.*]] = tenon.constant
//       CHECK:   %[[X:.*]] = tenon.reshape %{{.*}} -> tensor<16x32x128xf16>
//       CHECK:   %[[ROWS:.*]] = tenon.transpose %[[X]] {permutation = array<i64: 1, 0, 2>} : (tensor<16x32x128xf16>) -> tensor<32x16x128xf16>
//       CHECK:   %[[T:.*]] = tenon.transpose %[[W]] {permutation = array<i64: 1, 0>}
//       CHECK:   %[[C:.*]] = tenon.reshape %[[T]] : (tensor<64x4096xf16>) -> tensor<64x32x128xf16>
//       CHECK:   %[[COLUMNS:.*]] = tenon.transpose %[[C]] {permutation = array<i64: 1, 0, 2>}
//       CHECK:   %[[PARTS:.*]] = tenon.matmul %[[ROWS]], %[[COLUMNS]] {transposeRhs} : (tensor<32x16x128xf16>, tensor<32x64x128xf16>) -> tensor<32x16x64xf32>
//       CHECK:   %[[SUM:.*]] = tenon.reduce sum %[[PARTS]] {axes = array<i64: 0>}
//       CHECK:   %[[HALF:.*]] = tenon.cast %[[SUM]] to f16
//       CHECK:   tenon.reshape %[[HALF]] : (tensor<1x16x64xf16>) -> tensor<2x8x64xf16>
func.func @known(%x: tensor<2x8x4096xf16>) -> tensor<2x8x64xf16> {
  %w = tenon.constant dense<1.0> : tensor<4096x64xf16>
  %y = tenon.matmul %x, %w : (tensor<2x8x4096xf16>, tensor<4096x64xf16>) -> tensor<2x8x64xf16>
  return %y : tensor<2x8x64xf16>
}

// -----

// Parts of what is computed are rows of it. What may be rounded stays so.
// CHECK-LABEL: func.func @computed
//       CHECK:   tenon.reshape %{{.*}} : (tensor<8192x64xf32>) -> tensor<[[PARTS:[0-9]+]]x[[DEPTH:[0-9]+]]x64xf32>
//       CHECK:   tenon.matmul {{.*}} {tenon.multiplied_type = tf32} : (tensor<[[PARTS]]x32x[[DEPTH]]xf32>, tensor<[[PARTS]]x[[DEPTH]]x64xf32>)
func.func @computed(%x: tensor<32x8192xf32>, %w: tensor<8192x64xf32>) -> tensor<32x64xf32> {
  %y = tenon.matmul %x, %w {tenon.multiplied_type = tf32} : (tensor<32x8192xf32>, tensor<8192x64xf32>) -> tensor<32x64xf32>
  return %y : tensor<32x64xf32>
}

// -----

// One row needs no copy: its parts lie one behind the other.
// CHECK-LABEL: func.func @one_row
//   CHECK-NOT:   tenon.transpose
//       CHECK:   tenon.matmul {{.*}} : (tensor<[[PARTS:[0-9]+]]x1x{{[0-9]+}}xf32>, tensor<[[PARTS]]x{{[0-9]+}}x64xf32>) -> tensor<[[PARTS]]x1x64xf32>
func.func @one_row(%x: tensor<1x4096xf32>, %w: tensor<4096x64xf32>) -> tensor<1x64xf32> {
  %y = tenon.matmul %x, %w : (tensor<1x4096xf32>, tensor<4096x64xf32>) -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}

// -----

// Bytes: sums of integers are whole.
// CHECK-LABEL: func.func @bytes
//       CHECK:   tenon.matmul {{.*}} : (tensor<[[PARTS:[0-9]+]]x16x{{[0-9]+}}xui8>, tensor<[[PARTS]]x{{[0-9]+}}x64xi8>) -> tensor<[[PARTS]]x16x64xi32>
func.func @bytes(%x: tensor<16x8192xui8>, %w: tensor<8192x64xi8>) -> tensor<16x64xi32> {
  %y = tenon.matmul %x, %w : (tensor<16x8192xui8>, tensor<8192x64xi8>) -> tensor<16x64xi32>
  return %y : tensor<16x64xi32>
}

// -----

// There are tiles for all multiprocessors; the depth is short; columns would have to be copied; sizes are not known; few rows
// of columns that are read as they lie are shared by warps (`slices`).
// CHECK-LABEL: func.func @whole
//   CHECK-NOT:   tenon.reduce
func.func @whole(%a: tensor<2048x2048xf16>, %b: tensor<64x128xf32>, %c: tensor<128x64xf32>, %d: tensor<32x8192xf32>,
                 %e: tensor<64x8192xf32>, %f: tensor<?x8192xf32, affine_map<()[s0] -> (s0, 8192)>>, %g: tensor<8192x64xf32>, %h: tensor<1x8192xf32>)
    -> (tensor<2048x2048xf16>, tensor<64x64xf32>, tensor<32x64xf32>, tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>, tensor<1x64xf32>)
    attributes {tenon.symbols = ["n"]} {
  %w = tenon.constant dense<1.0> : tensor<8192x64xf32>
  %0 = tenon.matmul %a, %a : (tensor<2048x2048xf16>, tensor<2048x2048xf16>) -> tensor<2048x2048xf16>
  %1 = tenon.matmul %b, %c : (tensor<64x128xf32>, tensor<128x64xf32>) -> tensor<64x64xf32>
  %2 = tenon.matmul %d, %e {transposeRhs} : (tensor<32x8192xf32>, tensor<64x8192xf32>) -> tensor<32x64xf32>
  %3 = tenon.matmul %f, %g : (tensor<?x8192xf32, affine_map<()[s0] -> (s0, 8192)>>, tensor<8192x64xf32>) -> tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
  %4 = tenon.matmul %h, %w : (tensor<1x8192xf32>, tensor<8192x64xf32>) -> tensor<1x64xf32>
  return %0, %1, %2, %3, %4 : tensor<2048x2048xf16>, tensor<64x64xf32>, tensor<32x64xf32>, tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>, tensor<1x64xf32>
}

// -----

// One query for each head: the keys are taken in parts. What joins them stores results as they were.
// CHECK-LABEL: func.func @decoder
//       CHECK:   %[[PARTS:.*]] = tenon.attention {{.*}} bias {{.*}} {keyParts = [[P:[0-9]+]] : i64, scale = {{.*}}, valueOrder = array<i64: 0, 2, 1, 3>, zeroEmptyRows} : {{.*}} -> tensor<[[P]]x1x32x1x130xf32>
//       CHECK:   tenon.join_attention %[[PARTS]] {resultOrder = array<i64: 0, 2, 1, 3>, zeroEmptyRows} : (tensor<[[P]]x1x32x1x130xf32>) -> tensor<1x1x32x128xf16>
func.func @decoder(%q: tensor<1x32x1x128xf16>, %k: tensor<1x8x4096x128xf16>, %v: tensor<1x4096x8x128xf16>, %b: tensor<1x1x1x4096xf16>) -> tensor<1x1x32x128xf16> {
  %y = tenon.attention %q, %k, %v bias %b {scale = 1.0, valueOrder = array<i64: 0, 2, 1, 3>, resultOrder = array<i64: 0, 2, 1, 3>, zeroEmptyRows}
     : (tensor<1x32x1x128xf16>, tensor<1x8x4096x128xf16>, tensor<1x4096x8x128xf16>, tensor<1x1x1x4096xf16>) -> tensor<1x1x32x128xf16>
  return %y : tensor<1x1x32x128xf16>
}

// -----

// How many keys there are may be for a run to tell: they count as many.
// CHECK-LABEL: func.func @cache
//       CHECK:   tenon.attention {{.*}} {keyParts = {{[0-9]+}} : i64
//       CHECK:   tenon.join_attention
func.func @cache(%q: tensor<8x1x64xf32>, %k: tensor<8x?x64xf32, affine_map<()[s0] -> (8, s0, 64)>>) -> tensor<8x1x64xf32> attributes {tenon.symbols = ["n"]} {
  %y = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<8x1x64xf32>, tensor<8x?x64xf32, affine_map<()[s0] -> (8, s0, 64)>>, tensor<8x?x64xf32, affine_map<()[s0] -> (8, s0, 64)>>) -> tensor<8x1x64xf32>
  return %y : tensor<8x1x64xf32>
}

// -----

// Many rows of queries, or few keys.
// CHECK-LABEL: func.func @whole_keys
//   CHECK-NOT:   keyParts
func.func @whole_keys(%q: tensor<1x32x512x64xf16>, %r: tensor<1x8x1x64xf32>, %s: tensor<1x8x50x64xf32>) -> (tensor<1x32x512x64xf16>, tensor<1x8x1x64xf32>) {
  %0 = tenon.attention %q, %q, %q {scale = 1.0} : (tensor<1x32x512x64xf16>, tensor<1x32x512x64xf16>, tensor<1x32x512x64xf16>) -> tensor<1x32x512x64xf16>
  %1 = tenon.attention %r, %s, %s {scale = 1.0} : (tensor<1x8x1x64xf32>, tensor<1x8x50x64xf32>, tensor<1x8x50x64xf32>) -> tensor<1x8x1x64xf32>
  return %0, %1 : tensor<1x32x512x64xf16>, tensor<1x8x1x64xf32>
}
