// RUN: tenon-opt %s --tenon-assign-target=target=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: tenon-opt %s --tenon-assign-target=target=cpu | FileCheck %s --check-prefix=NATIVE
// RUN: tenon-opt %s --tenon-assign-target=target=cpu:native | FileCheck %s --check-prefix=NATIVE
// RUN: not tenon-opt %s --tenon-assign-target=target=cpu:z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not tenon-opt %s --tenon-assign-target=target=abacus:z80 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not tenon-opt %s --tenon-assign-target=target=func:z80 2>&1 | FileCheck %s --check-prefix=DIALECT

// A name alone is a processor's; a kind alone is that of this machine.
// V3: tenon.target = #cpu.target<name = "x86-64-v3"
// NATIVE: tenon.target = #cpu.target<name = "native"

// UNKNOWN: unknown target 'z80'
// KIND: target 'abacus:z80' is of an unknown kind, 'abacus'
// DIALECT: target 'func:z80' is of an unknown kind, 'func'
module {}
