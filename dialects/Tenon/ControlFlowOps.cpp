// Control flow: what must agree between regions, operands and results.

#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

/// Fails if a yielded value cannot be what `to` describes.
static LogicalResult checkFlow(Operation *op, Type from, Type to, StringRef what, unsigned number) {
  if (areCompatibleTypes(from, to))
    return success();
  return op->emitOpError(what) << " " << number << " has type " << from << " for " << to;
}

LogicalResult IfOp::verifyRegions() {
  for (Region *region : {&getThenRegion(), &getElseRegion()}) {
    bool isThen = region == &getThenRegion();
    ValueRange yielded = region->front().getTerminator()->getOperands();
    if (yielded.size() != getNumResults())
      return emitOpError(isThen ? "then" : "else")
             << " region yields " << yielded.size() << " values for " << getNumResults()
             << " results";
    for (auto [number, value] : llvm::enumerate(yielded))
      if (failed(checkFlow(*this, value.getType(), getResult(number).getType(),
                           isThen ? "then value" : "else value", number)))
        return failure();
  }
  return success();
}

LogicalResult LoopOp::verifyRegions() {
  Block &block = getBody().front();
  size_t carried = getInits().size();
  auto isScalar = [](Type type, unsigned width) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.getElementType().isInteger(width) && tensor.hasStaticShape() &&
           tensor.getNumElements() == 1;
  };
  if (block.getNumArguments() != carried + 1)
    return emitOpError("body takes ")
           << block.getNumArguments() << " arguments, the loop carries " << carried << " values";
  if (!isScalar(block.getArgument(0).getType(), 64))
    return emitOpError("body's first argument is the iteration, tensor<i64>, not ")
           << block.getArgument(0).getType();
  ValueRange yielded = getYielded();
  if (yielded.size() != getNumResults() + 1)
    return emitOpError("body yields ")
           << yielded.size() << " values for a condition and " << getNumResults() << " results";
  if (!isScalar(yielded[0].getType(), 1))
    return emitOpError("body yields ") << yielded[0].getType() << " as condition";
  for (size_t i = 0; i < carried; ++i) {
    Type inside = block.getArgument(i + 1).getType();
    if (failed(checkFlow(*this, getInits()[i].getType(), inside, "initial value", i)) ||
        failed(checkFlow(*this, yielded[i + 1].getType(), inside, "carried value", i)) ||
        failed(
            checkFlow(*this, yielded[i + 1].getType(), getResult(i).getType(), "carried value", i)))
      return failure();
  }
  for (size_t i = carried; i < getNumResults(); ++i) {
    auto stack = cast<RankedTensorType>(getResult(i).getType());
    DimExprs dims = getDims(stack);
    if (dims.empty())
      return emitOpError("result ") << i << " stacks values and needs rank 1 or more";
    Type slice = makeTensorType(ArrayRef(dims).drop_front(), stack.getElementType());
    if (failed(checkFlow(*this, yielded[i + 1].getType(), slice, "stacked value", i - carried)))
      return failure();
  }
  return success();
}

} // namespace tenon
