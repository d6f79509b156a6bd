// Strategies of targets.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

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
  auto roots = kernel.getOps<CostOpInterface>();
  return roots.empty() ? nullptr : (*roots.begin()).getOperation();
}

/// Whether a value depends on constants alone, through at most `depth` ops: longer computations are
/// folded when kernels form.
static bool isConstant(Value value, unsigned depth = 8) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return false;
  return isa<ConstantOp>(op) || (isa<ElementalOpInterface>(op) && op->getNumOperands() > 0 &&
                                 llvm::all_of(op->getOperands(), [&](Value operand) {
                                   return isConstant(operand, depth - 1);
                                 }));
}

bool isPackable(OpOperand &weights) {
  if (weights.get().getDefiningOp<UnpackOp>())
    return true;
  if (auto argument = dyn_cast<BlockArgument>(weights.get())) {
    auto kernel = dyn_cast<KernelOp>(argument.getOwner()->getParentOp());
    return kernel && kernel.getArgAttr(argument.getArgNumber(), kWeightsAttrName);
  }
  // A program without arguments runs once.
  auto function = weights.getOwner()->getParentOfType<func::FuncOp>();
  return function && function.getNumArguments() > 0 && isStatic(weights.get().getType()) &&
         isConstant(weights.get());
}

FailureOr<TargetStrategies> TargetStrategies::of(Operation *op) {
  FailureOr<TargetAttrInterface> target = tenon::getTarget(op);
  if (failed(target))
    return failure();
  if (auto *strategies = target->getDialect().getRegisteredInterface<KernelStrategies>())
    return TargetStrategies(*strategies, *target);
  return op->emitError() << "no code generation is registered for " << target->getTargetName();
}

const KernelStrategy *TargetStrategies::find(Operation *op) const {
  for (const auto &strategy : strategies->get())
    if (strategy->match(op, target))
      return strategy.get();
  return nullptr;
}

const KernelStrategy *TargetStrategies::lookup(StringRef name) const {
  for (const auto &strategy : strategies->get())
    if (strategy->getName() == name)
      return strategy.get();
  return nullptr;
}

const KernelStrategy &TargetStrategies::getElemental() const {
  auto isElemental = [](const auto &strategy) { return strategy->isElemental(); };
  return **llvm::find_if(strategies->get(), isElemental);
}

} // namespace tenon
