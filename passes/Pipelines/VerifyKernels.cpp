// Kernels between forming them and generating code: the target's strategies say whether each is as
// they compute it. Code generation believes the schedule; what an earlier pass laid out for it
// (panels of weights, transformed filters) must agree, or the kernel reads the wrong weights.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines/StageChecks.h"

using namespace mlir;

namespace tenon {

static LogicalResult verifyKernel(KernelOp kernel, const TargetStrategies &strategies) {
  const KernelStrategy *strategy = strategies.lookup(kernel);
  if (!strategy)
    return failure();
  Operation *root = nullptr;
  LogicalResult result = success();
  for (Operation &op : kernel.getEntryBlock()) {
    bool isRoot = strategies.isRoot(&op);
    if (isRoot && !strategy->isElemental()) {
      if (root)
        result = kernel.emitError("has two roots: ") << root->getName() << " and " << op.getName();
      root = &op;
    } else if (!isRoot && isa<DecomposeOpInterface>(op)) {
      result = op.emitError("is still to be decomposed");
    }
  }
  if (failed(result))
    return result; // what the schedule is for is not known
  if (failed(strategy->verify(kernel)))
    return failure();
  return verifyScratch(kernel, *strategy);
}

LogicalResult verifyKernels(ModuleOp module) {
  LogicalResult result = success();
  FailureOr<TargetStrategies> strategies = failure();
  if (!module.getOps<KernelOp>().empty() && failed(strategies = TargetStrategies::of(module)))
    return failure();
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto kernel = dyn_cast<KernelOp>(op)) {
      if (failed(verifyKernel(kernel, *strategies)))
        result = failure();
      return WalkResult::skip();
    }
    bool holdsHostOps = isa<ModuleOp, func::FuncOp, func::ReturnOp>(op);
    if (!holdsHostOps && !op->hasTrait<HostOp>())
      result = op->emitError("is in no kernel");
    return WalkResult::advance();
  });
  return result;
}

} // namespace tenon
