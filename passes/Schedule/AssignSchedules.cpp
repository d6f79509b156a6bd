// Writes the schedules of contraction kernels.

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
      if (kernel.getSchedule() || kernel.getKernelClass() != KernelClass::Contraction)
        continue;
      for (Operation &op : kernel.getEntryBlock()) {
        if (!isa<MatMulOp, ConvOp>(op))
          continue;
        cpu::ContractionSchedule schedule =
            cpu::chooseContractionSchedule(*target, getContractionSizes(&op));
        kernel.setScheduleAttr(toAttribute(schedule, &getContext()));
        ++numScheduled;
      }
    }
  }
};

} // namespace

} // namespace tenon
