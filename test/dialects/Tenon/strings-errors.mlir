// What ops on strings refuse, and what refuses strings.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

// Whatever its operands may be, an op that computes takes no strings.
func.func @arithmetic(%x: tensor<2x!tenon.string>, %c: tensor<2xf32>) {
  // expected-error @+1 {{'tenon.top_k' op operand #0 must be}}
  %v, %i = tenon.top_k %x {axis = 0, count = affine_map<() -> (1)>}
    : (tensor<2x!tenon.string>) -> (tensor<1x!tenon.string>, tensor<1xi64>)
  return
}

// -----

func.func @elements_differ(%x: tensor<2x!tenon.string>, %y: tensor<2xi64>) {
  // expected-error @+1 {{requires the same element type for all operands}}
  %e = tenon.equal %x, %y : (tensor<2x!tenon.string>, tensor<2xi64>) -> tensor<2xi1>
  return
}

// -----

func.func @shapes(%a: tensor<2x!tenon.string>, %b: tensor<3x!tenon.string>) {
  // expected-error @+1 {{'tenon.string_concat' op makes 'tensor<3x!tenon.string>' of 'tensor<2x!tenon.string>'}}
  %c = tenon.string_concat %a, %b : (tensor<2x!tenon.string>, tensor<3x!tenon.string>) -> tensor<2x!tenon.string>
  return
}

// -----

func.func @delimiters(%x: tensor<2x!tenon.string>, %d: tensor<1x!tenon.string>) {
  // expected-error @+1 {{'tenon.string_split' op the delimiter needs rank 0, got 'tensor<1x!tenon.string>'}}
  %y = tenon.string_split %x, %d {max_splits = -1 : i64}
    : (tensor<2x!tenon.string>, tensor<1x!tenon.string>) -> tensor<2x3x!tenon.string>
  return
}

// -----

func.func @no_room_for_parts(%x: tensor<2x!tenon.string>, %d: tensor<!tenon.string>) {
  // expected-error @+1 {{'tenon.string_split' op makes 'tensor<2x!tenon.string>' of 'tensor<2x!tenon.string>'}}
  %y = tenon.string_split %x, %d {max_splits = -1 : i64}
    : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2x!tenon.string>
  return
}

// -----

func.func @pairs(%x: tensor<2x!tenon.string>, %mapping: tensor<26x3xi32>) {
  // expected-error @+1 {{'tenon.map_characters' op takes pairs of code points, not 'tensor<26x3xi32>'}}
  %y = tenon.map_characters %x, %mapping : (tensor<2x!tenon.string>, tensor<26x3xi32>) -> tensor<2x!tenon.string>
  return
}

// -----

func.func @program(%x: tensor<2x!tenon.string>, %program: tensor<9xi32>) {
  // expected-error @+1 {{'tenon.regex_full_match' op takes the program of an automaton [N, 3], not 'tensor<9xi32>'}}
  %y = tenon.regex_full_match %x, %program : (tensor<2x!tenon.string>, tensor<9xi32>) -> tensor<2xi1>
  return
}

// -----

func.func @expressions(%x: tensor<2x!tenon.string>, %program: tensor<9x3xi32>) {
  // expected-error @+1 {{'tenon.token_counts' op takes one expression, not 2}}
  %n = tenon.token_counts expression %x, %program {least = 1 : i64, starts = array<i64: 0, 4>}
    : (tensor<2x!tenon.string>, tensor<9x3xi32>) -> tensor<2xi64>
  return
}

// -----

func.func @starts(%x: tensor<2x!tenon.string>, %program: tensor<9x3xi32>) {
  // expected-error @+1 {{'tenon.token_counts' op begins a program at row 9 of 9}}
  %n = tenon.token_counts separators %x, %program {least = 1 : i64, starts = array<i64: 0, 9>}
    : (tensor<2x!tenon.string>, tensor<9x3xi32>) -> tensor<2xi64>
  return
}

// -----

func.func @characters(%x: tensor<2x!tenon.string>, %program: tensor<9x3xi32>) {
  // expected-error @+1 {{'tenon.token_counts' op takes no expression for characters, but has 1}}
  %n = tenon.token_counts characters %x, %program {least = 1 : i64, starts = array<i64: 0>}
    : (tensor<2x!tenon.string>, tensor<9x3xi32>) -> tensor<2xi64>
  return
}

// -----

func.func @spelled_types(%x: tensor<2x!tenon.string>) {
  // expected-error @+1 {{'tenon.parse_numbers' op result #0 must be}}
  %n = tenon.parse_numbers %x : (tensor<2x!tenon.string>) -> tensor<2xi32>
  return
}

// -----

func.func @tokens(%x: tensor<2x3xi64>, %pool: tensor<4x!tenon.string>, %grams: tensor<1x3xi64>, %w: tensor<1xf32>) {
  // expected-error @+1 {{'tenon.tf_idf' op looks for 'tensor<4x!tenon.string>' in 'tensor<2x3xi64>'}}
  %y = tenon.tf_idf %x, %pool, %grams, %w {mode = 0, skips = 0}
    : (tensor<2x3xi64>, tensor<4x!tenon.string>, tensor<1x3xi64>, tensor<1xf32>) -> tensor<2x5xf32>
  return
}
