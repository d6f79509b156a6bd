// What attention refuses.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @rank(%q: tensor<5x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{queries need rank 3 or 4, got 'tensor<5x8xf32>'}}
  %0 = tenon.attention %q, %q, %q {scale = 1.0} : (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @ranks(%q: tensor<2x5x8xf32>, %k: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{ranks differ: 'tensor<2x5x8xf32>' and 'tensor<1x2x5x8xf32>'}}
  %0 = tenon.attention %q, %k, %q {scale = 1.0} : (tensor<2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

func.func @order(%q: tensor<2x5x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{[0, 2, 2] does not order the dimensions of 'tensor<2x5x8xf32>'}}
  %0 = tenon.attention %q, %q, %q {scale = 1.0, keyOrder = array<i64: 0, 2, 2>} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

func.func @depth(%q: tensor<2x5x8xf32>, %k: tensor<2x5x6xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{queries of 8 elements do not fit keys of 6}}
  %0 = tenon.attention %q, %k, %q {scale = 1.0} : (tensor<2x5x8xf32>, tensor<2x5x6xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

func.func @keys(%q: tensor<2x5x8xf32>, %k: tensor<2x7x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{7 keys do not fit 5 values}}
  %0 = tenon.attention %q, %k, %q {scale = 1.0} : (tensor<2x5x8xf32>, tensor<2x7x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

func.func @heads(%q: tensor<4x5x8xf32>, %k: tensor<3x5x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{4 heads of queries cannot share 3 heads of keys}}
  %0 = tenon.attention %q, %k, %k {scale = 1.0} : (tensor<4x5x8xf32>, tensor<3x5x8xf32>, tensor<3x5x8xf32>) -> tensor<4x5x8xf32>
  return
}

// -----

func.func @bias(%q: tensor<4x5x8xf32>, %b: tensor<4x5x7xf32>) {
  // expected-error @+1 {{cannot broadcast 'tensor<4x5x7xf32>' to scores of 4, 5, 5}}
  %0 = tenon.attention %q, %q, %q bias %b {scale = 1.0} : (tensor<4x5x8xf32>, tensor<4x5x8xf32>, tensor<4x5x8xf32>, tensor<4x5x7xf32>) -> tensor<4x5x8xf32>
  return
}

// -----

// Only keys and values may be halves.
func.func @halves(%q: tensor<4x5x8xf32>, %k: tensor<4x5x8xf16>, %b: tensor<5xf16>) {
  // expected-error @+1 {{element types differ: 'tensor<4x5x8xf32>' and 'tensor<5xf16>'}}
  %0 = tenon.attention %q, %k, %k bias %b {scale = 1.0} : (tensor<4x5x8xf32>, tensor<4x5x8xf16>, tensor<4x5x8xf16>, tensor<5xf16>) -> tensor<4x5x8xf32>
  return
}

// -----

func.func @order_of_parts(%q: tensor<2x5x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{results of parts of the keys have an order of their own}}
  %0 = tenon.attention %q, %q, %q {scale = 1.0, keyParts = 4, resultOrder = array<i64: 1, 0, 2>} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<4x5x2x10xf32>
  return
}

// -----

func.func @no_parts(%q: tensor<2x5x8xf32>) {
  // expected-error @+1 {{attribute 'keyParts' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0 = tenon.attention %q, %q, %q {scale = 1.0, keyParts = 0} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

func.func @no_states(%p: tensor<4x2x10xf32>) {
  // expected-error @+1 {{cannot make 'tensor<2x10xf32>' of parts 'tensor<4x2x10xf32>'}}
  %0 = tenon.join_attention %p : (tensor<4x2x10xf32>) -> tensor<2x10xf32>
  return
}

// -----

func.func @order_of_columns(%p: tensor<4x2x10xf32>) {
  // expected-error @+1 {{[1, 0] does not order the rows of 'tensor<8x2xf32>'}}
  %0 = tenon.join_attention %p {resultOrder = array<i64: 1, 0>} : (tensor<4x2x10xf32>) -> tensor<8x2xf32>
  return
}
