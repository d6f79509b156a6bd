// Kernels that contradict themselves, and launches that do not fit their kernel.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @none(%a: tensor<8xf32>) {
  // expected-error @+1 {{'tenon.launch' op names no kernel: @nothing}}
  %0 = tenon.launch @nothing(%a) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

tenon.kernel @negate(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
func.func @signature(%a: tensor<9xf32>) {
  // expected-error @+1 {{'tenon.launch' op does not fit the signature of @negate}}
  %0 = tenon.launch @negate(%a) : (tensor<9xf32>) -> tensor<9xf32>
  return
}

// -----

func.func @too_far(%a: tensor<4x3xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{'tenon.insert' op writes beyond its result}}
  %0 = tenon.insert %a {low = affine_map<() -> (0, 6)>} : (tensor<4x3xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

func.func @other_destination(%a: tensor<4x3xf32>, %d: tensor<4x9xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{'tenon.insert' op has a destination of another type: 'tensor<4x9xf32>'}}
  %0 = tenon.insert %a into %d : tensor<4x9xf32> {low = affine_map<() -> (0, 0)>} : (tensor<4x3xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

tenon.kernel @negate(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<8xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
func.func @whole(%a: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'tenon.launch' op has a destination, but @negate writes no part of a tensor of that type}}
  %0 = tenon.launch @negate(%a) into %a : tensor<8xf32> : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// The memory of the function's arguments is the caller's, and nobody writes there.
tenon.kernel @part(%a: tensor<4xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  %0 = tenon.insert %a {low = affine_map<() -> (0)>} : (tensor<4xf32>) -> tensor<8xf32>
  tenon.yield %0 : tensor<8xf32>
}
func.func @into_argument(%a: tensor<4xf32>, %d: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'tenon.launch' op writes a part of a tensor that no launch made}}
  %0 = tenon.launch @part(%a) into %d : tensor<8xf32> : (tensor<4xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

tenon.kernel @other_yield(%a: tensor<8xf32>) -> tensor<9xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<8xf32>) -> tensor<8xf32>
  // expected-error @+1 {{'tenon.yield' op gives 'tensor<8xf32>', but @other_yield has results of 'tensor<9xf32>'}}
  tenon.yield %0 : tensor<8xf32>
}

// -----

tenon.kernel @yields_too_few(%a: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) attributes {strategy = "rows"} {
  // expected-error @+1 {{'tenon.yield' op gives 'tensor<8xf32>', but @yields_too_few has results of 'tensor<8xf32>', 'tensor<8xf32>'}}
  tenon.yield %a : tensor<8xf32>
}

// -----

// expected-error @+1 {{'tenon.kernel' op has an argument with symbol 1, but 1 symbols}}
tenon.kernel @argument_symbol(%a: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s1)>> attributes {strategy = "rows", num_symbols = 1 : i64} {
  tenon.yield %a : tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>
}

// -----

// expected-error @+1 {{divides its work by symbol 1, but has 1 symbols}}
tenon.kernel @foreign_tasks(%a: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {strategy = "rows", num_symbols = 1 : i64, tasks = affine_map<()[s0, s1] -> (1024, s1 floordiv 8)>} {
  tenon.yield %a : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// expected-error @+1 {{needs scratch memory by symbol 1, but has 1 symbols}}
tenon.kernel @foreign_scratch(%a: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {strategy = "rows", num_symbols = 1 : i64, scratch = affine_map<()[s0, s1] -> (s1 * 64)>} {
  tenon.yield %a : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// expected-error @+1 {{needs one number of bytes of scratch memory, not 2}}
tenon.kernel @two_needs(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows", scratch = affine_map<() -> (64, 128)>} {
  tenon.yield %a : tensor<8xf32>
}

// -----

tenon.kernel @attribute_symbol(%a: tensor<8xf32>) -> tensor<4xf32> attributes {strategy = "rows", num_symbols = 0 : i64} {
  // expected-error @+1 {{'tenon.slice' op uses symbol 0 of @attribute_symbol, which has 0 symbols}}
  %0 = tenon.slice %a {starts = affine_map<()[s0] -> (s0)>, steps = array<i64: 1>} : (tensor<8xf32>) -> tensor<4xf32>
  tenon.yield %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{'tenon.kernel' op has -1 symbols}}
tenon.kernel @negative(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows", num_symbols = -1 : i64} {
  tenon.yield %a : tensor<8xf32>
}

// -----

tenon.kernel @negate(%a: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {strategy = "rows", num_symbols = 1 : i64} {
  tenon.yield %a : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}
func.func @no_symbols(%a: tensor<?xf32, affine_map<()[s0] -> (s0)>>) attributes {tenon.symbols = ["n"]} {
  // expected-error @+1 {{'tenon.launch' op gives 0 symbols to @negate, which has 1}}
  %0 = tenon.launch @negate(%a) : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return
}

// -----

// expected-error @+1 {{offset of a place in the arena is -64}}
func.func private @place() attributes {place = #tenon.arena<-64>}

// -----

// expected-error @+1 {{number of an output is -1}}
func.func private @place() attributes {place = #tenon.output<-1>}

// -----

func.func @no_place(%a: tensor<8xf32>) {
  // expected-error @+1 {{'tenon.launch' op attribute 'placement' failed to satisfy constraint: places in memory}}
  %0 = tenon.launch @k(%a) {placement = [64]} : (tensor<8xf32>) -> tensor<8xf32>
  return
}
tenon.kernel @k(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  tenon.yield %a : tensor<8xf32>
}
