// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: tenon-opt %s --tenon-assign-target=target=cpu | FileCheck %s --check-prefix=NATIVE
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:native | FileCheck %s --check-prefix=NATIVE
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:znver4 | FileCheck %s --check-prefix=ZEN4
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:neoverse-n1 | FileCheck %s --check-prefix=N1
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:armv8.6-a | FileCheck %s --check-prefix=ARM
// RUN: not tenon-opt %s --tenon-assign-target=target=cpu:z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not tenon-opt %s --tenon-assign-target=target=abacus:z80 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not tenon-opt %s --tenon-assign-target=target=func:z80 2>&1 | FileCheck %s --check-prefix=DIALECT

// A name alone is a processor's; a kind alone is that of this machine.
// V3: tenon.target = #cpu.target<name = "x86-64-v3"
// NATIVE: tenon.target = #cpu.target<name = "native"

// Where 512-bit multiply-adds take two pipes, and prefetches are slower than what the processor reads ahead.
// ZEN4: tenon.target = #cpu.target<name = "znver4", cpu = "znver4", features = [{{.*}}], vector_bits = 512, vector_registers = 32, fma_ports = 1, reads_ahead = true>

// AArch64's processors and versions, with those of their instruction sets that are for arithmetic on 128 bits.
// N1: tenon.target = #cpu.target<name = "neoverse-n1", cpu = "neoverse-n1", triple = "aarch64-unknown-linux-gnu", features = ["fp-armv8", "neon", "fullfp16", "dotprod"], vector_bits = 128, vector_registers = 32, l1_bytes = 65536, separate_loads = true>
// ARM: tenon.target = #cpu.target<name = "armv8.6-a", cpu = "generic", triple = "aarch64-unknown-linux-gnu", features = ["fp-armv8", "neon", {{.*}}"i8mm", "bf16"], vector_bits = 128

// UNKNOWN: unknown target 'z80'
// KIND: target 'abacus:z80' is of an unknown kind, 'abacus'
// DIALECT: target 'func:z80' is of an unknown kind, 'func'
module {}
