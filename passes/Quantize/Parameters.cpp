// Scales and zero points beside what they belong to (see the header).

#include "passes/Quantize/Parameters.h"

using namespace mlir;

namespace tenon {

static bool isOne(AffineExpr size) { return getConstantOr(size, 0) == 1; }

bool isSingleElement(Value value) { return llvm::all_of(getDims(value.getType()), isOne); }

bool readsIntegers(DequantizeOp op) {
  return isa<IntegerType>(getElementTypeOrSelf(op.getOperand()));
}

bool keepsShape(DequantizeOp op) {
  return cast<ShapedType>(op.getOperand().getType()).getShape() ==
         cast<ShapedType>(op.getType()).getShape();
}

Value alignWithResult(const DecomposeBuilder &make, Operation *op, unsigned operand,
                      Value parameter) {
  if (isSingleElement(parameter))
    return make.reshape(parameter, {});
  DimExprs dims = getDims(parameter.getType());
  auto matmul = dyn_cast<MatMulOp>(op);
  if (!matmul) {
    bool isPerOutput = operand == 1 && llvm::all_of(ArrayRef(dims).drop_back(), isOne);
    return isPerOutput ? make.reshape(parameter, {dims.back()}) : Value();
  }
  if (operand == 0)
    return isOne(dims.back()) ? parameter : Value();
  if (!matmul.getTransposeRhs())
    return dims.size() == 1 || isOne(dims[dims.size() - 2]) ? parameter : Value();
  if (!isOne(dims.back()))
    return nullptr;
  if (dims.size() > 1)
    std::swap(dims[dims.size() - 2], dims[dims.size() - 1]);
  return make.reshape(parameter, dims);
}

} // namespace tenon
