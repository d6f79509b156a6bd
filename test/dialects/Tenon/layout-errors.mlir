// RUN: tenon-opt %s --verify-diagnostics --split-input-file

func.func @size(%a: tensor<1x2x64x16xf32>) -> tensor<64x40xf32> {
  // expected-error @+1 {{reads 'tensor<1x2x64x16xf32>', but 'tensor<64x40xf32>' is 'tensor<1x3x64x16xf32>' in this form}}
  %0 = tenon.unpack %a {layout = #cpu.panels<width = 16>} : (tensor<1x2x64x16xf32>) -> tensor<64x40xf32>
  return %0 : tensor<64x40xf32>
}

// -----

func.func @filters(%a: tensor<1x3x4x4x64x16xf32>) -> tensor<5x5x64x40xf32> {
  // expected-error @+1 {{cannot lay out 'tensor<5x5x64x40xf32>' as #cpu.winograd_filters<output_tile = 2, width = 16>}}
  %0 = tenon.unpack %a {layout = #cpu.winograd_filters<output_tile = 2, width = 16>} : (tensor<1x3x4x4x64x16xf32>) -> tensor<5x5x64x40xf32>
  return %0 : tensor<5x5x64x40xf32>
}

// -----

func.func @dynamic(%a: tensor<1x3x64x16xf32>) -> tensor<?x40xf32, affine_map<()[s0] -> (s0, 40)>> attributes {tenon.symbols = ["n"]} {
  // expected-error @+1 {{gives no weights of known sizes}}
  %0 = tenon.unpack %a {layout = #cpu.panels<width = 16>} : (tensor<1x3x64x16xf32>) -> tensor<?x40xf32, affine_map<()[s0] -> (s0, 40)>>
  return %0 : tensor<?x40xf32, affine_map<()[s0] -> (s0, 40)>>
}

// -----

func.func @codes(%a: tensor<1x2x8x4xui8>) -> tensor<16x8xi16> {
  // expected-error @+1 {{cannot lay out 'tensor<16x8xi16>' as #cpu.code_panels<width = 8>}}
  %0 = tenon.unpack %a {layout = #cpu.code_panels<width = 8>} : (tensor<1x2x8x4xui8>) -> tensor<16x8xi16>
  return %0 : tensor<16x8xi16>
}
