// Counting work (see the header).

#include "passes/Schedule/Work.h"

using namespace mlir;

namespace tenon {

int64_t countKernelBytes(KernelOp kernel) {
  int64_t sum = 0;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
    std::optional<int64_t> bytes = countBytes(type);
    if (!bytes)
      return 0;
    sum += *bytes;
  }
  return sum;
}

int64_t countKernelFlops(KernelOp kernel) {
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

/// The type with numbers for its symbols.
static Type withSizes(Type type, ArrayRef<AffineExpr> sizes) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.hasStaticShape())
    return type;
  DimExprs dims = getDims(type);
  for (AffineExpr &dim : dims) {
    dim = dim.replaceSymbols(sizes);
    // What is not known after all, as a difference of sizes that cannot be.
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    if (!constant || constant.getValue() < 0)
      dim = getAffineConstantExpr(1, type.getContext());
  }
  return makeTensorType(dims, tensor.getElementType());
}

/// A number for each symbol that an expression of `op` may have.
static SmallVector<AffineExpr> assumeSizes(Operation *op, int64_t size) {
  size_t count = getSymbolNames(op).size();
  return SmallVector<AffineExpr>(count, getAffineConstantExpr(size, op->getContext()));
}

double estimateBytes(Type tensor, func::FuncOp function, int64_t size) {
  return static_cast<double>(
      countBytes(withSizes(tensor, assumeSizes(function, size))).value_or(0));
}

/// The elements that a kernel computes with: those that it multiplies, if it is there for products.
static Type getComputedElement(KernelOp kernel) {
  auto products = kernel.getOps<PrecisionOpInterface>();
  Type type = products.empty() ? kernel.getEntryBlock().getTerminator()->getOperandTypes().front()
                               : (*products.begin()).getMultipliedInput().get().getType();
  return getElementTypeOrSelf(type);
}

LaunchWork estimateWork(LaunchOp launch, KernelOp kernel, int64_t size) {
  SmallVector<AffineExpr> sizes;
  if (launch.getSymbols())
    for (AffineExpr symbol : launch.getSymbols()->getResults())
      sizes.push_back(simplifyAffineExpr(symbol.replaceSymbols(assumeSizes(launch, size)), 0, 0));
  // Ops count by the types of what they read and write.
  OwningOpRef<KernelOp> sized = kernel.clone();
  for (BlockArgument argument : sized->getEntryBlock().getArguments())
    argument.setType(withSizes(argument.getType(), sizes));
  sized->walk([&](Operation *op) {
    for (OpResult result : op->getResults())
      result.setType(withSizes(result.getType(), sizes));
  });
  LaunchWork work;
  work.flops = static_cast<double>(countKernelFlops(*sized));
  work.element = getComputedElement(*sized);
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes()))
    work.bytes += static_cast<double>(countBytes(withSizes(type, sizes)).value_or(0));
  return work;
}

} // namespace tenon
