// Quantization: what it means in simpler ops.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "dialects/Tenon/ElementRange.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

static LogicalResult verifyZero(Operation *op, Value zero, Type type) {
  if (zero && getElementTypeOrSelf(zero) != type)
    return op->emitOpError("has a zero point of ") << zero.getType() << " for " << type;
  return success();
}

static Value castTo(const DecomposeBuilder &make, Value value, Type elementType) {
  Type type = makeTensorType(getDims(value.getType()), elementType);
  return CastOp::create(make.b, make.loc, type, value, elementType);
}

LogicalResult QuantizeOp::verify() {
  auto type = dyn_cast<IntegerType>(getTo());
  if (!type || type.getWidth() < 2 || type.getWidth() > 16)
    return emitOpError("cannot quantize to ") << getTo();
  return verifyZero(*this, getZero(), type);
}

LogicalResult QuantizeOp::decompose(RewriterBase &rewriter) {
  DecomposeBuilder make{rewriter, getLoc()};
  Value value = make.make<RoundOp>(make.make<DivOp>({getOperand(), getScale()}));
  if (getZero())
    value = make.make<AddOp>({value, castTo(make, getZero(), rewriter.getF32Type())});
  ElementRange all = getElementRange(getTo());
  value = make.make<MaxOp>({value, make.scalar(value, all.low)});
  value = make.make<MinOp>({value, make.scalar(value, all.high)});
  rewriter.replaceOp(*this, castTo(make, value, getTo()));
  return success();
}

LogicalResult DequantizeOp::verify() {
  auto type = cast<IntegerType>(getElementTypeOrSelf(getOperand()));
  if (type.getWidth() < 2 || type.getWidth() > 32)
    return emitOpError("cannot dequantize ") << type;
  return verifyZero(*this, getZero(), type);
}

LogicalResult DequantizeOp::decompose(RewriterBase &rewriter) {
  DecomposeBuilder make{rewriter, getLoc()};
  Type i32 = rewriter.getI32Type();
  Value value =
      getElementTypeOrSelf(getOperand()) == i32 ? getOperand() : castTo(make, getOperand(), i32);
  if (getZero())
    value = make.make<SubOp>(
        {value, getElementTypeOrSelf(getZero()) == i32 ? getZero() : castTo(make, getZero(), i32)});
  value = castTo(make, value, rewriter.getF32Type());
  rewriter.replaceOp(*this, make.make<MulOp>({value, getScale()}));
  return success();
}

} // namespace tenon
