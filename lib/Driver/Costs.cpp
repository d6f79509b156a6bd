// What a launch of a kernel costs.

#include "lib/Driver/Costs.h"

using namespace mlir;

namespace tenon::driver {

int64_t bytesOf(KernelOp kernel) {
  int64_t sum = 0;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
    std::optional<int64_t> bytes = countBytes(type);
    if (!bytes)
      return 0;
    sum += *bytes;
  }
  return sum;
}

int64_t flopsOf(KernelOp kernel) {
  int64_t flops = 0;
  for (Operation &op : kernel.getEntryBlock()) {
    if (auto costs = dyn_cast<CostOpInterface>(op)) {
      flops += costs.getFlops();
    } else if (isa<ElementalOpInterface>(op) && !isa<UnpackOp>(op)) {
      Value counted = isa<ReduceOp>(op) ? op.getOperand(0) : op.getResult(0);
      if (isStatic(counted.getType()))
        flops += cast<RankedTensorType>(counted.getType()).getNumElements();
    }
  }
  return flops;
}

} // namespace tenon::driver
