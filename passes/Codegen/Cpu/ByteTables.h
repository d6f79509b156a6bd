// Reads tables of 256 bytes.
#ifndef TENON_PASSES_CODEGEN_CPU_BYTETABLES_H
#define TENON_PASSES_CODEGEN_CPU_BYTETABLES_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon::cpu {

/// Whether the processor has instructions that read a table from registers.
bool hasByteTables(TargetAttr target);

/// What the table at `table` holds at the places `codes`: bytes without a sign, one or a vector of
/// at most as many as a register has.
mlir::Value emitTableRead(Emitter &emitter, TargetAttr target, mlir::Value table,
                          mlir::Value codes);

} // namespace tenon::cpu

#endif
