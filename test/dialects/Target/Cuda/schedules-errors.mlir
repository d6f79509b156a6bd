// What no kernel can be scheduled as.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{a thread computes 1, 2 or 4 elements at a time, not 3}}
module attributes {s = #cuda.rows_schedule<lanes = 3>} {}

// -----

// expected-error @+1 {{a block has whole warps of 32 threads, 1024 threads at most, not 100}}
module attributes {s = #cuda.rows_schedule<threads = 100>} {}

// -----

// expected-error @+1 {{a team is a thread, a warp of 32 or a block of 256, not 64}}
module attributes {s = #cuda.rows_schedule<team = 64>} {}

// -----

// expected-error @+1 {{depth is 0, but at least 1}}
module attributes {s = #cuda.contraction_schedule<depth = 0, mma = <fma>>} {}

// -----

// expected-error @+1 {{tiles of 64 x 64 are not made of those of threads, 3 x 4}}
module attributes {s = #cuda.contraction_schedule<thread_rows = 3, mma = <fma>>} {}

// -----

// expected-error @+1 {{a block has whole warps of 32 threads, 1024 threads at most, not 4096}}
module attributes {s = #cuda.contraction_schedule<thread_rows = 1, thread_columns = 1, mma = <fma>>} {}

// -----

// expected-error @+1 {{tile_keys is 24, but a multiple of 16}}
module attributes {s = #cuda.attention_schedule<tile_keys = 24>} {}

// -----

// expected-error @+1 {{3 slices do not share a block of 8 warps}}
module attributes {s = #cuda.gemv_schedule<slices = 3>} {}

// -----

// expected-error @+1 {{a cluster has one block or two, not 3}}
module attributes {s = #cuda.pipeline_schedule<cluster = 3, mma = <wgmma>>} {}

// -----

// expected-error @+1 {{one stage is read while others are brought: 1 are too few}}
module attributes {s = #cuda.tile_schedule<stages = 1, mma = <mma>>} {}

// -----

// expected-error @+1 {{warps multiply by matrix units, not by #cuda.mma<fma>}}
module attributes {s = #cuda.tile_schedule<mma = <fma>>} {}

// -----

// expected-error @+1 {{a warp multiplies 16 x 16 at a time, of which 8 x 32 is not made}}
module attributes {s = #cuda.tile_schedule<warp_rows = 8, mma = <mma>>} {}

// -----

// expected-error @+1 {{tiles of 128 x 128 are not made of those of warps, 48 x 32}}
module attributes {s = #cuda.tile_schedule<warp_rows = 48, mma = <mma>>} {}

// -----

// expected-error @+1 {{lines of 96 elements, no power of two, cannot be swizzled}}
module attributes {s = #cuda.tile_schedule<tile_columns = 96, mma = <mma>>} {}

// -----

// expected-error @+1 {{a block has whole warps of 32 threads, 1024 threads at most, not 2048}}
module attributes {s = #cuda.tile_schedule<slices = 8, mma = <mma>>} {}

// -----

// expected-error @+1 {{a warp has 16 queries, of which tiles of 24 are not made}}
module attributes {s = #cuda.attention_tile_schedule<tile_rows = 24, mma = <mma>>} {}

// -----

// expected-error @+1 {{a step is of a power of two of keys, 16 for each of 4 slices at least, not of 32}}
module attributes {s = #cuda.attention_tile_schedule<tile_keys = 32, slices = 4, mma = <mma>>} {}

// -----

// expected-error @+1 {{a step is of a power of two of keys, 16 for each of 1 slices at least, not of 48}}
module attributes {s = #cuda.attention_tile_schedule<tile_keys = 48, mma = <mma>>} {}

// -----

// expected-error @+1 {{warps multiply by matrix units, not by #cuda.mma<fma>}}
module attributes {s = #cuda.attention_tile_schedule<mma = <fma>>} {}

// -----

// expected-error @+1 {{a lane loads a power of two of neighbours, 16 at most, not 12}}
module attributes {s = #cuda.gemv_schedule<lanes = 12>} {}

// -----

// expected-error @+1 {{columns is 0, but at least 1}}
module attributes {s = #cuda.gemv_schedule<columns = 0>} {}

// -----

// expected-error @+1 {{one stage is read while others are brought: 1 are too few}}
module attributes {s = #cuda.pipeline_schedule<stages = 1, mma = <wgmma>>} {}

// -----

// expected-error @+1 {{warpgroups multiply what is in shared memory, not by #cuda.mma<mma>}}
module attributes {s = #cuda.pipeline_schedule<mma = <mma>>} {}

// -----

// expected-error @+1 {{a tile has a multiple of 32 columns, 256 at most, not 48}}
module attributes {s = #cuda.pipeline_schedule<tile_columns = 48, mma = <wgmma>>} {}

// -----

// expected-error @+1 {{lines of 96 elements, no power of two, cannot be swizzled}}
module attributes {s = #cuda.pipeline_schedule<depth = 96, mma = <wgmma>>} {}

// -----

// expected-error @+1 {{warps multiply by matrix units, not by #cuda.mma<wgmma_sparse>}}
module attributes {s = #cuda.tile_schedule<depth = 64, mma = <wgmma_sparse>>} {}
