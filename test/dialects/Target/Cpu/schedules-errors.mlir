// Schedules by hand or by a tuner whose numbers mean nothing for any kernel.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{vectors have a power of two of lanes, not 12}}
#schedule = #cpu.contraction_schedule<lanes = 12>

// -----

// expected-error @+1 {{vectors have a power of two of lanes, not 0}}
#schedule = #cpu.rows_schedule<lanes = 0>

// -----

// expected-error @+1 {{vectors have a power of two of lanes, not -8}}
#schedule = #cpu.depthwise_schedule<lanes = -8>

// -----

// expected-error @+1 {{tile_rows is 0, but at least 1}}
#schedule = #cpu.contraction_schedule<lanes = 8, tile_rows = 0>

// -----

// All tiles together are 0, none are fewer.
// expected-error @+1 {{block_tiles is -1, but at least 0}}
#schedule = #cpu.contraction_schedule<lanes = 8, block_tiles = -1>

// -----

// One row takes whole panels of the schedule that many rows have.
// expected-error @+1 {{few_rows go with row_vectors of whole panels of 2 vectors, not 4 with 3}}
#schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 2, few_rows = 4, row_vectors = 3>

// -----

// expected-error @+1 {{few_rows go with row_vectors of whole panels of 2 vectors, not 4 with 0}}
#schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 2, few_rows = 4>

// -----

// expected-error @+1 {{vectors_per_trip is 0, but at least 1}}
#schedule = #cpu.rows_schedule<lanes = 8, vectors_per_trip = 0>

// -----

// expected-error @+1 {{tile_lines is 0, but at least 1}}
#schedule = #cpu.depthwise_schedule<lanes = 8, tile_lines = 0>

// -----

// expected-error @+1 {{minimal filtering has 2 or 4 outputs per tile, not 3}}
#schedule = #cpu.winograd_schedule<lanes = 8, output_tile = 3>

// -----

// expected-error @+1 {{block_tiles is 0, but at least 1}}
#schedule = #cpu.winograd_schedule<lanes = 8, block_tiles = 0>

// -----

// expected-error @+1 {{prefetch_lines is -1, but at least 0}}
#schedule = #cpu.winograd_schedule<lanes = 8, prefetch_lines = -1>

// -----

// expected-error @+1 {{key_block is 0, but at least 1}}
#schedule = #cpu.attention_schedule<scores = <lanes = 8>, values = <lanes = 8>, lanes = 8, key_block = 0>

// -----

// The schedules of its products are looked at as well.
// expected-error @+2 {{unroll_k is 0, but at least 1}}
// expected-error @+1 {{failed to parse Cpu_AttentionScheduleAttr parameter 'values'}}
#schedule = #cpu.attention_schedule<scores = <lanes = 8>, values = <lanes = 8, unroll_k = 0>, lanes = 8>

// -----

// expected-error @+1 {{fma does not sum 3 products of parts}}
#schedule = #cpu.mma<fma, products = 3>

// -----

// expected-error @+1 {{tdpbf16ps does not sum 4 products of parts}}
#schedule = #cpu.mma<tdpbf16ps, products = 4>
