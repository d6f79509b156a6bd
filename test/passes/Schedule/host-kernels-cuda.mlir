// Kernels for which a GPU has no code are its host's: functions of f64, which only a C library has.
// RUN: tenon-opt %s --mlir-print-local-scope --tenon-assign-target=target=cuda:sm_80 --tenon-assign-schedules | FileCheck %s

// CHECK-LABEL: tenon.kernel @function(
//  CHECK-SAME:   schedule = #cpu.rows_schedule<lanes = 8>, strategy = "host_rows"
tenon.kernel @function(%x: tensor<16xf64>) -> tensor<16xf64> attributes {strategy = "rows"} {
  %0 = tenon.exp %x : (tensor<16xf64>) -> tensor<16xf64>
  tenon.yield %0 : tensor<16xf64>
}

// Arithmetic is no function.
// CHECK-LABEL: tenon.kernel @arithmetic(
//  CHECK-SAME:   schedule = #cuda.rows_schedule<team = 1>, strategy = "rows"
tenon.kernel @arithmetic(%x: tensor<16xf64>) -> tensor<16xf64> attributes {strategy = "rows"} {
  %0 = tenon.sqrt %x : (tensor<16xf64>) -> tensor<16xf64>
  tenon.yield %0 : tensor<16xf64>
}

// What follows a product counts as well.
// CHECK-LABEL: tenon.kernel @product(
//  CHECK-SAME:   strategy = "host_rows"
tenon.kernel @product(%x: tensor<16x16xf64>, %w: tensor<16x16xf64>) -> tensor<16x16xf64> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %x, %w : (tensor<16x16xf64>, tensor<16x16xf64>) -> tensor<16x16xf64>
  %1 = tenon.tanh %0 : (tensor<16x16xf64>) -> tensor<16x16xf64>
  tenon.yield %1 : tensor<16x16xf64>
}
