// Sequences, optionals and maps: what ops on them must agree in.

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

/// Fails unless a value of this type may be an element of the list.
static LogicalResult checkElement(Operation *op, Type value, Type list) {
  if (isElementOf(toElement(value), getListElement(list)))
    return success();
  return op->emitOpError("has an element of ") << value << " for " << list;
}

static LogicalResult checkPosition(Operation *op, Value position) {
  auto type = position ? cast<RankedTensorType>(position.getType()) : RankedTensorType();
  if (!type || (type.hasStaticShape() && type.getNumElements() == 1))
    return success();
  return op->emitOpError("has a position of ") << type << ", not one number";
}

/// Writes the shape symbols if a dimension of the results is one.
static void addBindingEffects(Operation *op, SmallVectorImpl<EffectInstance> &effects) {
  for (Type type : op->getResultTypes())
    if (llvm::any_of(getDims(type), llvm::IsaPred<AffineSymbolExpr>))
      return (void)effects.emplace_back(MemoryEffects::Write::get(), ShapeSymbols::get());
}

LogicalResult SequenceConstructOp::verify() {
  if (isa<OptionalType>(getType()) && getElements().size() > 1)
    return emitOpError("has ") << getElements().size() << " elements for an optional";
  for (Type element : getElements().getTypes())
    if (failed(checkElement(*this, element, getType())))
      return failure();
  return success();
}

LogicalResult SequenceInsertOp::verify() {
  if (failed(checkElement(*this, getElement().getType(), getType())) ||
      failed(checkPosition(*this, getPosition())))
    return failure();
  if (!isElementOf(getSequence().getType().getElement(), getType().getElement()))
    return emitOpError("gives ") << getType() << " from " << getSequence().getType();
  return success();
}

LogicalResult SequenceEraseOp::verify() {
  if (getType() != getSequence().getType())
    return emitOpError("gives ") << getType() << " from " << getSequence().getType();
  return checkPosition(*this, getPosition());
}

void SequenceAtOp::getEffects(SmallVectorImpl<EffectInstance> &effects) {
  addBindingEffects(*this, effects);
}

LogicalResult SequenceAtOp::verify() {
  Type element = getListElement(getSequence().getType()), type = getElement().getType();
  auto ranked = dyn_cast<RankedTensorType>(element);
  auto result = dyn_cast<RankedTensorType>(type);
  bool fits = result ? isElementOf(toElement(type), element) : type == element;
  if (result && isNoElement(element)) // the run ends here
    fits = result.getElementType() == element;
  // Sizes that the sequence's type does not tell are the run's.
  else if (fits && result)
    for (auto [axis, size] : llvm::enumerate(result.getShape()))
      fits &= ShapedType::isDynamic(size) || (ranked && ranked.getDimSize(axis) == size);
  if (!fits)
    return emitOpError("gives ") << type << " from " << getSequence().getType();
  return checkPosition(*this, getPosition());
}

LogicalResult SequenceLengthOp::verify() {
  RankedTensorType type = getLength().getType();
  if (type.getRank() == 0 && type.getElementType().isInteger(64))
    return success();
  return emitOpError("gives tensor<i64>, not ") << type;
}

void SequenceConcatOp::getEffects(SmallVectorImpl<EffectInstance> &effects) {
  addBindingEffects(*this, effects);
}

LogicalResult SequenceConcatOp::verify() {
  Type element = getSequence().getType().getElement();
  auto ranked = dyn_cast<RankedTensorType>(element);
  int64_t rank = getType().getRank();
  if (isHostType(element) || getInnerElementType(element) != getType().getElementType() ||
      (ranked && ranked.getRank() != rank - (getNewAxis() ? 1 : 0)))
    return emitOpError("gives ") << getType() << " from " << getSequence().getType();
  if (auto axis = static_cast<int64_t>(getAxis()); axis < 0 || axis >= rank)
    return emitOpError("has axis ") << axis << " for a result of rank " << rank;
  return success();
}

LogicalResult SequenceSplitOp::verify() {
  RankedTensorType type = getOperand().getType();
  if (auto axis = static_cast<int64_t>(getAxis()); axis < 0 || axis >= type.getRank())
    return emitOpError("has axis ") << axis << " for " << type;
  if (getSizes() && getSizes().getType().getRank() > 1)
    return emitOpError("has sizes of ") << getSizes().getType();
  if (getSizes() && !getSizes().getType().getElementType().isInteger(64))
    return emitOpError("has sizes of ") << getSizes().getType() << ", not of i64";
  if (getDropsAxis() && getSizes())
    return emitOpError("drops the axis only of parts of size 1");
  SmallVector<int64_t> sizes(type.getShape());
  sizes[getAxis()] = getSizes() ? ShapedType::kDynamic : 1;
  if (getDropsAxis())
    sizes.erase(sizes.begin() + getAxis());
  return checkElement(*this, RankedTensorType::get(sizes, type.getElementType()), getType());
}

void MapEntriesOp::getEffects(SmallVectorImpl<EffectInstance> &effects) {
  addBindingEffects(*this, effects);
}

LogicalResult MapEntriesOp::verify() {
  RankedTensorType keys = getKeys().getType(), values = getValues().getType();
  MapType map = getMap().getType();
  if (keys.getElementType() != map.getKey() || values.getElementType() != map.getValue())
    return emitOpError("gives ") << keys << " and " << values << " from " << map;
  if (keys.getRank() != 1 || values.getRank() != 1 || getDims(keys) != getDims(values) ||
      !isa<AffineSymbolExpr>(getDims(keys).front()))
    return emitOpError("gives keys and values of one unknown length, not ")
           << keys << " and " << values;
  return success();
}

LogicalResult ZipMapOp::verify() {
  auto map = dyn_cast<MapType>(getType().getElement());
  RankedTensorType rows = getRows().getType();
  if (!map || map.getValue() != rows.getElementType() || rows.getRank() != 2)
    return emitOpError("gives ") << getType() << " from " << rows;
  auto integers = dyn_cast<DenseI64ArrayAttr>(getKeys());
  if (static_cast<bool>(integers) != map.getKey().isInteger(64))
    return emitOpError("has keys ") << getKeys() << " for " << getType();
  auto count = static_cast<int64_t>(integers ? integers.size() : cast<ArrayAttr>(getKeys()).size());
  if (!rows.isDynamicDim(1) && rows.getDimSize(1) != count)
    return emitOpError("has ") << count << " keys for " << rows;
  return success();
}

} // namespace tenon
