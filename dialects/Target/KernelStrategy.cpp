// Strategies of targets.

#include "dialects/Target/KernelStrategy.h"

using namespace mlir;

namespace tenon {

void KernelStrategy::enumerate(KernelOp kernel, TargetAttrInterface target,
                               function_ref<void(ScheduleAttrInterface)> take) const {
  if (ScheduleAttrInterface schedule = choose(kernel, target))
    take(schedule);
}

Operation *getRoot(KernelOp kernel, const KernelStrategy &strategy) {
  if (strategy.isElemental())
    return nullptr;
  for (Operation &op : kernel.getEntryBlock())
    if (strategy.match(&op))
      return &op;
  return nullptr;
}

FailureOr<const KernelStrategies *> KernelStrategies::of(Operation *op) {
  FailureOr<TargetAttrInterface> target = getTarget(op);
  if (failed(target))
    return failure();
  if (auto *strategies = target->getDialect().getRegisteredInterface<KernelStrategies>())
    return strategies;
  return op->emitError() << "no code generation is registered for " << target->getTargetName();
}

const KernelStrategy *KernelStrategies::find(Operation *op) const {
  for (const auto &strategy : strategies)
    if (strategy->match(op))
      return strategy.get();
  return nullptr;
}

const KernelStrategy *KernelStrategies::lookup(StringRef name) const {
  for (const auto &strategy : strategies)
    if (strategy->getName() == name)
      return strategy.get();
  return nullptr;
}

const KernelStrategy &KernelStrategies::getElemental() const {
  auto isElemental = [](const auto &strategy) { return strategy->isElemental(); };
  return **llvm::find_if(strategies, isElemental);
}

} // namespace tenon
