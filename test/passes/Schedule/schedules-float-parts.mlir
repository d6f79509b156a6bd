// Products of f32 are sums of products of bf16 on tiles where the op allows it and that takes less time; elsewhere, and without
// AMX, they are multiply-adds.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=sapphirerapids --tenon-assign-schedules | FileCheck %s
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=icelake-server --tenon-assign-schedules | FileCheck %s --check-prefix=OTHER
// OTHER-NOT: tdpbf16ps

// CHECK-LABEL: tenon.kernel @three(
//  CHECK-SAME:   tile_rows = 32, tile_vectors = 2, {{.*}}packed = true, pack_input = true, {{.*}}mma = <tdpbf16ps, products = 3>
tenon.kernel @three(%x: tensor<128x768xf32>, %w: tensor<768x768xf32> {tenon.weights}) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.bfloat_products = 3 : i64} : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}

// CHECK-LABEL: tenon.kernel @six(
//  CHECK-SAME:   mma = <tdpbf16ps, products = 6>
tenon.kernel @six(%x: tensor<128x768xf32>, %w: tensor<768x768xf32> {tenon.weights}) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.bfloat_products = 6 : i64} : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}

// Not silently.
// CHECK-LABEL: tenon.kernel @plain(
//   CHECK-NOT:   tdpbf16ps
//       CHECK:   tenon.yield
tenon.kernel @plain(%x: tensor<128x768xf32>, %w: tensor<768x768xf32> {tenon.weights}) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}

// Neighbouring taps count together, and short lines share tiles.
// CHECK-LABEL: tenon.kernel @conv(
//  CHECK-SAME:   tile_rows = 7, tile_vectors = 2, tile_lines = 4, {{.*}}mma = <tdpbf16ps, products = 3>, merge_taps = true
tenon.kernel @conv(%x: tensor<1x9x9x512xf32>, %w: tensor<3x3x512x512xf32> {tenon.weights}) -> tensor<1x7x7x512xf32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1, tenon.bfloat_products = 3 : i64} : (tensor<1x9x9x512xf32>, tensor<3x3x512x512xf32>) -> tensor<1x7x7x512xf32>
  tenon.yield %0 : tensor<1x7x7x512xf32>
}

// One row takes the time of reading weights, 12 outputs fill no tile, and splitting 64 channels for 16 outputs takes longer than
// multiplying them.
// CHECK-LABEL: tenon.kernel @row(
//   CHECK-NOT:   tdpbf16ps
// CHECK-LABEL: tenon.kernel @columns(
//   CHECK-NOT:   tdpbf16ps
// CHECK-LABEL: tenon.kernel @computed(
//   CHECK-NOT:   tdpbf16ps
tenon.kernel @row(%x: tensor<1x768xf32>, %w: tensor<768x768xf32> {tenon.weights}) -> tensor<1x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.bfloat_products = 3 : i64} : (tensor<1x768xf32>, tensor<768x768xf32>) -> tensor<1x768xf32>
  tenon.yield %0 : tensor<1x768xf32>
}
tenon.kernel @columns(%x: tensor<128x33xf32>, %w: tensor<33x12xf32> {tenon.weights}) -> tensor<128x12xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.bfloat_products = 3 : i64} : (tensor<128x33xf32>, tensor<33x12xf32>) -> tensor<128x12xf32>
  tenon.yield %0 : tensor<128x12xf32>
}
tenon.kernel @computed(%x: tensor<128x768xf32>, %w: tensor<768x768xf32>) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w {tenon.bfloat_products = 3 : i64} : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}
