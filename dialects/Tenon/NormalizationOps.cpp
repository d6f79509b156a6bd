// Normalizations: types, and their decomposition into reductions and pointwise ops.

#include "dialects/Tenon/DecomposeBuilder.h"

using namespace mlir;

namespace tenon {

// Scale and bias must broadcast to the operand's shape without widening it.
static LogicalResult verifyNorm(Operation *op, int64_t axis, ValueRange parameters) {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  if (axis < 0 || axis >= type.getRank())
    return op->emitOpError("axis ") << axis << " is not a dimension of " << type;
  DimExprs dims = getDims(type);
  for (Value parameter : parameters) {
    // Sizes that only a run tells may be anything; constants must be 1 or what the operand has.
    DimExprs own = getDims(parameter.getType());
    auto widens = [](AffineExpr size, AffineExpr dim) {
      auto have = dyn_cast<AffineConstantExpr>(size), want = dyn_cast<AffineConstantExpr>(dim);
      return have && want && have.getValue() != 1 && have != want;
    };
    auto pairs = llvm::zip(llvm::reverse(own), llvm::reverse(dims));
    if (own.size() > dims.size() || llvm::any_of(pairs, [&](auto pair) {
          return widens(std::get<0>(pair), std::get<1>(pair));
        }))
      return op->emitOpError("cannot broadcast ") << parameter.getType() << " to " << type;
  }
  return success();
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                          ValueRange operands, DictionaryAttr, OpaqueProperties,
                                          RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return success();
}
LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                            ValueRange operands, DictionaryAttr, OpaqueProperties,
                                            RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return success();
}
LogicalResult RMSNormOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                          ValueRange operands, DictionaryAttr, OpaqueProperties,
                                          RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return success();
}

LogicalResult SoftmaxOp::verify() { return verifyNorm(*this, getAxis(), {}); }
LogicalResult LayerNormOp::verify() {
  return verifyNorm(*this, getAxis(), getOperation()->getOperands().drop_front());
}
LogicalResult RMSNormOp::verify() {
  return verifyNorm(*this, getAxis(), getOperation()->getOperands().drop_front());
}

static SmallVector<int64_t> axesFrom(int64_t axis, Value value) {
  return llvm::to_vector(
      llvm::seq<int64_t>(axis, cast<RankedTensorType>(value.getType()).getRank()));
}

/// x / sqrt(mean(x^2) + epsilon) [* scale] [+ bias].
static Value buildRMSNorm(DecomposeBuilder b, Value x, ArrayRef<int64_t> axes, double epsilon,
                          Value scale, Value bias) {
  Value meanSquare = b.reduce(ReduceKind::Mean, b.make<MulOp>({x, x}), axes);
  Value root = b.make<SqrtOp>(b.make<AddOp>({meanSquare, b.scalar(x, epsilon)}));
  Value result = b.make<MulOp>({x, b.make<ReciprocalOp>(root)});
  if (scale)
    result = b.make<MulOp>({result, scale});
  return bias ? b.make<AddOp>({result, bias}) : result;
}

LogicalResult SoftmaxOp::decompose(RewriterBase &rewriter) {
  DecomposeBuilder b{rewriter, getLoc()};
  int64_t axis = getAxis();
  Value maximum = b.reduce(ReduceKind::Max, getOperand(), axis);
  Value power = b.make<ExpOp>(b.make<SubOp>({getOperand(), maximum}));
  Value sum = b.reduce(ReduceKind::Sum, power, axis);
  rewriter.replaceOp(*this, b.make<DivOp>({power, sum}));
  return success();
}

LogicalResult LayerNormOp::decompose(RewriterBase &rewriter) {
  DecomposeBuilder b{rewriter, getLoc()};
  SmallVector<int64_t> axes = axesFrom(getAxis(), getOperand());
  Value mean = b.reduce(ReduceKind::Mean, getOperand(), axes);
  Value centered = b.make<SubOp>({getOperand(), mean});
  rewriter.replaceOp(*this, buildRMSNorm(b, centered, axes, getEpsilon().convertToDouble(),
                                         getScale(), getBias()));
  return success();
}

LogicalResult RMSNormOp::decompose(RewriterBase &rewriter) {
  SmallVector<int64_t> axes = axesFrom(getAxis(), getOperand());
  rewriter.replaceOp(*this, buildRMSNorm({rewriter, getLoc()}, getOperand(), axes,
                                         getEpsilon().convertToDouble(), getScale(), getBias()));
  return success();
}

} // namespace tenon
