// What a program for a device with memory of its own cannot hold.
// RUN: tenon-opt %s --tenon-verify-stage=stage=target --verify-diagnostics

module attributes {tenon.target = #cuda.target<name = "sm_80", arch = "sm_80", host_cpu = #cpu.target<name = "x86-64-v3">>} {
  // Pictures are decoded in memory of the host.
  func.func @picture(%bytes: tensor<9xui8>) attributes {tenon.symbols = ["h", "w"]} {
    // expected-error @+1 {{makes a value that programs for cuda:sm_80 cannot hold: 'tensor<?x?x3xui8}}
    %0 = tenon.decode_image rgb %bytes : (tensor<9xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
    return
  }

  func.func @sequence(%x: tensor<2xf32>) {
    // expected-error @+1 {{makes a value that programs for cuda:sm_80 cannot hold: '!tenon.sequence<tensor<2xf32>>'}}
    %0 = tenon.sequence_construct %x : (tensor<2xf32>) -> !tenon.sequence<tensor<2xf32>>
    return
  }
}
