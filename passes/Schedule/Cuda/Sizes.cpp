// Sizes of contractions (see the header).

#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

static ContractionSizes getSizes(MatMulOp op) {
  DimExprs dims = getDims(op.getType());
  ContractionSizes sizes;
  sizes.columns = dims.pop_back_val();
  sizes.rows = {dims.pop_back_val()};
  sizes.outer = dims;
  sizes.depth = {getDims(op.getLhs().getType()).back()};
  return sizes;
}

static ContractionSizes getSizes(ConvOp op) {
  MLIRContext *context = op.getContext();
  int64_t groups = op.getGroups();
  DimExprs dims = getDims(op.getType());
  ContractionSizes sizes;
  sizes.columns = dims.pop_back_val().floorDiv(groups);
  sizes.rows = dims;
  sizes.outer = {getAffineConstantExpr(groups, context)};
  for (int64_t taps : op.getKernelSizes())
    sizes.depth.push_back(getAffineConstantExpr(taps, context));
  sizes.depth.push_back(getDims(op.getInput().getType()).back().floorDiv(groups));
  return sizes;
}

ContractionSizes getContractionSizes(Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return getSizes(matmul);
  return getSizes(cast<ConvOp>(op));
}

std::pair<Type, Type> getMultipliedTypes(Operation *op) {
  Type left = getElementTypeOrSelf(op->getOperand(0)),
       right = getElementTypeOrSelf(op->getOperand(1));
  auto isHalf = [](Type type) { return type.isF16() || type.isBF16(); };
  if (left.isF32() && isHalf(right))
    left = right;
  else if (isHalf(left) && right.isF32())
    right = left;
  return {left, right};
}

} // namespace tenon::cuda
