// Iota and the gathers by element and by tuple: types and elements.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon {

static int64_t rankOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getRank(); }

LaneIndex wrapIndex(ElementEmitter &e, Value element, Value size) {
  LaneIndex chosen = e.fromElement(element), count = e.uniform(size), zero = e.index(0);
  chosen = e.select(e.less(chosen, zero), e.add(chosen, count), chosen);
  return e.max(e.min(chosen, e.sub(count, e.index(1))), zero);
}

//===-- Iota --===//

LogicalResult IotaOp::verify() {
  if (static_cast<int64_t>(getAxis()) < 0 || static_cast<int64_t>(getAxis()) >= rankOf(getResult()))
    return emitOpError("axis ") << getAxis() << " is not a dimension of " << getType();
  return success();
}

Value IotaOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  Value position = e.toElement(index[getAxis()]);
  Type type = e.laneType(getType().getElementType());
  if (type == position.getType())
    return position;
  return arith::TruncIOp::create(e.builder(), e.loc(), type, position);
}

std::optional<DimExprs> IotaOp::inferContents(ArrayRef<std::optional<DimExprs>>) {
  if (!getType().hasStaticShape())
    return std::nullopt;
  ArrayRef<int64_t> shape = getType().getShape();
  int64_t inner = 1, size = shape[getAxis()];
  for (int64_t dim : shape.drop_front(getAxis() + 1))
    inner *= dim;
  DimExprs result;
  for (int64_t i = 0; i < getType().getNumElements(); ++i)
    result.push_back(getAffineConstantExpr(i / inner % size, getContext()));
  return result;
}

//===-- GatherElements --===//

LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                 ValueRange operands, DictionaryAttr,
                                                 OpaqueProperties properties, RegionRange,
                                                 SmallVectorImpl<Type> &types) {
  int64_t axis = properties.as<Properties *>()->axis.getInt();
  DimExprs dims = getDims(operands[0].getType()), indices = getDims(operands[1].getType());
  if (dims.size() != indices.size())
    return emitOptionalError(loc, "ranks differ: ", operands[0].getType(), " and ",
                             operands[1].getType());
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, "axis ", axis, " is not a dimension of ", operands[0].getType());
  for (auto [number, dim] : llvm::enumerate(dims)) {
    auto have = dyn_cast<AffineConstantExpr>(dim);
    auto want = dyn_cast<AffineConstantExpr>(indices[number]);
    if (static_cast<int64_t>(number) != axis && have && want && want.getValue() > have.getValue())
      return emitOptionalError(loc, "indices ", operands[1].getType(), " reach out of dimension ",
                               number, " of ", operands[0].getType());
  }
  types.push_back(makeTensorType(indices, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

Value GatherElementsOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  SmallVector<LaneIndex> source(index);
  source[getAxis()] = wrapIndex(e, e.element(getIndices(), index), e.dim(getOperand(), getAxis()));
  return e.element(getOperand(), source);
}

//===-- GatherND --===//

LogicalResult GatherNDOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                           ValueRange operands, DictionaryAttr,
                                           OpaqueProperties properties, RegionRange,
                                           SmallVectorImpl<Type> &types) {
  auto *attributes = properties.as<Properties *>();
  int64_t batch = attributes->batchDims ? attributes->batchDims.getInt() : 0;
  DimExprs dims = getDims(operands[0].getType()), indices = getDims(operands[1].getType());
  int64_t rank = dims.size(), indexRank = indices.size();
  if (batch < 0 || batch >= indexRank || batch >= rank)
    return emitOptionalError(loc, batch, " batch dimensions do not fit ", operands[0].getType(),
                             " and ", operands[1].getType());
  auto tuple = dyn_cast<AffineConstantExpr>(indices.back());
  if (!tuple || tuple.getValue() < 1 || tuple.getValue() > rank - batch)
    return emitOptionalError(loc, "index tuples of ", operands[1].getType(),
                             " do not address the dimensions of ", operands[0].getType());
  DimExprs result(indices.begin(), indices.end() - 1);
  for (int64_t i = 0; i < batch; ++i)
    if (isa<AffineConstantExpr>(dims[i]))
      result[i] = dims[i];
  result.append(dims.begin() + batch + tuple.getValue(), dims.end());
  types.push_back(makeTensorType(result, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

Value GatherNDOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  size_t outer = rankOf(getIndices()) - 1, batch = getBatchDims();
  int64_t tuple = cast<RankedTensorType>(getIndices().getType()).getShape().back();
  SmallVector<LaneIndex> source(index.take_front(batch));
  for (int64_t i = 0; i < tuple; ++i) {
    SmallVector<LaneIndex> at(index.take_front(outer));
    at.push_back(e.index(i));
    source.push_back(wrapIndex(e, e.element(getIndices(), at), e.dim(getOperand(), batch + i)));
  }
  llvm::append_range(source, index.drop_front(outer));
  return e.element(getOperand(), source);
}

} // namespace tenon
