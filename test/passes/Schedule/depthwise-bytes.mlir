// RUN: tenon-opt %s --tenon-assign-target=target=icelake-server --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,BYTES
// RUN: tenon-opt %s --tenon-assign-target=target=alderlake --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,SHORT
// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,FLOATS
// RUN: tenon-opt %s --tenon-assign-target=target=neoverse-n1 --tenon-assign-schedules | FileCheck %s --check-prefixes=CHECK,FLOATS

// Bytes of four kernel lines are multiplied at once where an instruction takes them, on vectors that hold them for more than four channels.
// CHECK-LABEL: tenon.kernel @bytes(
// BYTES-SAME: #cpu.depthwise_schedule<lanes = 16, {{.*}}mma = <vpdpbusd>>
// SHORT-SAME: #cpu.depthwise_schedule<lanes = 8, {{.*}}mma = <vpdpbusd>>
// FLOATS-NOT: mma =
tenon.kernel @bytes(%x: tensor<1x16x16x32xui8>, %w: tensor<3x3x1x32xi8>) -> tensor<1x14x14x32xi32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x16x16x32xui8>, tensor<3x3x1x32xi8>) -> tensor<1x14x14x32xi32>
  tenon.yield %0 : tensor<1x14x14x32xi32>
}

// Of one line there is nothing to put together, more taps than these are not written out, and the instruction wants other signs.
// CHECK-LABEL: tenon.kernel @line(
// CHECK-NOT: mma =
tenon.kernel @line(%x: tensor<1x16x32xui8>, %w: tensor<3x1x32xi8>) -> tensor<1x14x32xi32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1>, dilations = array<i64: 1>} : (tensor<1x16x32xui8>, tensor<3x1x32xi8>) -> tensor<1x14x32xi32>
  tenon.yield %0 : tensor<1x14x32xi32>
}
tenon.kernel @many_taps(%x: tensor<1x20x20x32xui8>, %w: tensor<7x7x1x32xi8>) -> tensor<1x14x14x32xi32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x20x20x32xui8>, tensor<7x7x1x32xi8>) -> tensor<1x14x14x32xi32>
  tenon.yield %0 : tensor<1x14x14x32xi32>
}
tenon.kernel @other_signs(%x: tensor<1x16x16x32xi8>, %w: tensor<3x3x1x32xi8>) -> tensor<1x14x14x32xi32> attributes {strategy = "depthwise"} {
  %0 = tenon.conv %x, %w {groups = 32, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x16x16x32xi8>, tensor<3x3x1x32xi8>) -> tensor<1x14x14x32xi32>
  tenon.yield %0 : tensor<1x14x14x32xi32>
}
