// RUN: tenon-opt %s --tenon-generate-kernels --verify-diagnostics --split-input-file

// Without a target nobody knows the strategies.
// expected-error @+1 {{the module has no 'tenon.target': tenon-assign-target gives it one}}
module {
  tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "rows"} {
    %0 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %0 : tensor<4xf32>
  }
}

// -----

module attributes {tenon.target = #cpu.target<name = "x86-64-v3">} {
  // expected-error @+1 {{names a strategy that cpu:x86-64-v3 does not have: columns}}
  tenon.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {strategy = "columns"} {
    %0 = tenon.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    tenon.yield %0 : tensor<4xf32>
  }
}

// -----

module attributes {tenon.target = #cpu.target<name = "x86-64-v2">} {
  // expected-error @+1 {{holds numbers of type float16, for which cpu:x86-64-v2 has no instructions (F16C)}}
  tenon.kernel @k(%x: tensor<4xf16>) -> tensor<4xf16> attributes {strategy = "rows"} {
    %0 = tenon.relu %x : (tensor<4xf16>) -> tensor<4xf16>
    tenon.yield %0 : tensor<4xf16>
  }
}

// -----

module attributes {tenon.target = #cpu.target<name = "x86-64-v3">} {
  // expected-error @+1 {{has no scratch memory, but needs affine_map<() -> (512)>}}
  tenon.kernel @k(%x: tensor<4x4xf32>, %w: tensor<4x6xf32>) -> tensor<4x6xf32> attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<lanes = 8, pack_weights = true>} {
    %0 = tenon.matmul %x, %w : (tensor<4x4xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
    tenon.yield %0 : tensor<4x6xf32>
  }
}
