// Moves a group of ops into a kernel of its own.

#ifndef TENON_PASSES_FUSION_OUTLINEKERNEL_H
#define TENON_PASSES_FUSION_OUTLINEKERNEL_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Fusion/JoinRules.h"

namespace tenon {

class KernelOutliner {
public:
  /// With `marksWeights`, kernels say which of their arguments are weights that may be packed.
  KernelOutliner(mlir::ModuleOp module, const TargetStrategies &strategies, const JoinRules &rules,
                 bool marksWeights)
      : module(module), strategies(strategies), rules(rules), marksWeights(marksWeights),
        symbolTable(module) {}

  /// Replaces the ops of the group by the launch of a new kernel that computes them.
  void outline(KernelGroup &group);

private:
  mlir::ModuleOp module;
  const TargetStrategies &strategies;
  const JoinRules &rules;
  bool marksWeights;
  mlir::SymbolTable symbolTable;
};

} // namespace tenon

#endif
