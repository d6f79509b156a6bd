// Writes the schedules of the kernels that have one.

#include "passes/Schedule/Cpu/Choose.h"
#include "passes/Schedule/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_ASSIGNSCHEDULESPASS
#include "passes/Schedule/Passes.h.inc"

using namespace mlir;

namespace {

struct AssignSchedules : impl::AssignSchedulesPassBase<AssignSchedules> {
  using AssignSchedulesPassBase::AssignSchedulesPassBase;

  void runOnOperation() override {
    FailureOr<cpu::TargetAttr> target = getTargetAs<cpu::TargetAttr>(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (KernelOp kernel : getOperation().getOps<KernelOp>()) {
      if (kernel.getSchedule())
        continue;
      for (Operation &op : kernel.getEntryBlock())
        if (ScheduleAttrInterface schedule = choose(*target, kernel.getKernelClass(), &op)) {
          kernel.setScheduleAttr(schedule);
          ++numScheduled;
        }
    }
  }

  /// The schedule if `op` is what the strategy computes, else null.
  ScheduleAttrInterface choose(cpu::TargetAttr target, KernelClass strategy, Operation *op) {
    auto conv = dyn_cast<ConvOp>(op);
    if (strategy == KernelClass::Depthwise && conv)
      return cpu::chooseDepthwise(target, cpu::getDepthwiseSizes(conv));
    if (strategy == KernelClass::Contraction && conv && conv.getWinograd())
      return cpu::chooseWinograd(target, *conv.getWinograd(), cpu::getContractionSizes(op));
    if (strategy == KernelClass::Contraction && isa<MatMulOp, ConvOp>(op))
      return cpu::chooseContraction(target, cpu::getContractionSizes(op));
    if (auto attention = dyn_cast<AttentionOp>(op))
      return cpu::chooseAttention(target, cpu::getAttentionSizes(attention));
    return nullptr;
  }
};

} // namespace

} // namespace tenon
