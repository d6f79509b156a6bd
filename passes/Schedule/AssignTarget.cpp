// Says on the module which processor it is compiled for.

#include "passes/Codegen/Cpu/ScheduleAttributes.h"
#include "passes/Schedule/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_ASSIGNTARGETPASS
#include "passes/Schedule/Passes.h.inc"

namespace {

struct AssignTarget : impl::AssignTargetPassBase<AssignTarget> {
  using AssignTargetPassBase::AssignTargetPassBase;

  void runOnOperation() override {
    std::optional<cpu::TargetInfo> info = cpu::lookupTarget(target);
    if (!info) {
      getOperation().emitError() << "unknown target '" << target << "'";
      return signalPassFailure();
    }
    getOperation()->setAttr(kTargetAttrName, toAttribute(*info, &getContext()));
  }
};

} // namespace

} // namespace tenon
