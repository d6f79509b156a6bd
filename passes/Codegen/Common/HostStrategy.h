// Kernels that a device has no code for, computed by a strategy of its host.
#ifndef TENON_PASSES_CODEGEN_COMMON_HOSTSTRATEGY_H
#define TENON_PASSES_CODEGEN_COMMON_HOSTSTRATEGY_H

#include "dialects/Target/KernelStrategy.h"

namespace tenon {

/// A strategy of a target with memory of its own, whose kernels are functions of the processor
/// beside it. It does what a strategy does there; the program moves operands and results
/// (passes/Codegen/Host).
class HostStrategy final : public KernelStrategy {
public:
  enum class Use {
    /// The device has no other for some ops.
    Ops,
    /// It has none for some kernels without a root.
    Elements,
    /// Kernels that it could compute, too, are placed on the host.
    Placed
  };

  /// `name` is this strategy's, `hostName` the host's own. Both live as long as the program.
  HostStrategy(llvm::StringRef name, llvm::StringRef hostName, Use use)
      : name(name), hostName(hostName), use(use) {}

  llvm::StringRef getName() const override { return name; }
  bool runsOnHost() const override { return true; }
  bool needsPlacing() const override { return use == Use::Placed; }
  bool isElemental() const override { return use == Use::Elements; }
  bool match(mlir::Operation *op, TargetAttrInterface target) const override;
  FusionRules getFusionRules(mlir::Operation *root) const override;
  KernelResources getResources(mlir::Operation *root) const override;
  mlir::OpOperand *getWeights(mlir::Operation *root) const override;
  bool canCompute(KernelOp kernel) const override;
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override;
  llvm::SmallVector<WeightForm> getWeightForms(KernelOp kernel) const override;
  mlir::Type getRoundedInput(KernelOp kernel) const override;
  MultipliedParts getMultipliedParts(KernelOp kernel) const override;
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const override;
  mlir::AffineExpr getScratchBytes(KernelOp kernel) const override;
  llvm::LogicalResult verify(KernelOp kernel) const override;
  llvm::LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                               mlir::ModuleOp module) const override;

private:
  const KernelStrategy &onHost(mlir::Operation *op) const;
  const KernelStrategy &onHost(TargetAttrInterface target) const;

  llvm::StringRef name, hostName;
  Use use;
};

} // namespace tenon

#endif
