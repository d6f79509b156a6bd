// Writes the schedules of the kernels that have one.

#include "passes/Codegen/Cpu/AttentionShape.h"
#include "passes/Codegen/Cpu/ContractionShape.h"
#include "passes/Codegen/Cpu/ScheduleAttributes.h"
#include "passes/Schedule/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_ASSIGNSCHEDULESPASS
#include "passes/Schedule/Passes.h.inc"

using namespace mlir;

namespace {

struct AssignSchedules : impl::AssignSchedulesPassBase<AssignSchedules> {
  using AssignSchedulesPassBase::AssignSchedulesPassBase;

  void runOnOperation() override {
    FailureOr<cpu::TargetInfo> target = getTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (KernelOp kernel : getOperation().getOps<KernelOp>()) {
      if (kernel.getSchedule())
        continue;
      for (Operation &op : kernel.getEntryBlock())
        if (Attribute schedule = choose(*target, kernel.getKernelClass(), &op)) {
          kernel.setScheduleAttr(schedule);
          ++numScheduled;
        }
    }
  }

  /// The schedule if `op` is what the strategy computes, else null.
  Attribute choose(const cpu::TargetInfo &target, KernelClass strategy, Operation *op) {
    auto conv = dyn_cast<ConvOp>(op);
    if (strategy == KernelClass::Depthwise && conv)
      return toAttribute(cpu::chooseDepthwiseSchedule(target, getDepthwiseSizes(conv)),
                         &getContext());
    if (strategy == KernelClass::Contraction && conv && conv.getWinograd())
      return toAttribute(
          cpu::chooseWinogradSchedule(target, *conv.getWinograd(), getContractionSizes(op)),
          &getContext());
    if (strategy == KernelClass::Contraction && isa<MatMulOp, ConvOp>(op))
      return toAttribute(cpu::chooseContractionSchedule(target, getContractionSizes(op)),
                         &getContext());
    if (auto attention = dyn_cast<AttentionOp>(op))
      return toAttribute(cpu::chooseAttentionSchedule(target, getAttentionSizes(attention)),
                         &getContext());
    return nullptr;
  }
};

} // namespace

} // namespace tenon
