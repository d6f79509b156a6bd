// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=x86-64-v3 --tenon-collapse-dimensions --split-input-file | FileCheck %s

// A kernel of full tensors is one loop, whatever the shape.
// CHECK-LABEL: func @full
//       CHECK:   %[[A:.+]] = tenon.reshape %arg0 : (tensor<1x24x56x56xf32>) -> tensor<75264xf32>
//       CHECK:   %[[Y:.+]] = tenon.launch @k(%[[A]], %{{.+}}) : (tensor<75264xf32>, tensor<75264xf32>) -> tensor<75264xf32>
//       CHECK:   %[[R:.+]] = tenon.reshape %[[Y]] : (tensor<75264xf32>) -> tensor<1x24x56x56xf32>
//       CHECK:   return %[[R]]
//       CHECK: tenon.kernel @k(%{{.+}}: tensor<75264xf32>, %{{.+}}: tensor<75264xf32>) -> tensor<75264xf32>
func.func @full(%x: tensor<1x24x56x56xf32>, %y: tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32> {
  %0 = tenon.launch @k(%x, %y) : (tensor<1x24x56x56xf32>, tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32>
  return %0 : tensor<1x24x56x56xf32>
}
tenon.kernel @k(%x: tensor<1x24x56x56xf32>, %y: tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32> attributes {strategy = "rows"} {
  %one = tenon.constant dense<1.0> : tensor<f32>
  %0 = tenon.add %x, %y : (tensor<1x24x56x56xf32>, tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32>
  %1 = tenon.mul %0, %one : (tensor<1x24x56x56xf32>, tensor<f32>) -> tensor<1x24x56x56xf32>
  tenon.yield %1 : tensor<1x24x56x56xf32>
}

// -----

// Dimensions along which an operand repeats stay apart from those along which it does not. Symbols
// multiply.
// CHECK-LABEL: func @channels
//       CHECK:   tenon.launch @k
//  CHECK-SAME:     (tensor<?x32xf32, affine_map<()[s0] -> (s0 * 16, 32)>>, tensor<32xf32>) -> tensor<?x32xf32, affine_map<()[s0] -> (s0 * 16, 32)>>
func.func @channels(%x: tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>, %b: tensor<32xf32>)
    -> tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>> attributes {tenon.symbols = ["n"]} {
  %0 = tenon.launch @k(%x, %b) {symbols = affine_map<()[s0] -> (s0)>} : (tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>, tensor<32xf32>) -> tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>
  return %0 : tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>
}
tenon.kernel @k(%x: tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>, %b: tensor<32xf32>)
    -> tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>> attributes {strategy = "rows", num_symbols = 1 : i64} {
  %0 = tenon.add %x, %b : (tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>, tensor<32xf32>) -> tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>
  tenon.yield %0 : tensor<?x16x32xf32, affine_map<()[s0] -> (s0, 16, 32)>>
}

// -----

// Reduced dimensions merge with each other, not with rows.
// CHECK-LABEL: func @mean
//       CHECK: tenon.kernel @k(%{{.+}}: tensor<6x20xf32>) -> tensor<6x1xf32>
//       CHECK:   tenon.reduce mean %{{.+}} {axes = array<i64: 1>} : (tensor<6x20xf32>) -> tensor<6x1xf32>
func.func @mean(%x: tensor<2x3x4x5xf32>) -> tensor<2x3x1x1xf32> {
  %0 = tenon.launch @k(%x) : (tensor<2x3x4x5xf32>) -> tensor<2x3x1x1xf32>
  return %0 : tensor<2x3x1x1xf32>
}
tenon.kernel @k(%x: tensor<2x3x4x5xf32>) -> tensor<2x3x1x1xf32> attributes {strategy = "rows"} {
  %0 = tenon.reduce mean %x {axes = array<i64: 2, 3>} : (tensor<2x3x4x5xf32>) -> tensor<2x3x1x1xf32>
  tenon.yield %0 : tensor<2x3x1x1xf32>
}

// -----

// A transpose tells all dimensions apart.
// CHECK-LABEL: func @transpose
//       CHECK:   tenon.launch @k(%arg0) : (tensor<2x3xf32>)
func.func @transpose(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = tenon.launch @k(%x) : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}
tenon.kernel @k(%x: tensor<2x3xf32>) -> tensor<3x2xf32> attributes {strategy = "rows"} {
  %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  tenon.yield %0 : tensor<3x2xf32>
}

// -----

// Batches of a product with one right operand are rows.
// CHECK-LABEL: func @product
//       CHECK: tenon.kernel @k(%{{.+}}: tensor<128x64xf32>, %{{.+}}: tensor<64x32xf32>, %{{.+}}: tensor<32xf32>) -> tensor<128x32xf32>
//       CHECK:   tenon.matmul %{{.+}} : (tensor<128x64xf32>, tensor<64x32xf32>) -> tensor<128x32xf32>
func.func @product(%x: tensor<8x16x64xf32>, %w: tensor<64x32xf32>, %b: tensor<32xf32>) -> tensor<8x16x32xf32> {
  %0 = tenon.launch @k(%x, %w, %b) : (tensor<8x16x64xf32>, tensor<64x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
  return %0 : tensor<8x16x32xf32>
}
tenon.kernel @k(%x: tensor<8x16x64xf32>, %w: tensor<64x32xf32>, %b: tensor<32xf32>) -> tensor<8x16x32xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<8x16x64xf32>, tensor<64x32xf32>) -> tensor<8x16x32xf32>
  %1 = tenon.add %0, %b : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
  tenon.yield %1 : tensor<8x16x32xf32>
}

// -----

// A column of results stays a column.
// CHECK-LABEL: func @column
//       CHECK: tenon.kernel @k(%{{.+}}: tensor<128x64xf32>, %{{.+}}: tensor<64x1xf32>) -> tensor<128x1xf32>
func.func @column(%x: tensor<8x16x64xf32>, %w: tensor<64x1xf32>) -> tensor<8x16x1xf32> {
  %0 = tenon.launch @k(%x, %w) : (tensor<8x16x64xf32>, tensor<64x1xf32>) -> tensor<8x16x1xf32>
  return %0 : tensor<8x16x1xf32>
}
tenon.kernel @k(%x: tensor<8x16x64xf32>, %w: tensor<64x1xf32>) -> tensor<8x16x1xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<8x16x64xf32>, tensor<64x1xf32>) -> tensor<8x16x1xf32>
  tenon.yield %0 : tensor<8x16x1xf32>
}
