// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 --tenon-assign-schedules --verify-diagnostics

// expected-error @+1 {{names a strategy that cpu:x86-64-v3 does not have: tensor_cores}}
tenon.kernel @unknown(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "tensor_cores"} {
  tenon.yield %x : tensor<8xf32>
}
