// Ops that choose, sort or scatter elements: shapes, and what their library functions take.

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

/// Fails unless the ranks of operands and results are as expected.
static LogicalResult checkRank(Operation *op, StringRef name, Value value, int64_t rank) {
  if (rankOf(value) == rank)
    return success();
  return op->emitOpError(name) << " need rank " << rank << ", got " << value.getType();
}

// --- TopK ---

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr,
                                       OpaqueProperties properties, RegionRange,
                                       SmallVectorImpl<Type> &types) {
  auto *attributes = properties.as<Properties *>();
  DimExprs dims = getDims(operands[0].getType());
  int64_t axis = attributes->axis.getInt();
  AffineMap count = attributes->count.getValue();
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, "axis ", axis, " is not a dimension of ", operands[0].getType());
  if (count.getNumResults() != 1)
    return emitOptionalError(loc, "count must be one expression");
  auto constant = dyn_cast<AffineConstantExpr>(count.getResult(0));
  auto size = dyn_cast<AffineConstantExpr>(dims[axis]);
  if (constant && size && (constant.getValue() < 0 || constant.getValue() > size.getValue()))
    return emitOptionalError(loc, "cannot choose ", constant.getValue(), " of ", size.getValue(),
                             " elements");
  dims[axis] = count.getResult(0);
  types.push_back(makeTensorType(dims, getElementTypeOrSelf(operands[0].getType())));
  types.push_back(makeTensorType(dims, IntegerType::get(context, 64)));
  return success();
}

LogicalResult TopKOp::verify() { return success(); }

std::string TopKOp::getLibraryFunction() {
  return getLibraryFunctionName("topk", getElementTypeOrSelf(getOperand()));
}

void TopKOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  ints.append({static_cast<int64_t>(getAxis()), getLargest()});
}

AffineExpr TopKOp::getScratchBytes() {
  constexpr int64_t entryBytes = 16;
  return getDims(getValues().getType())[getAxis()] * entryBytes;
}

AffineExpr TopKOp::getMaxTasks() {
  DimExprs rows = getDims(getOperand().getType());
  rows.erase(rows.begin() + getAxis());
  return product(rows, getContext());
}

StringRef TopKOp::getFailureReason() {
  return "k is not between 0 and the size of the dimension to choose from";
}

// --- NonZero ---

LogicalResult NonZeroOp::verify() {
  if (failed(checkRank(*this, "indices", getIndices(), 2)))
    return failure();
  int64_t rows = cast<RankedTensorType>(getIndices().getType()).getShape()[0];
  if (rows != rankOf(getOperand()))
    return emitOpError("has ") << rows << " rows of indices for rank " << rankOf(getOperand());
  return success();
}

std::string NonZeroOp::getLibraryFunction() {
  return getLibraryFunctionName("nonzero", getElementTypeOrSelf(getOperand()));
}

DimExprs NonZeroOp::getResultCapacity(unsigned) {
  return {getAffineConstantExpr(rankOf(getOperand()), getContext()),
          product(getDims(getOperand().getType()), getContext())};
}

// --- Unique ---

/// How many slices the operand has.
static AffineExpr countSlices(UniqueOp op) {
  DimExprs dims = getDims(op.getOperand().getType());
  return op.getAxis() ? dims[*op.getAxis()] : product(dims, op.getContext());
}

LogicalResult UniqueOp::verify() {
  int64_t rank = rankOf(getOperand());
  if (getAxis() &&
      (static_cast<int64_t>(*getAxis()) < 0 || static_cast<int64_t>(*getAxis()) >= rank))
    return emitOpError("axis ") << *getAxis() << " is not a dimension of "
                                << getOperand().getType();
  if (getElementTypeOrSelf(getOperand()) != getElementTypeOrSelf(getValues()))
    return emitOpError("changes the element type");
  if (failed(checkRank(*this, "unique slices", getValues(), getAxis() ? rank : 1)))
    return failure();
  for (Value result : {getFirst(), getInverse(), getCounts()})
    if (failed(checkRank(*this, "positions and counts", result, 1)))
      return failure();
  return success();
}

std::string UniqueOp::getLibraryFunction() {
  return getLibraryFunctionName("unique", getElementTypeOrSelf(getOperand()));
}

void UniqueOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  ints.append({getAxis() ? static_cast<int64_t>(*getAxis()) : -1, getSorted()});
}

DimExprs UniqueOp::getResultCapacity(unsigned number) {
  if (number != 0 || !getAxis())
    return {countSlices(*this)};
  return getDims(getOperand().getType());
}

AffineExpr UniqueOp::getScratchBytes() { return countSlices(*this) * 24; }

// --- NonMaxSuppression ---

LogicalResult NonMaxSuppressionOp::verify() {
  if (failed(checkRank(*this, "boxes", getBoxes(), 3)) ||
      failed(checkRank(*this, "scores", getScores(), 3)) ||
      failed(checkRank(*this, "chosen boxes", getChosen(), 2)))
    return failure();
  DimExprs boxes = getDims(getBoxes().getType()), scores = getDims(getScores().getType());
  auto differ = [](AffineExpr a, AffineExpr b) {
    return a != b && isa<AffineConstantExpr>(a) && isa<AffineConstantExpr>(b);
  };
  if (differ(boxes[0], scores[0]) || differ(boxes[1], scores[2]) ||
      differ(boxes[2], getAffineConstantExpr(4, getContext())))
    return emitOpError("boxes ") << getBoxes().getType() << " do not fit scores "
                                 << getScores().getType();
  return success();
}

std::string NonMaxSuppressionOp::getLibraryFunction() {
  return getLibraryFunctionName("nms", getElementTypeOrSelf(getBoxes()));
}

void NonMaxSuppressionOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints,
                                              SmallVectorImpl<double> &) {
  ints.push_back(getCenters());
}

DimExprs NonMaxSuppressionOp::getResultCapacity(unsigned) {
  DimExprs scores = getDims(getScores().getType());
  AffineExpr perClass = scores[2];
  std::optional<DimExprs> most = getMost() ? getSymbolicContents(getMost()) : std::nullopt;
  if (most && most->size() == 1) {
    auto limit = dyn_cast<AffineConstantExpr>((*most)[0]);
    auto boxes = dyn_cast<AffineConstantExpr>(perClass);
    // A limit that only a run tells has been clamped by the importer; any number may be written.
    if (!limit)
      perClass = (*most)[0];
    else if (boxes)
      perClass = getAffineConstantExpr(std::clamp<int64_t>(limit.getValue(), 0, boxes.getValue()),
                                       getContext());
  }
  return {scores[0] * scores[1] * perClass, getAffineConstantExpr(3, getContext())};
}

AffineExpr NonMaxSuppressionOp::getScratchBytes() {
  constexpr int64_t candidateBytes = 8, chosenBytes = 20;
  return getDims(getScores().getType())[2] * (candidateBytes + chosenBytes);
}

// --- Scatter ---

static constexpr StringRef badIndex =
    "an index is not between -size and size - 1 of the dimension that it addresses";

StringRef ScatterElementsOp::getFailureReason() { return badIndex; }
StringRef ScatterNDOp::getFailureReason() { return badIndex; }

template <typename OpT> static LogicalResult verifyElementTypes(OpT op) {
  if (getElementTypeOrSelf(op.getOperand()) == getElementTypeOrSelf(op.getUpdates()))
    return success();
  return op.emitOpError("element types differ: ")
         << op.getOperand().getType() << " and " << op.getUpdates().getType();
}

LogicalResult ScatterElementsOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                                  ValueRange operands, DictionaryAttr,
                                                  OpaqueProperties, RegionRange,
                                                  SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return success();
}

LogicalResult ScatterElementsOp::verify() {
  int64_t rank = rankOf(getOperand()), axis = getAxis();
  if (axis < 0 || axis >= rank)
    return emitOpError("axis ") << axis << " is not a dimension of " << getOperand().getType();
  if (failed(checkRank(*this, "indices", getIndices(), rank)) ||
      failed(checkRank(*this, "updates", getUpdates(), rank)))
    return failure();
  // The library walks the indices' positions through the operand without further checks.
  DimExprs dims = getDims(getOperand().getType());
  for (auto [number, have, dim] : llvm::enumerate(getDims(getIndices().getType()), dims)) {
    auto size = dyn_cast<AffineConstantExpr>(have), limit = dyn_cast<AffineConstantExpr>(dim);
    if (static_cast<int64_t>(number) != axis && size && limit && size.getValue() > limit.getValue())
      return emitOpError("indices ")
             << getIndices().getType() << " exceed the operand " << getOperand().getType();
  }
  if (!areCompatibleTypes(
          makeTensorType(getDims(getIndices().getType()), getElementTypeOrSelf(getUpdates())),
          getUpdates().getType()))
    return emitOpError("indices ")
           << getIndices().getType() << " and updates " << getUpdates().getType() << " differ";
  return verifyElementTypes(*this);
}

std::string ScatterElementsOp::getLibraryFunction() {
  return getLibraryFunctionName("scatter_elements", getElementTypeOrSelf(getOperand()));
}

void ScatterElementsOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints,
                                            SmallVectorImpl<double> &) {
  ints.append({static_cast<int64_t>(getKind()), static_cast<int64_t>(getAxis())});
}

LogicalResult ScatterNDOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                            ValueRange operands, DictionaryAttr, OpaqueProperties,
                                            RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return success();
}

LogicalResult ScatterNDOp::verify() {
  auto indices = cast<RankedTensorType>(getIndices().getType());
  int64_t rank = rankOf(getOperand());
  if (indices.getRank() == 0 || ShapedType::isDynamic(indices.getShape().back()) ||
      indices.getShape().back() > rank)
    return emitOpError("indices ") << indices << " do not address " << getOperand().getType();
  int64_t slice = rank - indices.getShape().back();
  DimExprs dims = getDims(getOperand().getType()), expected = getDims(indices);
  expected.pop_back();
  expected.append(dims.end() - slice, dims.end());
  Type updates = makeTensorType(expected, getElementTypeOrSelf(getUpdates()));
  if (!areCompatibleTypes(updates, getUpdates().getType()))
    return emitOpError("updates ") << getUpdates().getType() << " are not " << updates;
  return verifyElementTypes(*this);
}

std::string ScatterNDOp::getLibraryFunction() {
  return getLibraryFunctionName("scatter_nd", getElementTypeOrSelf(getOperand()));
}

void ScatterNDOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  ints.push_back(static_cast<int64_t>(getKind()));
}

} // namespace tenon
