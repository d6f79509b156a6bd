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

AffineMapAttr getScratch(KernelOp kernel, const KernelStrategy &strategy) {
  constexpr int64_t line = 64;
  AffineExpr bytes = strategy.getScratchBytes(kernel);
  if (!bytes || getConstantOr(bytes, -1) == 0)
    return nullptr;
  if (!bytes.isMultipleOf(line))
    bytes = bytes.ceilDiv(line) * line;
  return AffineMapAttr::get(makeDimsMap({bytes}, kernel.getContext()));
}

LogicalResult verifyScratch(KernelOp kernel, const KernelStrategy &strategy) {
  AffineMapAttr needed = getScratch(kernel, strategy);
  if (needed == kernel.getScratchAttr())
    return success();
  InFlightDiagnostic error = kernel.emitError("has ");
  if (kernel.getScratchAttr())
    error << kernel.getScratchAttr() << " bytes of scratch memory, but needs ";
  else
    error << "no scratch memory, but needs ";
  if (needed)
    return error << needed;
  return error << "none";
}

bool isPackable(OpOperand &weights) {
  if (weights.get().getDefiningOp<UnpackOp>())
    return true;
  if (auto dequantize = weights.get().getDefiningOp<DequantizeBlocksOp>())
    return isPackable(dequantize.getOperandMutable());
  if (auto argument = dyn_cast<BlockArgument>(weights.get())) {
    auto kernel = dyn_cast<KernelOp>(argument.getOwner()->getParentOp());
    return kernel && kernel.getArgAttr(argument.getArgNumber(), kWeightsAttrName);
  }
  // A program without arguments runs once.
  auto function = weights.getOwner()->getParentOfType<func::FuncOp>();
  return function && function.getNumArguments() > 0 && isStatic(weights.get().getType()) &&
         isConstantValue(weights.get());
}

bool isReadNarrow(DequantizeBlocksOp op, const TargetStrategies &strategies) {
  return llvm::all_of(op->getUses(), [&](OpOperand &use) {
    const KernelStrategy *strategy = strategies.find(use.getOwner());
    return strategy && strategy->readsNarrow(use);
  });
}

std::optional<TargetStrategies> TargetStrategies::of(TargetAttrInterface target) {
  auto *strategies = target.getDialect().getRegisteredInterface<KernelStrategies>();
  return strategies ? std::optional(TargetStrategies(*strategies, target)) : std::nullopt;
}

FailureOr<TargetStrategies> TargetStrategies::of(Operation *op) {
  FailureOr<TargetAttrInterface> target = tenon::getTarget(op);
  if (failed(target))
    return failure();
  if (std::optional<TargetStrategies> strategies = of(*target))
    return *strategies;
  return op->emitError() << "no code generation is registered for " << target->getTargetName();
}

const KernelStrategy *TargetStrategies::find(Operation *op) const {
  for (const auto &strategy : strategies->get())
    if (!strategy->needsPlacing() && strategy->match(op, target))
      return strategy.get();
  return nullptr;
}

const KernelStrategy *TargetStrategies::lookup(KernelOp kernel) const {
  for (const auto &strategy : strategies->get())
    if (strategy->getName() == kernel.getStrategy())
      return strategy.get();
  kernel.emitError("names a strategy that ")
      << target.getTargetName() << " does not have: " << kernel.getStrategy();
  return nullptr;
}

const KernelStrategy &TargetStrategies::getElemental() const {
  auto isElemental = [](const auto &strategy) { return strategy->isElemental(); };
  return **llvm::find_if(strategies->get(), isElemental);
}

} // namespace tenon
