// Kernels of the host (see the header). Each question goes to the host's own strategy, asked for
// the host.

#include "passes/Codegen/Common/HostStrategy.h"

using namespace mlir;

namespace tenon {

const KernelStrategy &HostStrategy::onHost(TargetAttrInterface target) const {
  auto *strategies = getHost(target).getDialect().getRegisteredInterface<KernelStrategies>();
  assert(strategies && "a host has code generation");
  auto found = llvm::find_if(strategies->get(),
                             [&](const auto &strategy) { return strategy->getName() == hostName; });
  assert(found != strategies->get().end() && "a host has the strategy");
  return **found;
}

const KernelStrategy &HostStrategy::onHost(Operation *op) const {
  FailureOr<TargetAttrInterface> target = getTarget(op);
  assert(succeeded(target) && "strategies are found through a target");
  return onHost(*target);
}

bool HostStrategy::match(Operation *op, TargetAttrInterface target) const {
  return onHost(target).match(op, getHost(target));
}

FusionRules HostStrategy::getFusionRules(Operation *root) const {
  return onHost(root).getFusionRules(root);
}

KernelResources HostStrategy::getResources(Operation *root) const {
  return onHost(root).getResources(root);
}

OpOperand *HostStrategy::getWeights(Operation *root) const { return onHost(root).getWeights(root); }

bool HostStrategy::canCompute(KernelOp kernel) const { return onHost(kernel).canCompute(kernel); }

ScheduleAttrInterface HostStrategy::choose(KernelOp kernel, TargetAttrInterface target) const {
  return onHost(target).choose(kernel, getHost(target));
}

SmallVector<WeightForm> HostStrategy::getWeightForms(KernelOp kernel) const {
  return onHost(kernel).getWeightForms(kernel);
}

Type HostStrategy::getRoundedInput(KernelOp kernel) const {
  return onHost(kernel).getRoundedInput(kernel);
}

MultipliedParts HostStrategy::getMultipliedParts(KernelOp kernel) const {
  return onHost(kernel).getMultipliedParts(kernel);
}

DimExprs HostStrategy::chooseTasks(KernelOp kernel, TargetAttrInterface target) const {
  return onHost(target).chooseTasks(kernel, getHost(target));
}

AffineExpr HostStrategy::getScratchBytes(KernelOp kernel) const {
  return onHost(kernel).getScratchBytes(kernel);
}

LogicalResult HostStrategy::verify(KernelOp kernel) const { return onHost(kernel).verify(kernel); }

LogicalResult HostStrategy::generate(KernelOp kernel, TargetAttrInterface target,
                                     ModuleOp module) const {
  TargetAttrInterface host = getHost(target);
  module->setAttr(kTargetAttrName, host);
  return onHost(target).generate(kernel, host, module);
}

} // namespace tenon
