// Moves dequantization towards what computes with its result.
//
// Exporters write quantize and dequantize around every node, also around those that only move
// elements. What moves elements moves those of a quantized tensor alike:
//
//     f(dequantize(q, scale, zero)) = dequantize(f(q), scale, zero)
//
// if scale and zero point are the same for all elements, or where it is known how they move. Then
// what is quantized again as it was before is q itself, contractions see their quantized operands
// (tenon-multiply-quantized), and bytes are moved instead of floats. Nothing changes in the
// results.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Quantize/Parameters.h"
#include "passes/Quantize/Passes.h"
#include <cmath>

namespace tenon {

#define GEN_PASS_DEF_MOVEDEQUANTIZEPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// Whether all elements have one scale and zero point.
bool isPerTensor(DequantizeOp op) {
  return isSingleElement(op.getScale()) && (!op.getZero() || isSingleElement(op.getZero()));
}

/// The same value, or constants that are equal.
bool isSameParameter(Value a, Value b) {
  if (a == b)
    return true;
  if (!a || !b || a.getType() != b.getType())
    return false;
  auto constantA = a.getDefiningOp<ConstantOp>(), constantB = b.getDefiningOp<ConstantOp>();
  return constantA && constantB && constantA.getValue() == constantB.getValue();
}

bool haveSameParameters(DequantizeOp a, DequantizeOp b) {
  return isSameParameter(a.getScale(), b.getScale()) && isSameParameter(a.getZero(), b.getZero()) &&
         getElementTypeOrSelf(a.getOperand()) == getElementTypeOrSelf(b.getOperand());
}

/// What a narrow tensor is dequantized by; null for anything else. Biases of 32 bits stay where
/// they are.
DequantizeOp getNarrow(Value value) {
  auto op = value.getDefiningOp<DequantizeOp>();
  return op && getElementTypeOrSelf(op.getOperand()).getIntOrFloatBitWidth() <= 16 ? op
                                                                                   : DequantizeOp();
}

/// Replaces an op by a dequantization of what it is on the quantized tensor, which has one scale
/// and zero point.
void replaceWithDequantized(PatternRewriter &rewriter, Operation *op, Value moved,
                            DequantizeOp source) {
  DecomposeBuilder make{rewriter, op->getLoc()};
  Value zero = source.getZero() ? make.reshape(source.getZero(), {}) : Value();
  rewriter.replaceOpWithNewOp<DequantizeOp>(op, op->getResult(0).getType(), moved,
                                            make.reshape(source.getScale(), {}), zero);
}

/// The op on the quantized tensors in place of the dequantized ones.
Value moveQuantized(PatternRewriter &rewriter, Operation *op, ValueRange operands) {
  Operation *moved = rewriter.clone(*op);
  moved->setOperands(operands);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  moved->getResult(0).setType(type.clone(getElementTypeOrSelf(operands.front())));
  return moved->getResult(0);
}

/// Ops whose result has elements of their first operand.
struct MovePastMovement : OpTraitRewritePattern<MovesElements> {
  using OpTraitRewritePattern::OpTraitRewritePattern;

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (isa<ConcatOp, SelectOp, PadOp>(op) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "has elements of several operands");
    DequantizeOp source = getNarrow(op->getOperand(0));
    if (!source || !isPerTensor(source))
      return rewriter.notifyMatchFailure(op, "operand is not dequantized as a whole");
    if (isa<MaxPoolOp>(op) && !readsIntegers(source))
      return rewriter.notifyMatchFailure(op, "compares floats");
    if (isa<MaxPoolOp>(op))
      if (std::optional<double> scale = getSplat(source.getScale()); !scale || *scale <= 0)
        return rewriter.notifyMatchFailure(op, "the scale may change the order");
    SmallVector<Value> operands(op->getOperands());
    operands[0] = source.getOperand();
    Value moved = moveQuantized(rewriter, op, operands);
    replaceWithDequantized(rewriter, op, moved, source);
    return success();
  }
};

/// A parameter per element of `axis`, transposed with its tensor.
Value transposeParameter(PatternRewriter &rewriter, Value parameter, TransposeOp op) {
  if (!parameter || isSingleElement(parameter))
    return parameter;
  ArrayRef<int64_t> permutation = op.getPermutation();
  DimExprs dims = getDims(parameter.getType());
  DimExprs full(permutation.size() - dims.size(), rewriter.getAffineConstantExpr(1));
  llvm::append_range(full, dims);
  DecomposeBuilder make{rewriter, op.getLoc()};
  DimExprs moved = applyPermutation(ArrayRef<AffineExpr>(full), permutation);
  bool isVector =
      llvm::count_if(full, [](AffineExpr size) { return getConstantOr(size, 0) != 1; }) == 1;
  if (isVector)
    return make.reshape(parameter, moved);
  return TransposeOp::create(rewriter, op.getLoc(), make.reshape(parameter, full),
                             op.getPermutationAttr());
}

/// transpose(dequantize(q)) where parts of q have parameters of their own.
struct MovePastTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    DequantizeOp source = getNarrow(op.getOperand());
    if (!source || isPerTensor(source))
      return rewriter.notifyMatchFailure(op, "operand is not dequantized in parts");
    Value moved = moveQuantized(rewriter, op, source.getOperand());
    Value scale = transposeParameter(rewriter, source.getScale(), op);
    Value zero = transposeParameter(rewriter, source.getZero(), op);
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), moved, scale, zero);
    return success();
  }
};

/// Zeros around a tensor are its zero point.
struct MovePastPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    DequantizeOp source = getNarrow(op.getOperand());
    if (!source || !isPerTensor(source))
      return rewriter.notifyMatchFailure(op, "operand is not dequantized as a whole");
    SmallVector<Value> operands = {source.getOperand()};
    if (op.getValue()) {
      if (getSplat(op.getValue()) != 0.0)
        return rewriter.notifyMatchFailure(op, "pads with something else than zeros");
      operands.push_back(makeZero(rewriter, source));
    }
    Value moved = moveQuantized(rewriter, op, operands);
    replaceWithDequantized(rewriter, op, moved, source);
    return success();
  }

private:
  /// What means 0, as a scalar.
  static Value makeZero(PatternRewriter &rewriter, DequantizeOp source) {
    if (source.getZero())
      return DecomposeBuilder{rewriter, source.getLoc()}.reshape(source.getZero(), {});
    auto type = RankedTensorType::get({}, getElementTypeOrSelf(source.getOperand()));
    auto zero = cast<ElementsAttr>(rewriter.getZeroAttr(type));
    return ConstantOp::create(rewriter, source.getLoc(), type, zero);
  }
};

/// concat(dequantize(a), dequantize(b)) -> dequantize(concat(a, b))
struct MovePastConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    DequantizeOp first = getNarrow(op.getOperands().front());
    if (!first || !isPerTensor(first))
      return rewriter.notifyMatchFailure(op, "operand is not dequantized as a whole");
    SmallVector<Value> operands;
    for (Value operand : op.getOperands()) {
      DequantizeOp source = getNarrow(operand);
      if (!source || !haveSameParameters(source, first))
        return rewriter.notifyMatchFailure(op, "operands are not dequantized alike");
      operands.push_back(source.getOperand());
    }
    Value moved = moveQuantized(rewriter, op, operands);
    replaceWithDequantized(rewriter, op, moved, first);
    return success();
  }
};

/// quantize(concat(a, b)) -> concat(quantize(a), quantize(b)): who computes a part stores it
/// quantized, in its place.
struct QuantizeParts : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto concat = op.getOperand().getDefiningOp<ConcatOp>();
    if (!concat || !concat->hasOneUse() || !isSingleElement(op.getScale()) ||
        (op.getZero() && !isSingleElement(op.getZero())))
      return rewriter.notifyMatchFailure(op, "operand is not concatenated for it alone");
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value scale = make.reshape(op.getScale(), {});
    Value zero = op.getZero() ? make.reshape(op.getZero(), {}) : Value();
    SmallVector<Value> parts;
    for (Value part : concat.getOperands()) {
      Type type = cast<RankedTensorType>(part.getType()).clone(op.getTo());
      parts.push_back(
          QuantizeOp::create(rewriter, op.getLoc(), type, part, scale, zero, op.getTo()));
    }
    rewriter.replaceOp(op, moveQuantized(rewriter, concat, parts));
    return success();
  }
};

/// quantize(dequantize(q, scale, zero), scale, zero) -> q: q - zero is a small integer, and two
/// roundings of it are off by less than 1/2.
struct DropRequantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    DequantizeOp source = getNarrow(op.getOperand());
    if (!source || source.getOperand().getType() != op.getType() ||
        !isSameParameter(source.getScale(), op.getScale()) ||
        !isSameParameter(source.getZero(), op.getZero()))
      return rewriter.notifyMatchFailure(op, "operand was quantized otherwise");
    // Of scales that are tiny or huge, products leave the range of f32.
    std::optional<double> scale = getSplat(op.getScale());
    if (!scale || !(std::abs(*scale) > 1e-25 && std::abs(*scale) < 1e25))
      return rewriter.notifyMatchFailure(op, "scale is not a usual number");
    rewriter.replaceOp(op, source.getOperand());
    return success();
  }
};

struct MoveDequantize : impl::MoveDequantizePassBase<MoveDequantize> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MovePastMovement, MovePastTranspose, MovePastPad, MovePastConcat, QuantizeParts,
                 DropRequantize>(&getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "dequantization does")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
