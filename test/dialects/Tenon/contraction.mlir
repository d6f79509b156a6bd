// Matrix products and convolutions.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-DAG: #[[IN:.*]] = affine_map<()[s0] -> (1, s0, 8)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<()[s0] -> (1, s0 - 2, 16)>

// Leading dimensions are batches and broadcast.
// CHECK-LABEL: func.func @matmul
// CHECK: tenon.matmul %{{.*}}, %{{.*}} : (tensor<8x128x64xf32>, tensor<64x32xf32>) -> tensor<8x128x32xf32>
// CHECK: tenon.matmul %{{.*}}, %{{.*}} {transposeRhs} : (tensor<8x128x32xf32>, tensor<8x16x32xf32>) -> tensor<8x128x16xf32>
func.func @matmul(%a: tensor<8x128x64xf32>, %b: tensor<64x32xf32>, %c: tensor<8x16x32xf32>)
    -> tensor<8x128x16xf32> {
  %0 = tenon.matmul %a, %b : (tensor<8x128x64xf32>, tensor<64x32xf32>) -> tensor<8x128x32xf32>
  %1 = tenon.matmul %0, %c {transposeRhs}
     : (tensor<8x128x32xf32>, tensor<8x16x32xf32>) -> tensor<8x128x16xf32>
  return %1 : tensor<8x128x16xf32>
}

// Channels are last, padding is an op of its own, and every number of spatial dimensions works.
// CHECK-LABEL: func.func @conv
// CHECK: tenon.conv {{.*}} : (tensor<1x226x226x3xf32>, tensor<3x3x3x32xf32>) -> tensor<1x112x112x32xf32>
// CHECK: tenon.conv {{.*}}groups = 32{{.*}} : (tensor<1x112x112x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x110x110x32xf32>
func.func @conv(%x: tensor<1x226x226x3xf32>, %w: tensor<3x3x3x32xf32>, %d: tensor<3x3x1x32xf32>)
    -> tensor<1x110x110x32xf32> {
  %0 = tenon.conv %x, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, groups = 1}
     : (tensor<1x226x226x3xf32>, tensor<3x3x3x32xf32>) -> tensor<1x112x112x32xf32>
  %1 = tenon.conv %0, %d {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 32}
     : (tensor<1x112x112x32xf32>, tensor<3x3x1x32xf32>) -> tensor<1x110x110x32xf32>
  return %1 : tensor<1x110x110x32xf32>
}

// The number of positions follows from an unknown length.
// CHECK-LABEL: func.func @length
// CHECK: tenon.conv {{.*}} : (tensor<1x?x8xf32, #[[IN]]>, tensor<3x8x16xf32>) -> tensor<1x?x16xf32, #[[OUT]]>
func.func @length(%x: tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0, 8)>>, %w: tensor<3x8x16xf32>)
    -> tensor<1x?x16xf32, affine_map<()[s0] -> (1, s0 - 2, 16)>>
    attributes {tenon.symbols = ["n"]} {
  %0 = tenon.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1}
     : (tensor<1x?x8xf32, affine_map<()[s0] -> (1, s0, 8)>>, tensor<3x8x16xf32>)
    -> tensor<1x?x16xf32, affine_map<()[s0] -> (1, s0 - 2, 16)>>
  return %0 : tensor<1x?x16xf32, affine_map<()[s0] -> (1, s0 - 2, 16)>>
}

// Narrow integers of either sign, mixed, give i32; halves may stay as wide as they are summed.
// CHECK-LABEL: func.func @types
// CHECK: tenon.matmul {{.*}} : (tensor<4x5xui8>, tensor<5x7xi8>) -> tensor<4x7xi32>
// CHECK: tenon.matmul {{.*}} : (tensor<4x5xf16>, tensor<5x7xf16>) -> tensor<4x7xf16>
// CHECK: tenon.matmul {{.*}} : (tensor<4x5xf16>, tensor<5x7xf16>) -> tensor<4x7xf32>
// CHECK: tenon.matmul {{.*}} : (tensor<4x7xf32>, tensor<7x5xf16>) -> tensor<4x5xf32>
func.func @types(%a: tensor<4x5xui8>, %b: tensor<5x7xi8>, %c: tensor<4x5xf16>, %d: tensor<5x7xf16>,
                 %e: tensor<7x5xf16>)
    -> (tensor<4x7xi32>, tensor<4x7xf16>, tensor<4x7xf32>, tensor<4x5xf32>) {
  %0 = tenon.matmul %a, %b : (tensor<4x5xui8>, tensor<5x7xi8>) -> tensor<4x7xi32>
  %1 = tenon.matmul %c, %d : (tensor<4x5xf16>, tensor<5x7xf16>) -> tensor<4x7xf16>
  %2 = tenon.matmul %c, %d : (tensor<4x5xf16>, tensor<5x7xf16>) -> tensor<4x7xf32>
  %3 = tenon.matmul %2, %e : (tensor<4x7xf32>, tensor<7x5xf16>) -> tensor<4x5xf32>
  return %0, %1, %2, %3 : tensor<4x7xi32>, tensor<4x7xf16>, tensor<4x7xf32>, tensor<4x5xf32>
}

// Floats of 8 bits of either kind, mixed, give f32.
// CHECK-LABEL: func.func @floats_of_8_bits
// CHECK: tenon.matmul {{.*}} : (tensor<4x5xf8E4M3FN>, tensor<5x7xf8E5M2>) -> tensor<4x7xf32>
func.func @floats_of_8_bits(%a: tensor<4x5xf8E4M3FN>, %b: tensor<5x7xf8E5M2>) -> tensor<4x7xf32> {
  %0 = tenon.matmul %a, %b : (tensor<4x5xf8E4M3FN>, tensor<5x7xf8E5M2>) -> tensor<4x7xf32>
  return %0 : tensor<4x7xf32>
}
