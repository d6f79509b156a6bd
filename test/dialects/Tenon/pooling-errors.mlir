// What pooling refuses.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// One number for each spatial dimension.
func.func @rank(%x: tensor<1x8x8x16xf32>) {
  // expected-error @+1 {{attributes of 1 spatial dimensions do not fit}}
  %0 = tenon.max_pool %x {kernel = array<i64: 2>, strides = array<i64: 2>,
                          dilations = array<i64: 1>, low = affine_map<() -> (0)>}
     : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
  return
}

// -----

func.func @kernel(%x: tensor<1x8x16xf32>) {
  // expected-error @+1 {{needs positive kernel sizes, strides and dilations}}
  %0 = tenon.max_pool %x {kernel = array<i64: 0>, strides = array<i64: 2>,
                          dilations = array<i64: 1>, low = affine_map<() -> (0)>}
     : (tensor<1x8x16xf32>) -> tensor<1x4x16xf32>
  return
}

// -----

func.func @padding(%x: tensor<1x8x16xf32>) {
  // expected-error @+1 {{needs as many high as low paddings}}
  %0 = tenon.average_pool %x {kernel = array<i64: 2>, strides = array<i64: 2>,
                              dilations = array<i64: 1>, low = affine_map<() -> (0)>,
                              high = affine_map<() -> (0, 0)>}
     : (tensor<1x8x16xf32>) -> tensor<1x4x16xf32>
  return
}
