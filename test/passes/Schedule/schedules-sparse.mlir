// What of zeros in weights a schedule skips, by their number and pattern.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=znver4 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,NARROW

// A fifth of the rows of 16 outputs is left: panels are as wide, and a tile has more rows.
// CHECK-LABEL: tenon.kernel @blocks(
//  WIDE-SAME:   schedule = #cpu.contraction_schedule<lanes = 16, tile_rows = {{[0-9]+}}, {{.*}}packed = true, {{.*}}skip = <zeros = blocks, kept = 7300>>
// NARROW-SAME:  schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = {{[0-9]+}}, tile_vectors = 2, {{.*}}packed = true, {{.*}}skip = <zeros = blocks, kept = 7300>>
tenon.kernel @blocks(%x: tensor<128x768xf32>, %w: tensor<768x768xf32> {tenon.weights, tenon.zeros = {blocks = [array<i64: 1, 16, 7300>, array<i64: 1, 1, 116800>], run_bytes = 2359296}}) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}

// A fifth of single weights, but hardly a row without any: they are multiplied one by one by vectors of rows.
// CHECK-LABEL: tenon.kernel @columns(
//  CHECK-SAME:   tile_rows = 64, {{.*}}pack_input = true, {{.*}}skip = <zeros = columns, kept = 116800, depth = 64>>
tenon.kernel @columns(%x: tensor<128x768xf32>, %w: tensor<768x768xf32> {tenon.weights, tenon.zeros = {blocks = [array<i64: 1, 16, 35800>, array<i64: 1, 1, 116800>], run_bytes = 2359296}}) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}

// Few zeros gain nothing.
// CHECK-LABEL: tenon.kernel @few(
//   CHECK-NOT:   skip
//       CHECK: tenon.yield
tenon.kernel @few(%x: tensor<128x768xf32>, %w: tensor<768x768xf32> {tenon.weights, tenon.zeros = {blocks = [array<i64: 1, 16, 36864>, array<i64: 1, 1, 412000>], run_bytes = 2359296}}) -> tensor<128x768xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x768xf32>, tensor<768x768xf32>) -> tensor<128x768xf32>
  tenon.yield %0 : tensor<128x768xf32>
}

// One row waits for weights from memory: AVX-512 puts those that are left back to their places.
// CHECK-LABEL: tenon.kernel @decode(
//  WIDE-SAME:   skip = <zeros = single, kept = 3355443>>
// NARROW-NOT:   skip
//       CHECK: tenon.yield
tenon.kernel @decode(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32> {tenon.weights, tenon.zeros = {blocks = [array<i64: 1, 16, 1020000>, array<i64: 1, 1, 3355443>], run_bytes = 671088640}}) -> tensor<1x4096xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x4096xf32>, tensor<4096x4096xf32>) -> tensor<1x4096xf32>
  tenon.yield %0 : tensor<1x4096xf32>
}

// The same weights come from a cache where they are all that the program reads.
// CHECK-LABEL: tenon.kernel @cached(
//   CHECK-NOT:   skip
//       CHECK: tenon.yield
tenon.kernel @cached(%x: tensor<1x1024xf32>, %w: tensor<1024x1024xf32> {tenon.weights, tenon.zeros = {blocks = [array<i64: 1, 16, 63000>, array<i64: 1, 1, 209715>], run_bytes = 4194304}}) -> tensor<1x1024xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<1x1024xf32>, tensor<1024x1024xf32>) -> tensor<1x1024xf32>
  tenon.yield %0 : tensor<1x1024xf32>
}

// Blocks of bytes are what one instruction takes: four channels, or two, of 16 outputs.
// CHECK-LABEL: tenon.kernel @bytes(
//  WIDE-SAME:   mma = <vpdpbusd>, skip = <zeros = blocks, kept = 1850>>
// NARROW-SAME:  mma = <vpmaddwd>, skip = <zeros = blocks, kept = 3700>>
tenon.kernel @bytes(%x: tensor<128x768xui8>, %w: tensor<768x768xi8> {tenon.weights, tenon.zeros = {blocks = [array<i64: 4, 16, 1850>, array<i64: 2, 16, 3700>, array<i64: 1, 1, 117000>], run_bytes = 589824}}) -> tensor<128x768xi32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<128x768xui8>, tensor<768x768xi8>) -> tensor<128x768xi32>
  tenon.yield %0 : tensor<128x768xi32>
}

// Filters that are read tap by tap have lists for each.
// CHECK-LABEL: tenon.kernel @taps(
//  CHECK-SAME:   skip = <zeros = blocks, kept = 640>>
tenon.kernel @taps(%x: tensor<1x32x32x64xf32>, %w: tensor<5x5x64x32xf32> {tenon.weights, tenon.zeros = {blocks = [array<i64: 1, 16, 640>, array<i64: 1, 1, 10240>], run_bytes = 204800}}) -> tensor<1x28x28x32xf32> attributes {strategy = "contraction"} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x32x32x64xf32>, tensor<5x5x64x32xf32>) -> tensor<1x28x28x32xf32>
  tenon.yield %0 : tensor<1x28x28x32xf32>
}
