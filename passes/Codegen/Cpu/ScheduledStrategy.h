// What strategies share whose kernels have a root and schedules of one kind.
#ifndef TENON_PASSES_CODEGEN_CPU_SCHEDULEDSTRATEGY_H
#define TENON_PASSES_CODEGEN_CPU_SCHEDULEDSTRATEGY_H

#include "passes/Codegen/Cpu/Contraction.h"
#include "passes/Codegen/Cpu/Strategies.h"
#include "passes/Schedule/Cpu/Choose.h"

namespace tenon::cpu {

/// The error for a kernel whose schedule is missing or of another kind.
llvm::LogicalResult complainAboutSchedule(KernelOp kernel);

/// The weights lie in memory as the schedule says that they are read.
llvm::LogicalResult verifyWeights(KernelOp kernel, mlir::Operation *root,
                                  llvm::ArrayRef<WeightForm> forms);

/// The scratch memory of a matrix product or convolution, by the channels that it sums over.
mlir::AffineExpr getBytes(ScratchBytes scratch, mlir::Operation *root);

/// A convolution reads its input through a slice: other starts, the same strides.
bool isInputOfConv(mlir::OpOperand &operand);

/// A strategy whose kernels have a root, and schedules of one kind.
template <typename ScheduleT> class ScheduledStrategy : public CpuStrategy {
public:
  bool match(mlir::Operation *op, TargetAttrInterface) const override { return computes(op); }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseFor(getRoot(kernel, *this), llvm::cast<TargetAttr>(target));
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface) const override {
    return cpu::chooseTasks(kernel);
  }
  llvm::LogicalResult verify(KernelOp kernel) const override {
    auto schedule = llvm::dyn_cast_if_present<ScheduleT>(kernel.getScheduleAttr());
    mlir::Operation *root = getRoot(kernel, *this);
    if (!schedule || !root)
      return complainAboutSchedule(kernel);
    if (!computes(root))
      return root->emitError("is nothing that the strategy of @")
             << kernel.getSymName() << " computes: " << getName();
    return verifyRoot(kernel, root, schedule);
  }
  mlir::AffineExpr getScratchBytes(KernelOp kernel) const final {
    auto schedule = llvm::dyn_cast_if_present<ScheduleT>(kernel.getScheduleAttr());
    mlir::Operation *root = getRoot(kernel, *this);
    return schedule && root && computes(root) ? getScratchOf(root, schedule) : mlir::AffineExpr();
  }

protected:
  /// Whether there is code for kernels around `op`, worthwhile or not.
  virtual bool computes(mlir::Operation *op) const = 0;
  virtual ScheduleT chooseFor(mlir::Operation *root, TargetAttr target) const = 0;
  virtual llvm::LogicalResult verifyRoot(KernelOp kernel, mlir::Operation *root,
                                         ScheduleT schedule) const {
    return llvm::success();
  }
  virtual mlir::AffineExpr getScratchOf(mlir::Operation *root, ScheduleT schedule) const {
    return nullptr;
  }
};

} // namespace tenon::cpu

#endif
