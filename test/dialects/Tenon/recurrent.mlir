// The recurrences: optional operands are left out, and result types follow from the gates.
// RUN: tenon-opt %s | tenon-opt | FileCheck %s

// CHECK-LABEL: func.func @lstm
// CHECK: tenon.lstm(%{{.*}}, %{{.*}}) {{.*}}direction = 0 : i32
// CHECK-SAME: -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>, tensor<1x2x16xf32>)
func.func @lstm(%gates: tensor<7x2x64xf32>, %r: tensor<1x4x16x16xf32>) -> tensor<1x2x16xf32> {
  %all, %last, %cells = tenon.lstm(%gates, %r) {
      operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0>, direction = 0 : i32,
      activations = ["Sigmoid", "Tanh", "Tanh"],
      alphas = array<f64: 0., 0., 0.>, betas = array<f64: 0., 0., 0.>}
    : (tensor<7x2x64xf32>, tensor<1x4x16x16xf32>)
    -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>, tensor<1x2x16xf32>)
  return %cells : tensor<1x2x16xf32>
}

// Both directions, sequences of different length, the reset gate behind the product.
// CHECK-LABEL: func.func @gru
// CHECK: tenon.gru(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) {{.*}}linearBeforeReset
func.func @gru(%gates: tensor<7x2x96xf32>, %r: tensor<2x3x16x16xf32>, %lengths: tensor<2xi32>,
               %bias: tensor<2x16xf32>) -> tensor<7x2x2x16xf32> {
  %all, %last = tenon.gru(%gates, %r, %lengths, %bias) {
      operandSegmentSizes = array<i32: 1, 1, 0, 1, 1>, direction = 2 : i32, linearBeforeReset,
      activations = ["Sigmoid", "Tanh", "Sigmoid", "Tanh"],
      alphas = array<f64: 0., 0., 0., 0.>, betas = array<f64: 0., 0., 0., 0.>}
    : (tensor<7x2x96xf32>, tensor<2x3x16x16xf32>, tensor<2xi32>, tensor<2x16xf32>)
    -> (tensor<7x2x2x16xf32>, tensor<2x2x16xf32>)
  return %all : tensor<7x2x2x16xf32>
}

// CHECK-LABEL: func.func @rnn
// CHECK: tenon.rnn(%{{.*}}, %{{.*}}) {{.*}}clip = 3.000000e+00 : f64
func.func @rnn(%gates: tensor<7x2x16xf32>, %r: tensor<1x1x16x16xf32>) -> tensor<1x2x16xf32> {
  %all, %last = tenon.rnn(%gates, %r) {
      operandSegmentSizes = array<i32: 1, 1, 0, 0>, direction = 1 : i32, activations = ["Elu"],
      alphas = array<f64: 1.>, betas = array<f64: 0.>, clip = 3.0}
    : (tensor<7x2x16xf32>, tensor<1x1x16x16xf32>) -> (tensor<7x1x2x16xf32>, tensor<1x2x16xf32>)
  return %last : tensor<1x2x16xf32>
}
