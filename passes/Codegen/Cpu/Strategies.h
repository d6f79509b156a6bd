// The strategies of CPUs: how kernels are recognised, scheduled, checked and emitted.
#ifndef TENON_PASSES_CODEGEN_CPU_STRATEGIES_H
#define TENON_PASSES_CODEGEN_CPU_STRATEGIES_H

#include "dialects/Target/KernelStrategy.h"
#include "passes/Codegen/Cpu/KernelEmitter.h"

namespace tenon::cpu {

class CpuStrategy : public KernelStrategy {
public:
  llvm::LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                               mlir::ModuleOp module) const final;

protected:
  /// Emits the computation of the emitter's kernel at its place. The work is split by the emitter's
  /// task and tasks, and the bits are the same for any number of tasks.
  virtual void emit(KernelEmitter &emitter) const = 0;
};

/// Convolutions with transformed filters, those with a filter for each channel, and all other
/// matrix products and convolutions.
std::unique_ptr<KernelStrategy> createWinogradStrategy();
std::unique_ptr<KernelStrategy> createDepthwiseStrategy();
std::unique_ptr<KernelStrategy> createContractionStrategy();

/// Makes targets of the `cpu` dialect have their strategies.
void registerStrategies(mlir::DialectRegistry &registry);

} // namespace tenon::cpu

#endif
