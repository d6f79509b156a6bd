// What quantization takes; how it is computed is beside the other pointwise ops.

#include "dialects/Tenon/TenonDialect.h"

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
  auto type = cast<IntegerType>(getElementTypeOrSelf(getOperand()));
  if (type.getWidth() < 2 || type.getWidth() > 32)
    return emitOpError("cannot dequantize ") << type;
  return verifyZero(*this, getZero(), type);
}

} // namespace tenon
