// The strategies of CPUs: how kernels are recognised, scheduled, checked and emitted.
#ifndef TENON_PASSES_CODEGEN_CPU_STRATEGIES_H
#define TENON_PASSES_CODEGEN_CPU_STRATEGIES_H

#include "dialects/Target/KernelStrategy.h"
#include "passes/Codegen/Cpu/KernelEmitter.h"

namespace tenon::cpu {

class CpuStrategy : public KernelStrategy {
public:
  /// Emits the computation of the emitter's kernel at its place. The work is split by the emitter's
  /// task and tasks, and the bits are the same for any number of tasks.
  virtual void emit(KernelEmitter &emitter) const = 0;
};

/// The strategy that the kernel names; null, and an error on it, if there is none of that name.
const CpuStrategy *lookupStrategy(KernelOp kernel, TargetAttr target);

/// Makes targets of the `cpu` dialect have their strategies.
void registerStrategies(mlir::DialectRegistry &registry);

} // namespace tenon::cpu

#endif
