// What quantization takes; how it is computed is beside the other pointwise ops.

#include "dialects/Tenon/NarrowFloat.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tenon {

static LogicalResult verifyZero(Operation *op, Value zero, Type type) {
  if (zero && getElementTypeOrSelf(zero) != type)
    return op->emitOpError("has a zero point of ") << zero.getType() << " for " << type;
  return success();
}

LogicalResult QuantizeOp::verify() {
  auto type = dyn_cast<IntegerType>(getTo());
  if (!type || type.getWidth() < 2 || type.getWidth() > 16)
    return emitOpError("cannot quantize to ") << getTo();
  return verifyZero(*this, getZero(), type);
}

LogicalResult DequantizeOp::verify() {
  Type type = getElementTypeOrSelf(getOperand());
  auto integer = dyn_cast<IntegerType>(type);
  if (integer ? integer.getWidth() < 2 || integer.getWidth() > 32 : !isFloat8(type))
    return emitOpError("cannot dequantize ") << type;
  return verifyZero(*this, getZero(), type);
}

//===-- Blocks --===//

LogicalResult DequantizeBlocksOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                                   ValueRange operands, DictionaryAttr,
                                                   OpaqueProperties, RegionRange,
                                                   SmallVectorImpl<Type> &types) {
  types.push_back(
      makeTensorType(getDims(operands[0].getType()), getElementTypeOrSelf(operands[1])));
  return success();
}

LogicalResult DequantizeBlocksOp::verify() {
  auto type = cast<IntegerType>(getElementTypeOrSelf(getOperand()));
  if (type.getWidth() < 2 || type.getWidth() > 8)
    return emitOpError("cannot dequantize ") << type << " in blocks";
  DimExprs dims = getDims(getOperand().getType());
  int64_t axis = getAxis(), blockSize = getBlockSize();
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOpError("axis ") << axis << " is not a dimension of " << getOperand().getType();
  if (blockSize < 1)
    return emitOpError("has blocks of ") << blockSize << " positions";
  dims[axis] = dims[axis].ceilDiv(blockSize);
  for (Value parameter : {Value(getScale()), Value(getZero())})
    if (parameter && getDims(parameter.getType()) != dims)
      return emitOpError("has parameters ")
             << parameter.getType() << " for " << getOperand().getType() << " in blocks of "
             << blockSize << " along dimension " << axis;
  if (getZero() && getElementTypeOrSelf(getZero()).isF32())
    return success();
  return verifyZero(*this, getZero(), type);
}

Value DequantizeBlocksOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  SmallVector<LaneIndex> block(index);
  block[getAxis()] = e.floorDiv(index[getAxis()], e.constant(getBlockSize()));
  auto toFloat = [&](Value tensor, Value element) -> Value {
    Type type = e.laneType(getType().getElementType());
    if (element.getType() == type)
      return element;
    if (getElementTypeOrSelf(tensor).isUnsignedInteger())
      return arith::UIToFPOp::create(e.builder(), e.loc(), type, element);
    return arith::SIToFPOp::create(e.builder(), e.loc(), type, element);
  };
  Value value = toFloat(getOperand(), e.element(getOperand(), index));
  if (getZero())
    value = arith::SubFOp::create(e.builder(), e.loc(), value,
                                  toFloat(getZero(), e.element(getZero(), block)));
  return arith::MulFOp::create(e.builder(), e.loc(), value, e.element(getScale(), block));
}

} // namespace tenon
