// RUN: tenon-opt %s --pass-pipeline='builtin.module(tenon.kernel(tenon-round-last))' --split-input-file | FileCheck %s

// What becomes bytes is clamped, multiplied where it was divided, rounded, and moved as integers.
// CHECK-LABEL: tenon.kernel @quantize(
// CHECK-DAG: %[[Z:.*]] = tenon.constant dense<128> : tensor<i32>
// CHECK-DAG: %[[LEAST:.*]] = tenon.constant dense<-3.840000e+01>
// CHECK-DAG: %[[MOST:.*]] = tenon.constant dense<38.1000023>
// CHECK: %[[A:.*]] = tenon.max %arg0, %[[LEAST]]
// CHECK: %[[B:.*]] = tenon.min %[[A]], %[[MOST]]
// CHECK: %[[C:.*]] = tenon.mul %[[B]]
// CHECK: %[[D:.*]] = tenon.fma %[[B]], %{{.*}}, %[[C]]
// CHECK: %[[R:.*]] = tenon.round %[[D]]
// CHECK: %[[I:.*]] = tenon.cast %[[R]] to i32
// CHECK: %[[J:.*]] = tenon.add %[[I]], %[[Z]]
// CHECK: tenon.cast %[[J]] to ui8
// CHECK-NOT: tenon.div
tenon.kernel @quantize(%x: tensor<8xf32>) -> tensor<8xui8> attributes {strategy = "rows"} {
  %s = tenon.constant dense<0.3> : tensor<f32>
  %z = tenon.constant dense<128.0> : tensor<f32>
  %c0 = tenon.constant dense<0.0> : tensor<f32>
  %c255 = tenon.constant dense<255.0> : tensor<f32>
  %0 = tenon.div %x, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = tenon.round %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = tenon.add %1, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.max %2, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = tenon.min %3, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %q = tenon.cast %4 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  tenon.yield %q : tensor<8xui8>
}

// -----

// What is dequantized at once needs no zero point.
// CHECK-LABEL: tenon.kernel @requantize(
// CHECK-DAG: %[[LEAST:.*]] = tenon.constant dense<-1.360000e+02>
// CHECK-DAG: %[[MOST:.*]] = tenon.constant dense<1.190000e+02>
// CHECK: %[[A:.*]] = tenon.max %arg0, %[[LEAST]]
// CHECK-NEXT: %[[B:.*]] = tenon.min %[[A]], %[[MOST]]
// CHECK-NEXT: %[[R:.*]] = tenon.round %[[B]]
// CHECK-NEXT: tenon.mul %[[R]]
// CHECK-NEXT: tenon.yield
tenon.kernel @requantize(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
  %s = tenon.constant dense<0.3> : tensor<f32>
  %z = tenon.constant dense<136.0> : tensor<f32>
  %c0 = tenon.constant dense<0.0> : tensor<f32>
  %c255 = tenon.constant dense<255.0> : tensor<f32>
  %0 = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.add %0, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.max %1, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.min %2, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = tenon.sub %3, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %y = tenon.mul %4, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  tenon.yield %y : tensor<8xf32>
}

// -----

// Offsets join: bytes of the other sign, and a zero point that is nothing there.
// CHECK-LABEL: tenon.kernel @offsets(
// CHECK: %[[R:.*]] = tenon.round
// CHECK-NEXT: %[[Q:.*]] = tenon.cast %[[R]] to ui8
// CHECK-NEXT: tenon.yield %[[Q]]
tenon.kernel @offsets(%x: tensor<8xf32>) -> tensor<8xui8> attributes {strategy = "rows"} {
  %z = tenon.constant dense<-128.0> : tensor<f32>
  %c127 = tenon.constant dense<127.0> : tensor<f32>
  %0 = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.add %0, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.max %1, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = tenon.min %2, %c127 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = tenon.sub %3, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %q = tenon.cast %4 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  tenon.yield %q : tensor<8xui8>
}

// -----

// Bounds that are no integers come after rounding, divisors that only a run tells divide, and so does what
// no product can replace.
// CHECK-LABEL: tenon.kernel @others(
// CHECK: %[[R:.*]] = tenon.round %arg0
// CHECK: %[[A:.*]] = tenon.max %[[R]]
// CHECK: tenon.min %[[A]]
// CHECK: tenon.div %arg0, %arg1
// CHECK: tenon.div %arg0, %{{.*}} : (tensor<8xf32>, tensor<f32>)
tenon.kernel @others(%x: tensor<8xf32>, %s: tensor<8xf32>)
    -> (tensor<8xf32>, tensor<8xui8>, tensor<8xui8>) attributes {strategy = "rows"} {
  %half = tenon.constant dense<0.5> : tensor<f32>
  %tiny = tenon.constant dense<1.0e-30> : tensor<f32>
  %c0 = tenon.constant dense<0.0> : tensor<f32>
  %c255 = tenon.constant dense<255.0> : tensor<f32>
  %0 = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = tenon.max %0, %half : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %y = tenon.min %1, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = tenon.div %x, %s : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = tenon.round %2 : (tensor<8xf32>) -> tensor<8xf32>
  %4 = tenon.max %3, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %5 = tenon.min %4, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %q = tenon.cast %5 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  %6 = tenon.div %x, %tiny : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %7 = tenon.round %6 : (tensor<8xf32>) -> tensor<8xf32>
  %8 = tenon.max %7, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %9 = tenon.min %8, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %p = tenon.cast %9 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  tenon.yield %y, %q, %p : tensor<8xf32>, tensor<8xui8>, tensor<8xui8>
}
