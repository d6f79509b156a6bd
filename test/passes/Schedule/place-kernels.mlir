// Which kernels the host of a device computes, where these are placed by cost.
// RUN: tenon-opt %s --tenon-place-kernels --split-input-file | FileCheck %s
// RUN: tenon-opt %s --tenon-place-kernels --tenon-assign-schedules --tenon-plan-transfers --tenon-plan-memory --tenon-verify-stage=stage=program --split-input-file | FileCheck %s --check-prefix=PLACED

// Small steps behind one that only the host computes stay there, a wide one goes back to the device.
// CHECK-LABEL: func.func @behind
// CHECK: %[[S:.*]] = tenon.launch @sort(
// CHECK: %[[N:.*]] = tenon.launch @neg_host(%[[S]])
// CHECK: %[[P:.*]] = tenon.launch @product_host(%[[N]]
// CHECK: tenon.launch @wide(%[[P]]
// CHECK-NOT: tenon.kernel @neg(
// CHECK: tenon.kernel @neg_host({{.*}}strategy = "host_rows"
// CHECK: tenon.kernel @product_host({{.*}}strategy = "host_contraction"
// CHECK: tenon.kernel @wide({{.*}}strategy = "contraction"
// PLACED-LABEL: func.func @behind
// PLACED: tenon.transfer %{{.*}} to host
// PLACED: tenon.launch @sort
// PLACED-NOT: to host
// PLACED: tenon.transfer %{{.*}} to device
// PLACED: tenon.launch @wide
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
func.func @behind(%x: tensor<4x64xf32>, %w: tensor<64x64xf32>, %v: tensor<64x65536xf32>) -> tensor<4x65536xf32> {
  %w1 = tenon.constant dense<1.0> : tensor<64x64xf32>
  %0 = tenon.launch @sort(%x) : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %1 = tenon.launch @neg(%0) : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %2 = tenon.launch @product(%1, %w1) : (tensor<4x64xf32>, tensor<64x64xf32>) -> tensor<4x64xf32>
  %3 = tenon.launch @wide(%2, %v) : (tensor<4x64xf32>, tensor<64x65536xf32>) -> tensor<4x65536xf32>
  return %3 : tensor<4x65536xf32>
}
tenon.kernel @sort(%a: tensor<4x64xf32>) -> tensor<4x64xf32> attributes {strategy = "host_rows"} {
  %0 = tenon.exp %a : (tensor<4x64xf32>) -> tensor<4x64xf32>
  tenon.yield %0 : tensor<4x64xf32>
}
tenon.kernel @neg(%a: tensor<4x64xf32>) -> tensor<4x64xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<4x64xf32>) -> tensor<4x64xf32>
  tenon.yield %0 : tensor<4x64xf32>
}
tenon.kernel @product(%a: tensor<4x64xf32>, %b: tensor<64x64xf32>) -> tensor<4x64xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %a, %b : (tensor<4x64xf32>, tensor<64x64xf32>) -> tensor<4x64xf32>
  tenon.yield %0 : tensor<4x64xf32>
}
tenon.kernel @wide(%a: tensor<4x64xf32>, %b: tensor<64x65536xf32>) -> tensor<4x65536xf32> attributes {strategy = "contraction"} {
  %0 = tenon.matmul %a, %b : (tensor<4x64xf32>, tensor<64x65536xf32>) -> tensor<4x65536xf32>
  tenon.yield %0 : tensor<4x65536xf32>
}
}

// -----

// One kernel, launched on both sides. Between kernels of the device nothing is worth a transfer; and
// the host has no arithmetic on halves.
// CHECK-LABEL: func.func @both
// CHECK: tenon.launch @neg(%arg0)
// CHECK: tenon.launch @sort
// CHECK: tenon.launch @neg_host
// CHECK: tenon.launch @halves
// CHECK: tenon.kernel @neg(
// CHECK: tenon.kernel @neg_host(
// CHECK-NOT: @halves_host
module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
func.func @both(%x: tensor<64xf32>, %h: tensor<64xf16>) -> (tensor<64xf32>, tensor<64xf16>, tensor<64xf32>) {
  %0 = tenon.launch @neg(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = tenon.launch @sort(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %2 = tenon.launch @neg(%1) : (tensor<64xf32>) -> tensor<64xf32>
  %3 = tenon.launch @sort(%2) : (tensor<64xf32>) -> tensor<64xf32>
  %4 = tenon.launch @halves(%h) : (tensor<64xf16>) -> tensor<64xf16>
  return %3, %4, %0 : tensor<64xf32>, tensor<64xf16>, tensor<64xf32>
}
tenon.kernel @sort(%a: tensor<64xf32>) -> tensor<64xf32> attributes {strategy = "host_rows"} {
  %0 = tenon.exp %a : (tensor<64xf32>) -> tensor<64xf32>
  tenon.yield %0 : tensor<64xf32>
}
tenon.kernel @neg(%a: tensor<64xf32>) -> tensor<64xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<64xf32>) -> tensor<64xf32>
  tenon.yield %0 : tensor<64xf32>
}
tenon.kernel @halves(%a: tensor<64xf16>) -> tensor<64xf16> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<64xf16>) -> tensor<64xf16>
  tenon.yield %0 : tensor<64xf16>
}
}

// -----

// A processor has nothing to place.
// CHECK-LABEL: func.func @processor
// CHECK: tenon.launch @neg(
module attributes {tenon.target = #cpu.target<name = "x86-64-v3">} {
func.func @processor(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = tenon.launch @neg(%x) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}
tenon.kernel @neg(%a: tensor<64xf32>) -> tensor<64xf32> attributes {strategy = "rows"} {
  %0 = tenon.neg %a : (tensor<64xf32>) -> tensor<64xf32>
  tenon.yield %0 : tensor<64xf32>
}
}
