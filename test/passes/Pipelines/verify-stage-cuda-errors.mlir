// Schedules of GPUs that do not suit their kernels.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics --tenon-verify-stage=stage=kernels

// A block of 256 threads loads 8 x 16 elements of the rows.
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @uneven(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {
      strategy = "contraction",
      schedule = #cuda.contraction_schedule<tile_rows = 8, thread_rows = 1, thread_columns = 2, mma = <fma>>} {
    // expected-error @+1 {{has a schedule in @uneven of which 256 threads do not load equal parts}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @large(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {
      strategy = "contraction",
      schedule = #cuda.contraction_schedule<tile_rows = 128, tile_columns = 128, depth = 64, thread_rows = 8, thread_columns = 8, mma = <fma>>} {
    // expected-error @+1 {{has a schedule in @large that needs 67584 bytes of shared memory, where 49152 are the most}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  // expected-error @+1 {{has no schedule for its strategy, contraction}}
  tenon.kernel @other(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {
      strategy = "contraction", schedule = #cuda.rows_schedule<>} {
    %0 = tenon.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @heads(%q: tensor<2x64x128xf32>, %k: tensor<2x64x128xf32>) -> tensor<2x64x128xf32> attributes {
      strategy = "attention", schedule = #cuda.attention_schedule<>} {
    // expected-error @+1 {{has a schedule in @heads that needs 61952 bytes of shared memory, where 49152 are the most}}
    %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<2x64x128xf32>, tensor<2x64x128xf32>, tensor<2x64x128xf32>) -> tensor<2x64x128xf32>
    tenon.yield %0 : tensor<2x64x128xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @floats(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @floats with #cuda.mma<mma>, which does not multiply 'f32' by 'f32'}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @slices(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<tile_rows = 64, depth = 16, slices = 2, mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @slices whose 2 slices share steps of 32 bytes, not 32 at a time}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @shared(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<depth = 128, mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @shared that needs 262144 bytes of shared memory, where 166912 are the most}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @lines(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<tile_rows = 32, warp_rows = 32, tile_columns = 512, warp_columns = 64, stages = 2, mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @lines with lines of 1024 bytes, where 512 are the most}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @exact(%q: tensor<2x64x64xf32>) -> tensor<2x64x64xf32> attributes {
      strategy = "attention", schedule = #cuda.attention_tile_schedule<mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @exact with #cuda.mma<mma>, which does not multiply 'tensor<2x64x64xf32>' by 'tensor<2x64x64xf32>'}}
    %0 = tenon.attention %q, %q, %q {scale = 1.0} : (tensor<2x64x64xf32>, tensor<2x64x64xf32>, tensor<2x64x64xf32>) -> tensor<2x64x64xf32>
    tenon.yield %0 : tensor<2x64x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @long(%q: tensor<2x64x256xf16>) -> tensor<2x64x256xf32> attributes {
      strategy = "attention", schedule = #cuda.attention_tile_schedule<tile_keys = 128, mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @long that needs 294912 bytes of shared memory, where 166912 are the most}}
    %0 = tenon.attention %q, %q, %q {scale = 1.0} : (tensor<2x64x256xf16>, tensor<2x64x256xf16>, tensor<2x64x256xf16>) -> tensor<2x64x256xf32>
    tenon.yield %0 : tensor<2x64x256xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @few(%q: tensor<2x64x256xf32>) -> tensor<2x64x256xf32> attributes {
      strategy = "attention", schedule = #cuda.attention_tile_schedule<tile_rows = 16, tile_keys = 16, mma = <mma_tf32>>} {
    // expected-error @+1 {{has a schedule in @few whose 32 threads do not copy lines of 64 chunks together}}
    %0 = tenon.attention %q, %q, %q {scale = 1.0, tenon.multiplied_type = tf32} : (tensor<2x64x256xf32>, tensor<2x64x256xf32>, tensor<2x64x256xf32>) -> tensor<2x64x256xf32>
    tenon.yield %0 : tensor<2x64x256xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @many(%x: tensor<16x64xf16>, %w: tensor<64x64xf16>) -> tensor<16x64xf32> attributes {
      strategy = "contraction", schedule = #cuda.gemv_schedule<>} {
    // expected-error @+1 {{has a schedule in @many with 4 columns of 16 rows in a warp of 32 lanes}}
    %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<16x64xf16>, tensor<64x64xf16>) -> tensor<16x64xf32>
    tenon.yield %0 : tensor<16x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @odd(%x: tensor<1x68xf16>, %w: tensor<64x68xf16>) -> tensor<1x64xf32> attributes {
      strategy = "contraction", schedule = #cuda.gemv_schedule<>} {
    // expected-error @+1 {{has a schedule in @odd with 8 neighbours at a time of a depth of 68}}
    %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<1x68xf16>, tensor<64x68xf16>) -> tensor<1x64xf32>
    tenon.yield %0 : tensor<1x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @codes(%x: tensor<1x64xf32>, %q: tensor<64x8xui4>, %s: tensor<16x8xf32>) -> tensor<1x8xf32> attributes {
      strategy = "contraction", schedule = #cuda.gemv_schedule<>} {
    %w = tenon.dequantize_blocks %q, %s {axis = 0, block_size = 4} : (tensor<64x8xui4>, tensor<16x8xf32>) -> tensor<64x8xf32>
    // expected-error @+1 {{has a schedule in @codes with 8 neighbours at a time, which are no whole bytes of blocks of 4}}
    %0 = tenon.matmul %x, %w : (tensor<1x64xf32>, tensor<64x8xf32>) -> tensor<1x8xf32>
    tenon.yield %0 : tensor<1x8xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @older(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<mma = <wgmma>>} {
    // expected-error @+1 {{has a schedule in @older for warps with different roles, but the target has no matrix units that read shared memory}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @rows(%x: tensor<64x60xf16>, %w: tensor<60x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<mma = <wgmma>>} {
    // expected-error @+1 {{has a schedule in @rows for warps with different roles, but its left operand is not in memory by chunks of 16 bytes}}
    %0 = tenon.matmul %x, %w : (tensor<64x60xf16>, tensor<60x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @turned(%x: tensor<64x64xi8>, %w: tensor<64x64xi8>) -> tensor<64x64xi32> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<depth = 128, mma = <wgmma>>} {
    // expected-error @+1 {{has a schedule in @turned for warps with different roles, but only numbers of 16 bits are turned}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xi8>, tensor<64x64xi8>) -> tensor<64x64xi32>
    tenon.yield %0 : tensor<64x64xi32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @filter(%x: tensor<1x200x200x64xf16>, %packed: tensor<1x64x192xf16>) -> tensor<1x200x8x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<mma = <wgmma>>} {
    %f = tenon.unpack %packed {layout = #cuda.columns<>} : (tensor<1x64x192xf16>) -> tensor<1x3x64x64xf16>
    // expected-error @+1 {{has a schedule in @filter for warps with different roles, but a filter reaches 192 far by steps of 1}}
    %0 = tenon.conv %x, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 96>} : (tensor<1x200x200x64xf16>, tensor<1x3x64x64xf16>) -> tensor<1x200x8x64xf16>
    tenon.yield %0 : tensor<1x200x8x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, multiprocessors = 132, shared_bytes = 232448,
    wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  // expected-error @+1 {{has tasks affine_map<() -> (3)>, which are no clusters of 2}}
  tenon.kernel @odd_grid(%x: tensor<512x256xf16>, %w: tensor<256x256xf16>) -> tensor<512x256xf16> attributes {
      strategy = "contraction", tasks = affine_map<() -> (3)>, schedule = #cuda.pipeline_schedule<cluster = 2, mma = <wgmma>>} {
    %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<512x256xf16>, tensor<256x256xf16>) -> tensor<512x256xf16>
    tenon.yield %0 : tensor<512x256xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @float8(%x: tensor<64x64xf8E4M3FN>, %w: tensor<64x64xf8E4M3FN>) -> tensor<64x64xf32> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<mma = <mma>>} {
    // expected-error @+1 {{has a schedule in @float8 with #cuda.mma<mma>, which does not multiply 'f8E4M3FN' by 'f8E4M3FN'}}
    %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<64x64xf8E4M3FN>, tensor<64x64xf8E4M3FN>) -> tensor<64x64xf32>
    tenon.yield %0 : tensor<64x64xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, multiprocessors = 132, shared_bytes = 232448,
    wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @turned(%x: tensor<512x256xf16>, %w: tensor<256x256xf16>) -> tensor<512x256xf16> attributes {
      strategy = "contraction", tasks = affine_map<() -> (2)>, schedule = #cuda.pipeline_schedule<cluster = 2, mma = <wgmma>>} {
    // expected-error @+1 {{for warps with different roles, but columns that are turned are not shared by a cluster}}
    %0 = tenon.matmul %x, %w : (tensor<512x256xf16>, tensor<256x256xf16>) -> tensor<512x256xf16>
    tenon.yield %0 : tensor<512x256xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @unknown(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<tile_rows = 64, depth = 64, mma = <mma_sparse>>} {
    // expected-error @+1 {{has a schedule in @unknown without two of four weights, but these are not known or have others}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @wide(%x: tensor<256x256xf8E4M3FN>, %w: tensor<256x256xf8E4M3FN>) -> tensor<256x256xf32> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<tile_columns = 256, depth = 128, mma = <wgmma>>} {
    // expected-error @+1 {{has a schedule in @wide for warps with different roles, but 256 columns have their sums twice, where 128 are the most}}
    %0 = tenon.matmul %x, %w {transposeRhs} : (tensor<256x256xf8E4M3FN>, tensor<256x256xf8E4M3FN>) -> tensor<256x256xf32>
    tenon.yield %0 : tensor<256x256xf32>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @steps(%x: tensor<64x64xf16>, %w: tensor<64x64xf16> {tenon.weights}) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.tile_schedule<tile_rows = 64, depth = 32, mma = <mma_sparse>>} {
    // expected-error @+1 {{has a schedule in @steps without two of four weights, whose 1 slices share steps of 32 channels, not 64 at a time}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @unknown(%x: tensor<64x64xf16>, %w: tensor<64x64xf16>) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<mma = <wgmma_sparse>>} {
    // expected-error @+1 {{has a schedule in @unknown for warps with different roles, but its weights are not known, or cannot be multiplied without half of them}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @short(%x: tensor<64x64xf16>, %w: tensor<64x64xf16> {tenon.weights}) -> tensor<64x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<depth = 32, mma = <wgmma_sparse>>} {
    // expected-error @+1 {{has a schedule in @short for warps with different roles, but steps of 32 channels are not of 64 at a time}}
    %0 = tenon.matmul %x, %w : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
    tenon.yield %0 : tensor<64x64xf16>
  }
}

// -----

module attributes {tenon.target = #cuda.target<name = "sm_90a", arch = "sm_90a", ptx = 84, shared_bytes = 232448, wgmma_rate = 2048, host_cpu = #cpu.target<name = "x86-64-v3">>} {
  tenon.kernel @taps(%x: tensor<1x8x8x96xf16>, %w: tensor<3x3x96x64xf16> {tenon.weights}) -> tensor<1x6x6x64xf16> attributes {
      strategy = "contraction", schedule = #cuda.pipeline_schedule<mma = <wgmma_sparse>>} {
    // expected-error @+1 {{has a schedule in @taps for warps with different roles, but steps of 64 channels leave a tap of 96}}
    %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x96xf16>, tensor<3x3x96x64xf16>) -> tensor<1x6x6x64xf16>
    tenon.yield %0 : tensor<1x6x6x64xf16>
  }
}
