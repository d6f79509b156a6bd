// Moves reshapes down past pointwise ops.
//
//   y = f(reshape(x), z)   ->   y = reshape(f(x, reshape(z)))
//
// A reshape costs nothing, but what stands on both sides of it is in two kernels. Exporters put
// reshapes between a product and the pointwise ops behind it (ONNX Runtime writes MatMul of [1, S,
// N] as Gemm of [S, N]). Below these, the reshape stands in front of what reads memory in any case.
//
// It moves only where something gains: x is computed by what may take f into its kernel, and for
// nobody else. And only where nothing loses: other operands are read alike in both forms, or are in
// memory, of which there is another view.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Layout/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_MOVERESHAPESPASS
#include "passes/Layout/Passes.h.inc"

using namespace mlir;

namespace {

bool isOne(AffineExpr dim) { return getConstantOr(dim, -1) == 1; }

/// How many dimensions, from the last one on, two shapes have in common.
size_t countCommonDims(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  size_t count = 0;
  while (count < std::min(a.size(), b.size()) && a[a.size() - 1 - count] == b[b.size() - 1 - count])
    ++count;
  return count;
}

/// Whether the value is computed from bytes by one element-wise step after the other, as what is
/// dequantized: its readers had better do that again than read it as floats.
bool isMadeOfBytes(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<CastOp, AddOp, SubOp, MulOp>(op))
      return false;
    value = op->getOperand(0);
    if (isa<CastOp>(op) && getElementTypeOrSelf(value).isInteger(8))
      return true;
  }
  return false;
}

/// Whether a view of the value costs nothing: it is in memory whoever reads it.
bool isInMemory(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<ReshapeOp, ConstantOp>(op) || !isa<PointwiseOpInterface>(op))
    return true;
  return !value.hasOneUse() && !isMadeOfBytes(value);
}

/// Whether the kernel that computes the value may compute a pointwise op on it, too.
bool takesPointwise(Value value) {
  Operation *op = value.getDefiningOp();
  return op && value.hasOneUse() && isa<PointwiseOpInterface, MatMulOp, ConvOp, AttentionOp>(op);
}

/// The reshape that feeds `op`, which may move below it; null if there is none.
ReshapeOp findReshape(Operation *op) {
  for (Value operand : op->getOperands())
    if (auto reshape = operand.getDefiningOp<ReshapeOp>())
      if (reshape->hasOneUse() && takesPointwise(reshape.getOperand()) &&
          getDims(operand.getType()) == getDims(op->getResult(0).getType()))
        return reshape;
  return nullptr;
}

/// An operand in the form that it has for `from` instead of `to`.
FailureOr<Value> convertOperand(PatternRewriter &rewriter, Value operand, ArrayRef<AffineExpr> from,
                                ArrayRef<AffineExpr> to) {
  DimExprs dims = getDims(operand.getType());
  auto reshaped = [&](ArrayRef<AffineExpr> shape) {
    Type type = makeTensorType(DimExprs(shape), getElementTypeOrSelf(operand));
    return rewriter.createOrFold<ReshapeOp>(operand.getLoc(), type, operand);
  };
  if (ArrayRef(dims) == to) {
    Value source = operand;
    if (auto reshape = operand.getDefiningOp<ReshapeOp>(); reshape && reshape->hasOneUse())
      source = reshape.getOperand();
    // Where that may be computed in the operand's kernel as well, one would move back for the
    // other.
    bool isRival = takesPointwise(source) && getDims(source.getType()) != DimExprs(from);
    if (isRival || !isInMemory(operand))
      return failure();
    return reshaped(from);
  }
  // What broadcasts along all that the reshape changes.
  ArrayRef<AffineExpr> inner = ArrayRef(dims).drop_while(isOne);
  if (inner.size() > countCommonDims(from, to) ||
      (inner.size() < dims.size() && !isInMemory(operand)))
    return failure();
  return inner.size() < dims.size() ? reshaped(inner) : operand;
}

struct MovePastPointwise : RewritePattern {
  MovePastPointwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa<PointwiseOpInterface>(op))
      return failure();
    ReshapeOp reshape = findReshape(op);
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "no operand is a reshape that may move");
    DimExprs from = getDims(reshape.getOperand().getType()), to = getDims(reshape.getType());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> converted = reshape.getOperand();
      if (operand != reshape.getResult())
        converted = convertOperand(rewriter, operand, from, to);
      if (failed(converted))
        return rewriter.notifyMatchFailure(op, "an operand has no such view");
      operands.push_back(*converted);
    }
    Operation *moved = rewriter.clone(*op);
    Type element = getElementTypeOrSelf(op->getResult(0));
    rewriter.modifyOpInPlace(moved, [&] {
      moved->setOperands(operands);
      moved->getResult(0).setType(makeTensorType(from, element));
    });
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op->getResult(0).getType(), moved->getResult(0));
    return success();
  }
};

struct MoveReshapes : impl::MoveReshapesPassBase<MoveReshapes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MovePastPointwise>(&getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "reshapes do")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
