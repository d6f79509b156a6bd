// Following small tensors (see the header).
//
// Exporters compute shapes with whatever operators they have: through floats, comparisons and
// selections. Ops that only move elements tell where each element comes from
// (SymbolicContentsOpInterface), for floats as well as for integers. Pointwise ops on constants are
// evaluated by what they are for code generation: their scalar function is built on constants, and
// folded away. So no operator has a second implementation here.

#include "lib/Importer/Contents.h"
#include "dialects/Tenon/SymbolicContents.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace tenon {

/// Longer tensors are data, not shapes.
static constexpr int64_t maxFollowed = 1024;
static constexpr int64_t maxEvaluated = 64;

static bool isUnsigned(Type elementType) {
  return elementType.isUnsignedInteger() || elementType.isInteger(1);
}

static AffineExpr toExpr(APInt bits, Type elementType) {
  bool extendsZero = isa<FloatType>(elementType) || isUnsigned(elementType);
  int64_t value = extendsZero ? static_cast<int64_t>(bits.getZExtValue()) : bits.getSExtValue();
  return getAffineConstantExpr(value, elementType.getContext());
}

static APInt toBits(AffineExpr constant, Type elementType) {
  int64_t value = cast<AffineConstantExpr>(constant).getValue();
  return APInt(64, static_cast<uint64_t>(value)).trunc(elementType.getIntOrFloatBitWidth());
}

static std::optional<DimExprs> readConstant(ConstantOp op) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense)
    return std::nullopt;
  DimExprs result;
  Type type = dense.getElementType();
  if (isa<FloatType>(type))
    for (const APFloat &value : dense.getValues<APFloat>())
      result.push_back(toExpr(value.bitcastToAPInt(), type));
  else
    for (const APInt &value : dense.getValues<APInt>())
      result.push_back(toExpr(value, type));
  return result;
}

// --- Pointwise ops on constants ---

/// A constant of the compute type: signless integers, f32 for half precision.
static Value makeScalar(OpBuilder &b, Location loc, AffineExpr element, Type elementType) {
  Type type = ElementEmitter::computeType(elementType);
  APInt bits = toBits(element, elementType);
  auto floating = dyn_cast<FloatType>(elementType);
  if (!floating)
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, bits));
  APFloat value(floating.getFloatSemantics(), bits);
  bool losesInfo = false;
  value.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

/// A constant of the compute type as an element, or null.
static AffineExpr readScalar(Value value, Type elementType) {
  Attribute attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return nullptr;
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return isa<IntegerType>(elementType) ? toExpr(integer.getValue(), elementType) : AffineExpr();
  auto floating = dyn_cast<FloatAttr>(attribute);
  auto type = dyn_cast<FloatType>(elementType);
  if (!floating || !type)
    return nullptr;
  APFloat number = floating.getValue();
  bool losesInfo = false;
  number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  return toExpr(number.bitcastToAPInt(), elementType);
}

/// Replaces what folds in a block by constants, in order.
static void foldBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    SmallVector<OpFoldResult> folded;
    if (op.getNumResults() != 1 || op.hasTrait<OpTrait::ConstantLike>() ||
        failed(op.fold(folded)) || folded.size() != 1)
      continue;
    auto value = dyn_cast<Value>(folded[0]);
    if (!value) {
      OpBuilder b(&op);
      auto attribute = dyn_cast<TypedAttr>(cast<Attribute>(folded[0]));
      if (!attribute || attribute.getType() != op.getResult(0).getType())
        continue;
      value = arith::ConstantOp::create(b, op.getLoc(), attribute);
    }
    op.getResult(0).replaceAllUsesWith(value);
  }
}

/// The element of an operand that broadcasts to `index` of the result.
static AffineExpr readBroadcast(const DimExprs &contents, Type type, ArrayRef<int64_t> index) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  int64_t position = 0;
  for (auto [axis, size] : llvm::enumerate(shape))
    position = position * size + (size == 1 ? 0 : index[index.size() - shape.size() + axis]);
  return contents[position];
}

/// Builds the scalar function on the operands' elements at `index`, in an empty block, and reads
/// what it folds to. Null if one of them is no constant.
static AffineExpr evaluateElement(PointwiseOpInterface op,
                                  ArrayRef<std::optional<DimExprs>> operands,
                                  ArrayRef<int64_t> index, Block &block) {
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  DimExprs elements;
  for (auto [contents, operand] : llvm::zip(operands, op->getOperands()))
    elements.push_back(readBroadcast(*contents, operand.getType(), index));
  if (!getConstantDims(elements))
    return nullptr;
  SmallVector<Value> scalars;
  for (auto [element, operand] : llvm::zip(elements, op->getOperands()))
    scalars.push_back(
        makeScalar(b, op->getLoc(), element, getElementTypeOrSelf(operand.getType())));
  // Uses the result, so that folding has an operand to replace.
  Operation *user = YieldOp::create(b, op->getLoc(), op.buildScalar(b, scalars));
  foldBlock(block);
  AffineExpr element =
      readScalar(user->getOperand(0), getElementTypeOrSelf(op->getResult(0).getType()));
  while (!block.empty())
    block.back().erase();
  return element;
}

static std::optional<DimExprs> evaluatePointwise(PointwiseOpInterface op,
                                                 ArrayRef<std::optional<DimExprs>> operands) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.getNumElements() > maxEvaluated)
    return std::nullopt;
  DimExprs result;
  // Folding looks at the ops around; so there must be one.
  OwningOpRef<ModuleOp> scratch(ModuleOp::create(op->getLoc()));
  SmallVector<int64_t> index(type.getRank());
  for (int64_t position = 0; position < type.getNumElements(); ++position) {
    int64_t rest = position;
    for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
      index[axis] = rest % type.getDimSize(axis);
      rest /= type.getDimSize(axis);
    }
    AffineExpr element = evaluateElement(op, operands, index, *scratch->getBody());
    result.push_back(element ? element : getUnknownElement(op->getContext()));
  }
  return result;
}

// --- The map ---

static bool isFollowed(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getNumElements() <= maxFollowed &&
         type.getElementType().isIntOrFloat();
}

/// Where something is known of one operand, all elements of the others are unknown ones.
static void fillUnknown(Operation *op, MutableArrayRef<std::optional<DimExprs>> operands) {
  if (!llvm::any_of(operands, [](auto &contents) { return contents.has_value(); }))
    return;
  for (auto [contents, operand] : llvm::zip_equal(operands, op->getOperands()))
    if (!contents && isFollowed(operand))
      contents.emplace(cast<RankedTensorType>(operand.getType()).getNumElements(),
                       getUnknownElement(op->getContext()));
}

std::optional<DimExprs> ContentsMap::infer(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<ConstantOp>(op))
    return readConstant(constant);
  // However few they are, these are data: what multiplies them looks for quantized operands.
  if (isa<DequantizeOp>(op))
    return std::nullopt;
  auto pointwise = dyn_cast<PointwiseOpInterface>(op);
  auto symbolic = dyn_cast<SymbolicContentsOpInterface>(op);
  if ((!pointwise && !symbolic) || op->getNumResults() != 1)
    return std::nullopt;
  SmallVector<std::optional<DimExprs>> operands;
  for (Value operand : op->getOperands())
    operands.push_back(getPartly(operand));
  fillUnknown(op, operands);
  std::optional<DimExprs> result;
  if (pointwise && llvm::all_of(operands, [](auto &contents) { return contents.has_value(); }))
    result = evaluatePointwise(pointwise, operands);
  // Arithmetic on expressions is arithmetic on integers; moving elements is all the same.
  auto isInteger = [](Type type) { return getElementTypeOrSelf(type).isInteger(); };
  if (!symbolic ||
      (!op->hasTrait<MovesElements>() &&
       !(isInteger(value.getType()) && llvm::all_of(op->getOperandTypes(), isInteger))))
    return result;
  std::optional<DimExprs> inferred =
      wrapContents(symbolic.inferContents(operands), getElementTypeOrSelf(value.getType()));
  if (!result || !inferred)
    return inferred ? inferred : result;
  for (auto [element, other] : llvm::zip_equal(*result, *inferred))
    if (isUnknownElement(element))
      element = other;
  return result;
}

std::optional<DimExprs> ContentsMap::getPartly(Value value) {
  constexpr unsigned maxParts = 64;
  if (!value.getDefiningOp() || !isFollowed(value))
    return std::nullopt;
  if (auto entry = known.find(value); entry != known.end())
    return entry->second;
  std::optional<DimExprs> contents = infer(value);
  if (contents)
    for (AffineExpr &element : *contents)
      if (countParts(element, maxParts) >= maxParts)
        element = getUnknownElement(value.getContext());
  if (contents && !contents->empty() && llvm::all_of(*contents, isUnknownElement))
    contents.reset();
  known[value] = contents;
  return contents;
}

std::optional<DimExprs> ContentsMap::get(Value value) {
  std::optional<DimExprs> contents = getPartly(value);
  if (contents && llvm::any_of(*contents, isUnknownElement))
    return std::nullopt;
  return contents;
}

DenseElementsAttr ContentsMap::getConstant(Value value) {
  std::optional<DimExprs> contents = get(value);
  if (!contents || !getConstantDims(*contents))
    return nullptr;
  auto type = cast<RankedTensorType>(value.getType());
  Type elementType = type.getElementType();
  if (auto floating = dyn_cast<FloatType>(elementType)) {
    SmallVector<APFloat> elements;
    for (AffineExpr element : *contents)
      elements.push_back(APFloat(floating.getFloatSemantics(), toBits(element, elementType)));
    return DenseElementsAttr::get(type, elements);
  }
  SmallVector<APInt> elements;
  for (AffineExpr element : *contents)
    elements.push_back(toBits(element, elementType));
  return DenseElementsAttr::get(type, elements);
}

} // namespace tenon
