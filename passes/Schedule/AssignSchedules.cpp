// Writes the schedules of the kernels that have one.

#include "dialects/Target/KernelStrategy.h"
#include "passes/Schedule/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_ASSIGNSCHEDULESPASS
#include "passes/Schedule/Passes.h.inc"

using namespace mlir;

/// The first strategy of kernels without a root that can compute this one; where none can, the
/// last.
static const KernelStrategy &findElemental(KernelOp kernel, TargetAttrInterface target) {
  const KernelStrategy *last = nullptr;
  for (const auto &strategy :
       target.getDialect().getRegisteredInterface<KernelStrategies>()->get()) {
    if (!strategy->isElemental())
      continue;
    last = strategy.get();
    if (last->canCompute(kernel))
      break;
  }
  return *last;
}

namespace {

struct AssignSchedules : impl::AssignSchedulesPassBase<AssignSchedules> {
  using AssignSchedulesPassBase::AssignSchedulesPassBase;

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    TargetAttrInterface target = strategies->getTarget();
    for (KernelOp kernel : getOperation().getOps<KernelOp>()) {
      const KernelStrategy *strategy = strategies->lookup(kernel);
      if (!strategy)
        return signalPassFailure();
      if (!kernel.getSchedule() && !strategy->canCompute(kernel)) {
        strategy = &findElemental(kernel, target);
        kernel.setStrategy(strategy->getName());
      }
      if (!kernel.getTasks())
        kernel.setTasksAttr(
            AffineMapAttr::get(makeDimsMap(strategy->chooseTasks(kernel, target), &getContext())));
      if (!kernel.getSchedule())
        if (ScheduleAttrInterface schedule = strategy->choose(kernel, target)) {
          kernel.setScheduleAttr(schedule);
          ++numScheduled;
        }
      // It follows from the schedule, whoever wrote that.
      if (AffineMapAttr scratch = getScratch(kernel, *strategy))
        kernel.setScratchAttr(scratch);
      else
        kernel.removeScratchAttr();
    }
  }
};

} // namespace

} // namespace tenon
