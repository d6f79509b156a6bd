// What recurrences refuse.
// RUN: tenon-opt %s --split-input-file --verify-diagnostics

func.func @panels(%gates: tensor<7x2x64xf32>, %r: tensor<1x4x16x12xf32>) {
  // expected-error @+1 {{'tenon.rnn' op panels of 'tensor<1x4x16x12xf32>' do not hold 1 gates of 16 units}}
  %all, %last = tenon.rnn(%gates, %r) {
      operandSegmentSizes = array<i32: 1, 1, 0, 0>, direction = 0 : i32, activations = ["Tanh"],
      alphas = array<f64: 0.>, betas = array<f64: 0.>}
    : (tensor<7x2x64xf32>, tensor<1x4x16x12xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
  return
}

// -----

func.func @directions(%gates: tensor<7x2x16xf32>, %r: tensor<1x1x16x16xf32>) {
  // expected-error @+1 {{'tenon.rnn' op has weights for 1 directions, runs in 2}}
  %all, %last = tenon.rnn(%gates, %r) {
      operandSegmentSizes = array<i32: 1, 1, 0, 0>, direction = 2 : i32, activations = ["Tanh"],
      alphas = array<f64: 0.>, betas = array<f64: 0.>}
    : (tensor<7x2x16xf32>, tensor<1x1x16x16xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
  return
}

// -----

func.func @width(%gates: tensor<7x2x32xf32>, %r: tensor<1x1x16x16xf32>) {
  // expected-error @+1 {{'tenon.rnn' op gates have 32 columns for 16}}
  %all, %last = tenon.rnn(%gates, %r) {
      operandSegmentSizes = array<i32: 1, 1, 0, 0>, direction = 0 : i32, activations = ["Tanh"],
      alphas = array<f64: 0.>, betas = array<f64: 0.>}
    : (tensor<7x2x32xf32>, tensor<1x1x16x16xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
  return
}

// -----

func.func @activation(%gates: tensor<7x2x16xf32>, %r: tensor<1x1x16x16xf32>) {
  // expected-error @+1 {{'tenon.rnn' op unknown activation "Sin"}}
  %all, %last = tenon.rnn(%gates, %r) {
      operandSegmentSizes = array<i32: 1, 1, 0, 0>, direction = 0 : i32, activations = ["Sin"],
      alphas = array<f64: 0.>, betas = array<f64: 0.>}
    : (tensor<7x2x16xf32>, tensor<1x1x16x16xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
  return
}
