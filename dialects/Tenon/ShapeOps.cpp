// Ops that create tensors, change their shape, or move elements: types, folds, elements.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace tenon {

static unsigned rankOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getRank(); }

//===-- Constants --===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ShapeTensorOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  if (!type.hasStaticShape() || type.getNumElements() != getContents().getNumResults())
    return emitOpError("has ") << getContents().getNumResults() << " expressions for " << type;
  return success();
}

// The elements are few: a chain of selects on the position serves any index.
Value ShapeTensorOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  OpBuilder &b = e.builder();
  LaneIndex position = e.linearize(index, getDims(getType()));
  Value result;
  for (auto [number, expr] : llvm::enumerate(getContents().getResults())) {
    Value element = e.value(expr);
    Type type = ElementEmitter::computeType(getType().getElementType());
    if (type != b.getI64Type())
      element = arith::TruncIOp::create(b, e.loc(), type, element);
    element = e.broadcast(element);
    if (!result) {
      result = element;
      continue;
    }
    Value here = e.equal(position, e.index(number));
    result = arith::SelectOp::create(b, e.loc(), here, element, result);
  }
  return result ? result : e.splat(getType().getElementType(), 0);
}

//===-- Sizes at run time --===//

LogicalResult BindBroadcastOp::verify() {
  if (getSizes().getNumResults() < 2 || getSizes().getNumDims() != 0)
    return emitOpError("needs two sizes or more over symbols, got ") << getSizesAttr();
  return success();
}

LogicalResult RequireOp::verify() {
  if (getSizes().getNumResults() != 2 || getSizes().getNumDims() != 0)
    return emitOpError("compares two sizes over symbols, got ") << getSizesAttr();
  return success();
}

//===-- Reshape --===//

LogicalResult ReshapeOp::verify() {
  auto from = cast<RankedTensorType>(getOperand().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the element type from ")
           << from.getElementType() << " to " << to.getElementType();
  if (from.hasStaticShape() && to.hasStaticShape() && from.getNumElements() != to.getNumElements())
    return emitOpError("of ") << from.getNumElements() << " elements to " << to.getNumElements();
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  if (auto producer = getOperand().getDefiningOp<ReshapeOp>()) {
    setOperand(producer.getOperand());
    return getResult();
  }
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getOperand()))
    if (isStatic(getType()))
      return elements.reshape(cast<ShapedType>(getType()));
  return {};
}

// Dimensions are matched in groups of equal product from the right, so that only groups that
// really change pay for division.
Value ReshapeOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  DimExprs from = getDims(getOperand().getType()), to = getDims(getType());
  SmallVector<LaneIndex> source(from.size());
  AffineExpr one = getAffineConstantExpr(1, getContext());
  size_t i = from.size(), j = to.size();
  while (i > 0 || j > 0) {
    size_t firstFrom = i, firstTo = j;
    AffineExpr left = one, right = one;
    do {
      if (firstFrom > 0 && (left == right || firstTo == 0 || [&] {
            auto l = dyn_cast<AffineConstantExpr>(left), r = dyn_cast<AffineConstantExpr>(right);
            return l && r ? l.getValue() < r.getValue() : firstFrom >= firstTo;
          }()))
        left = left * from[--firstFrom];
      else if (firstTo > 0)
        right = right * to[--firstTo];
      else
        break;
      if (left == right && (firstFrom == 0) == (firstTo == 0))
        break;
      if (left == right && left != one)
        break;
    } while (firstFrom > 0 || firstTo > 0);
    ArrayRef<AffineExpr> fromGroup = ArrayRef(from).slice(firstFrom, i - firstFrom);
    ArrayRef<AffineExpr> toGroup = ArrayRef(to).slice(firstTo, j - firstTo);
    ArrayRef<LaneIndex> position = index.slice(firstTo, j - firstTo);
    if (fromGroup == toGroup)
      llvm::copy(position, source.begin() + firstFrom);
    else
      llvm::copy(e.delinearize(e.linearize(position, toGroup), fromGroup),
                 source.begin() + firstFrom);
    i = firstFrom;
    j = firstTo;
  }
  return e.element(getOperand(), source);
}

//===-- Transpose --===//

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            ValueRange operands, DictionaryAttr,
                                            OpaqueProperties properties, RegionRange,
                                            SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> permutation = properties.as<Properties *>()->permutation.asArrayRef();
  DimExprs dims = getDims(operands[0].getType()), result;
  if (!isPermutationVector(permutation) || permutation.size() != dims.size())
    return emitOptionalError(loc, "permutation [", permutation, "] does not fit ",
                             operands[0].getType());
  for (int64_t source : permutation)
    result.push_back(dims[source]);
  types.push_back(makeTensorType(result, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

LogicalResult TransposeOp::verify() { return success(); }

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return getOperand();
  auto producer = getOperand().getDefiningOp<TransposeOp>();
  if (!producer)
    return {};
  SmallVector<int64_t> composed;
  for (int64_t source : permutation)
    composed.push_back(producer.getPermutation()[source]);
  setPermutation(composed);
  setOperand(producer.getOperand());
  return getResult();
}

Value TransposeOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  SmallVector<LaneIndex> source(index.size());
  for (auto [result, operand] : llvm::enumerate(getPermutation()))
    source[operand] = index[result];
  return e.element(getOperand(), source);
}

//===-- Broadcast --===//

LogicalResult BroadcastOp::verify() {
  DimExprs to = getDims(getType());
  FailureOr<DimExprs> merged = broadcastDims({getDims(getOperand().getType()), to}, getContext());
  if (failed(merged) || merged->size() != to.size() ||
      !areCompatibleTypes(makeTensorType(*merged, getType().getElementType()), getType()))
    return emitOpError("cannot broadcast ") << getOperand().getType() << " to " << getType();
  return success();
}

DimExprs BroadcastOp::getDifferences() {
  DimExprs from = getDims(getOperand().getType()), to = getDims(getType()), differences;
  if (from.size() != to.size())
    return {};
  for (auto [size, wide] : llvm::zip_equal(from, to)) {
    if (size == wide)
      continue;
    if (isa<AffineConstantExpr>(size))
      return {};
    differences.push_back(wide - size);
  }
  return differences;
}

bool BroadcastOp::isLastUncertain() {
  DimExprs from = getDims(getOperand().getType()), to = getDims(getType());
  return !from.empty() && !isa<AffineConstantExpr>(from.back()) && from.back() != to.back();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getOperand().getType() == getType() ? OpFoldResult(getOperand()) : OpFoldResult();
}

Value BroadcastOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  return e.element(getOperand(), broadcastIndex(e, getOperand(), getDims(getType()), index));
}

//===-- Concat --===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr,
                                         OpaqueProperties properties, RegionRange,
                                         SmallVectorImpl<Type> &types) {
  int64_t axis = properties.as<Properties *>()->axis.getInt();
  if (operands.empty())
    return emitOptionalError(loc, "concat needs at least one input");
  DimExprs dims = getDims(operands[0].getType());
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, "axis ", axis, " is not a dimension of ", operands[0].getType());
  for (Value operand : operands.drop_front()) {
    DimExprs other = getDims(operand.getType());
    if (other.size() != dims.size())
      return emitOptionalError(loc, "ranks differ: ", operands[0].getType(), " and ",
                               operand.getType());
    for (auto [number, dim] : llvm::enumerate(other)) {
      if (static_cast<int64_t>(number) == axis) {
        dims[number] = dims[number] + dim;
        continue;
      }
      bool known = isa<AffineConstantExpr>(dims[number]);
      if (known && isa<AffineConstantExpr>(dim) && dim != dims[number])
        return emitOptionalError(loc, "dimension ", number, " differs: ", operands[0].getType(),
                                 " and ", operand.getType());
      if (!known)
        dims[number] = dim;
    }
  }
  types.push_back(makeTensorType(dims, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

LogicalResult ConcatOp::verify() { return success(); }

// The last input whose start is not beyond the index holds the element.
Value ConcatOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  AffineExpr zero = getAffineConstantExpr(0, getContext());
  std::function<Value(size_t, AffineExpr)> pick = [&](size_t number, AffineExpr start) -> Value {
    Value input = getInputs()[number];
    AffineExpr end = start + getDims(input.getType())[getAxis()];
    auto read = [&]() -> Value {
      SmallVector<LaneIndex> source(index);
      source[getAxis()] = e.sub(source[getAxis()], e.uniform(e.value(start)));
      return e.element(input, source);
    };
    if (number + 1 == getInputs().size())
      return read();
    Value inside = e.less(index[getAxis()], e.uniform(e.value(end)));
    if (matchPattern(inside, m_Zero()))
      return pick(number + 1, end);
    if (matchPattern(inside, m_One()))
      return read();
    Value outside = arith::XOrIOp::create(
        e.builder(), e.loc(), inside,
        arith::ConstantOp::create(e.builder(), e.loc(), e.builder().getOneAttr(inside.getType())));
    Value rest = e.guarded(
        outside, [&] { return pick(number + 1, end); }, e.splat(getType().getElementType(), 0));
    return e.guarded(inside, read, rest);
  };
  return pick(0, zero);
}

//===-- Slice --===//

LogicalResult SliceOp::verify() {
  unsigned rank = rankOf(getOperand());
  if (getStarts().getNumResults() != rank || getSteps().size() != rank ||
      rankOf(getResult()) != rank)
    return emitOpError("needs a start and a step for each of ") << rank << " dimensions";
  if (llvm::is_contained(getSteps(), 0))
    return emitOpError("has a step of 0");
  // What can be told must lie inside: nobody checks it any more.
  auto from = cast<RankedTensorType>(getOperand().getType());
  auto to = cast<RankedTensorType>(getType());
  for (auto [axis, expr, step] : llvm::enumerate(getStarts().getResults(), getSteps())) {
    auto start = dyn_cast<AffineConstantExpr>(expr);
    if (!start || from.isDynamicDim(axis) || to.isDynamicDim(axis) || to.getDimSize(axis) == 0)
      continue;
    int64_t first = start.getValue(), size = from.getDimSize(axis);
    int64_t room = step > 0 ? size - 1 - first : first;
    if (first < 0 || first >= size || (to.getDimSize(axis) - 1) > room / std::abs(step))
      return emitOpError("takes ")
             << to.getDimSize(axis) << " positions from " << first << " on in steps of " << step
             << ", dimension " << axis << " of " << from << " has not that many";
  }
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  bool whole = llvm::all_of(getSteps(), [](int64_t step) { return step == 1; }) &&
               llvm::all_of(getStarts().getResults(), [](AffineExpr start) {
                 auto constant = dyn_cast<AffineConstantExpr>(start);
                 return constant && constant.getValue() == 0;
               });
  return whole && getOperand().getType() == getType() ? OpFoldResult(getOperand()) : OpFoldResult();
}

Value SliceOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  SmallVector<LaneIndex> source;
  for (auto [position, start, step] :
       llvm::zip_equal(index, getStarts().getResults(), getSteps())) {
    Value first = e.value(start);
    auto constant = dyn_cast<AffineConstantExpr>(start);
    source.push_back(e.add(e.mul(position, e.constant(step)),
                           e.uniform(first, constant ? constant.getValue() : 1)));
  }
  return e.element(getOperand(), source);
}

//===-- Pad --===//

LogicalResult PadOp::verify() {
  unsigned rank = rankOf(getOperand());
  if (getLow().getNumResults() != rank || rankOf(getResult()) != rank)
    return emitOpError("needs an amount for each of ") << rank << " dimensions";
  if (getMode() == PadMode::Constant && !getValue())
    return emitOpError("of mode constant needs a value");
  return success();
}

bool PadOp::isFrame() {
  DimExprs inside = getDims(getOperand().getType()), whole = getDims(getType());
  return getMode() == PadMode::Constant &&
         llvm::all_of(llvm::zip_equal(getLow().getResults(), inside, whole), [](auto dim) {
           auto [low, size, result] = dim;
           return isKnownNonNegative(low) && isKnownNonNegative(result - low - size);
         });
}

/// `index - low` modulo `period`, which is 1 or more. Division is that of numbers that are not
/// negative, so as many whole periods are added first as it takes.
static LaneIndex repeat(ElementEmitter &e, LaneIndex index, AffineExpr low, LaneIndex period) {
  LaneIndex before = e.uniform(e.value(low)), beyond = e.sub(e.add(before, period), e.index(1));
  LaneIndex periods = e.floorDiv(e.max(beyond, e.index(0)), period.base);
  LaneIndex added = e.sub(e.mul(periods, period.base), before);
  return e.mod(e.add(index, added), period.base);
}

Value PadOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  SmallVector<LaneIndex> source;
  // For all lanes together, which a branch decides, and for each of them.
  Value inside, insideLanes;
  DimExprs dims = getDims(getOperand().getType()), resultDims = getDims(getType());
  for (auto [number, low] : llvm::enumerate(getLow().getResults())) {
    auto constant = dyn_cast<AffineConstantExpr>(low);
    if (constant && constant.getValue() == 0 && dims[number] == resultDims[number]) {
      source.push_back(index[number]);
      continue;
    }
    LaneIndex position = e.sub(index[number], e.uniform(e.value(low)));
    LaneIndex zero = e.index(0), size = e.uniform(e.value(dims[number]));
    LaneIndex last = e.sub(size, e.index(1));
    switch (getMode()) {
    case PadMode::Constant: {
      Value here = e.logicalAnd(e.lessEqual(zero, position), e.less(position, size));
      Value &all = isa<VectorType>(here.getType()) ? insideLanes : inside;
      all = all ? e.logicalAnd(all, here) : here;
      break;
    }
    case PadMode::Edge:
      position = e.min(e.max(position, zero), last);
      break;
    case PadMode::Wrap:
      position = repeat(e, index[number], low, e.max(size, e.index(1)));
      break;
    case PadMode::Reflect: {
      // Positions repeat with period 2 (size - 1): down, then up again.
      LaneIndex span = e.max(e.mul(last, e.constant(2)), e.index(1));
      position = repeat(e, index[number], low, span);
      position = e.min(position, e.sub(span, position));
      position = e.min(position, last);
      break;
    }
    }
    source.push_back(position);
  }
  auto read = [&] { return e.element(getOperand(), source); };
  if (!inside && !insideLanes)
    return read();
  Value value = e.element(getValue(), SmallVector<LaneIndex>(rankOf(getValue()), e.index(0)));
  auto readLanes = [&] { return insideLanes ? e.guarded(insideLanes, read, value) : read(); };
  return inside ? e.guarded(inside, readLanes, value) : readLanes();
}

//===-- Gather --===//

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr,
                                         OpaqueProperties properties, RegionRange,
                                         SmallVectorImpl<Type> &types) {
  int64_t axis = properties.as<Properties *>()->axis.getInt();
  DimExprs dims = getDims(operands[0].getType()), indices = getDims(operands[1].getType());
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, "axis ", axis, " is not a dimension of ", operands[0].getType());
  DimExprs result(dims.begin(), dims.begin() + axis);
  result.append(indices.begin(), indices.end());
  result.append(dims.begin() + axis + 1, dims.end());
  types.push_back(makeTensorType(result, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

LogicalResult GatherOp::verify() { return success(); }

Value GatherOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  unsigned indexRank = rankOf(getIndices());
  Value element = e.element(getIndices(), index.slice(getAxis(), indexRank));
  SmallVector<LaneIndex> source(index.take_front(getAxis()));
  source.push_back(wrapIndex(e, element, e.dim(getOperand(), getAxis())));
  llvm::append_range(source, index.drop_front(getAxis() + indexRank));
  return e.element(getOperand(), source);
}

} // namespace tenon
