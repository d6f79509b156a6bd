// Interfaces of targets and schedules.

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Target/WeightLayout.h"

using namespace mlir;

#include "dialects/Target/TargetInterfaces.cpp.inc"
#include "dialects/Target/WeightLayout.cpp.inc"

namespace tenon {

FailureOr<TargetAttrInterface> getTarget(Operation *op) {
  auto module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : op->getParentOfType<ModuleOp>();
  if (auto target = module->getAttrOfType<TargetAttrInterface>(kTargetAttrName))
    return target;
  return op->emitError() << "the module has no '" << kTargetAttrName
                         << "': tenon-assign-target gives it one";
}

} // namespace tenon
