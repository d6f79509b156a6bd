// Says on the module which device it is compiled for.

#include "dialects/Target/TargetKind.h"
#include "passes/Schedule/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_ASSIGNTARGETPASS
#include "passes/Schedule/Passes.h.inc"

namespace {

struct AssignTarget : impl::AssignTargetPassBase<AssignTarget> {
  using AssignTargetPassBase::AssignTargetPassBase;

  void runOnOperation() override {
    llvm::Expected<TargetAttrInterface> attribute = lookupTarget(target, &getContext());
    if (!attribute) {
      getOperation().emitError() << llvm::toString(attribute.takeError());
      return signalPassFailure();
    }
    getOperation()->setAttr(kTargetAttrName, *attribute);
  }
};

} // namespace

} // namespace tenon
