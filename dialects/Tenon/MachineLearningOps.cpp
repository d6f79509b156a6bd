// Classical machine learning: shapes, and what the library functions take.

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

LogicalResult TreeEnsembleOp::verify() {
  auto operand = cast<RankedTensorType>(getOperand().getType());
  auto nodes = cast<RankedTensorType>(getNodes().getType());
  auto limits = cast<RankedTensorType>(getLimits().getType());
  if (operand.getRank() != 2 || cast<RankedTensorType>(getResult().getType()).getRank() != 2)
    return emitOpError("maps rows to rows, not ") << operand << " to " << getResult().getType();
  if (!nodes.hasStaticShape() || nodes.getRank() != 2 || nodes.getShape()[1] != 4 ||
      limits.getRank() != 1 || limits.getShape()[0] != nodes.getShape()[0])
    return emitOpError("has nodes ") << nodes << " and limits " << limits;
  if (getTargets().getType().getShape() != getWeights().getType().getShape())
    return emitOpError("has targets ")
           << getTargets().getType() << " and weights " << getWeights().getType();
  return success();
}

std::string TreeEnsembleOp::getLibraryFunction() {
  return getLibraryFunctionName("tree_ensemble", getElementTypeOrSelf(getOperand()));
}

void TreeEnsembleOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints,
                                         SmallVectorImpl<double> &) {
  ints.push_back(static_cast<int64_t>(getKind()));
}

AffineExpr TreeEnsembleOp::getMaxTasks() {
  constexpr int64_t rowsPerTask = 16;
  return getDims(getOperand().getType())[0].ceilDiv(rowsPerTask);
}

LogicalResult TfIdfOp::verify() {
  auto tokens = cast<RankedTensorType>(getTokens().getType());
  auto grams = cast<RankedTensorType>(getGrams().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (tokens.getRank() != 2 || result.getRank() != 2)
    return emitOpError("maps rows to rows, not ") << tokens << " to " << result;
  if (grams.getRank() != 2 || grams.getShape()[1] != 3 ||
      getWeights().getType().getShape() != grams.getShape().take_front(1))
    return emitOpError("has n-grams ") << grams << " and weights " << getWeights().getType();
  return success();
}

std::string TfIdfOp::getLibraryFunction() {
  return getLibraryFunctionName("tf_idf", getElementTypeOrSelf(getTokens()));
}

void TfIdfOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  ints.append({static_cast<int64_t>(getMode()), static_cast<int64_t>(getSkips())});
}

AffineExpr TfIdfOp::getMaxTasks() { return getDims(getTokens().getType())[0]; }

} // namespace tenon
