// Classical machine learning: shapes, and what the library functions take.

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

static bool isTable(Value value, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getRank() == 2 && type.hasStaticShape() && type.getShape()[1] == width;
}

static bool isList(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getRank() == 1 && type.hasStaticShape();
}

LogicalResult TreeEnsembleOp::verify() {
  auto operand = cast<RankedTensorType>(getOperand().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (operand.getRank() != 2 || result.getRank() != 2 || result.isDynamicDim(1))
    return emitOpError("maps rows to rows, not ") << operand << " to " << result;
  if (!isTable(getNodes(), 3) || !isList(getColumns()) || !isList(getRoots()))
    return emitOpError("has nodes ")
           << getNodes().getType() << ", columns " << getColumns().getType() << " and roots "
           << getRoots().getType();
  if (getEntries() && !isTable(getEntries(), 2))
    return emitOpError("has entries ") << getEntries().getType();
  if (!getEntries() && result.getShape()[1] != 1)
    return emitOpError("has ") << result.getShape()[1]
                               << " targets, but its leaves have no entries";
  if (getBase() &&
      (!isList(getBase()) || getBase().getType().getShape()[0] != result.getShape()[1]))
    return emitOpError("has ") << result.getShape()[1] << " targets and a base "
                               << getBase().getType();
  return success();
}

std::string TreeEnsembleOp::getLibraryFunction() {
  return getLibraryFunctionName("tree_ensemble", getElementTypeOrSelf(getOperand()));
}

/// Bytes of a sample's columns, with that of leaves.
static int64_t getRowBytes(TreeEnsembleOp op) {
  return (op.getColumns().getType().getShape()[0] + 1) * 4;
}

int64_t TreeEnsembleOp::getBlock() {
  constexpr int64_t blockBytes = 128 * 1024; // a part of the second cache
  int64_t block = std::max<int64_t>(8, blockBytes / getRowBytes(*this) / 8 * 8);
  int64_t rows = cast<RankedTensorType>(getOperand().getType()).getShape()[0];
  return ShapedType::isDynamic(rows) ? block : std::clamp<int64_t>(rows, 1, block);
}

void TreeEnsembleOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints,
                                         SmallVectorImpl<double> &) {
  ints.append({static_cast<int64_t>(getKind()), getBlock()});
}

AffineExpr TreeEnsembleOp::getScratchBytes() {
  return getAffineConstantExpr(getBlock() * getRowBytes(*this), getContext());
}

AffineExpr TreeEnsembleOp::getMaxTasks() {
  constexpr int64_t walksPerTask = 1024; // 5 to 10 us
  int64_t trees = std::max<int64_t>(1, getRoots().getType().getShape()[0]);
  return getDims(getOperand().getType())[0].ceilDiv(llvm::divideCeil(walksPerTask, trees));
}

LogicalResult TfIdfOp::verify() {
  auto tokens = cast<RankedTensorType>(getTokens().getType());
  auto grams = cast<RankedTensorType>(getGrams().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (tokens.getRank() != 2 || result.getRank() != 2)
    return emitOpError("maps rows to rows, not ") << tokens << " to " << result;
  if (tokens.getElementType() != getElementTypeOrSelf(getPool()))
    return emitOpError("looks for ") << getPool().getType() << " in " << tokens;
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

LogicalResult CouplePairsOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                              ValueRange operands, DictionaryAttr,
                                              OpaqueProperties properties, RegionRange,
                                              SmallVectorImpl<Type> &types) {
  auto type = cast<RankedTensorType>(operands[0].getType());
  int64_t classes = properties.as<Properties *>()->classes.getInt();
  constexpr int64_t maxClasses = 1 << 15;
  if (classes < 2 || classes > maxClasses || type.getRank() != 2 ||
      type.getDimSize(1) != classes * (classes - 1) / 2)
    return emitOptionalError(loc, "cannot couple pairs of ", classes, " classes in ", type);
  types.push_back(makeTensorType({getDims(type)[0], getAffineConstantExpr(classes, context)},
                                 type.getElementType()));
  return success();
}

std::string CouplePairsOp::getLibraryFunction() {
  return getLibraryFunctionName("couple_pairs", getElementTypeOrSelf(getOperand()));
}

// A matrix and a vector of floats.
AffineExpr CouplePairsOp::getScratchBytes() {
  int64_t classes = getClasses();
  return getAffineConstantExpr(classes * (classes + 1) * 4, getContext());
}

AffineExpr CouplePairsOp::getMaxTasks() { return getDims(getOperand().getType())[0]; }

} // namespace tenon
