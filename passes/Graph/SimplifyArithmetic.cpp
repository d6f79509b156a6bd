// Cheaper arithmetic with the same result.

#include "passes/Graph/Matching.h"
#include "passes/Graph/Recognize.h"
#include <cmath>

using namespace mlir;

namespace tenon {

namespace {

Value makeScalar(PatternRewriter &rewriter, Location loc, Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  auto attr = rewriter.getFloatAttr(elementType, value);
  return ConstantOp::create(rewriter, loc, type, DenseElementsAttr::get(type, Attribute(attr)));
}

/// pow(x, 2) -> x * x, pow(x, 1/2) -> sqrt(x), and others like them.
struct ExpandPower : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PowOp op, PatternRewriter &rewriter) const override {
    std::optional<double> exponent = getSplat(op.getRhs());
    Value x = op.getLhs();
    if (!exponent || x.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "exponent is not constant");
    Location loc = op.getLoc();
    bool isFloat = isa<FloatType>(getElementTypeOrSelf(x.getType()));
    if (*exponent == 1)
      rewriter.replaceOp(op, x);
    else if (*exponent == 2)
      rewriter.replaceOpWithNewOp<MulOp>(op, x, x);
    else if (*exponent == 3)
      rewriter.replaceOpWithNewOp<MulOp>(op, MulOp::create(rewriter, loc, x, x), x);
    else if (isFloat && *exponent == 0.5)
      rewriter.replaceOpWithNewOp<SqrtOp>(op, x);
    else if (isFloat && *exponent == -0.5)
      rewriter.replaceOpWithNewOp<ReciprocalOp>(op, SqrtOp::create(rewriter, loc, x));
    else if (isFloat && *exponent == -1)
      rewriter.replaceOpWithNewOp<ReciprocalOp>(op, x);
    else
      return rewriter.notifyMatchFailure(op, "exponent is not a small one");
    return success();
  }
};

/// x / 2^n -> x * 2^-n, which is exact; x / 1 -> x; 1 / x -> reciprocal.
struct SimplifyDivision : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    Type elementType = op.getType().getElementType();
    std::optional<double> divisor = getSplat(op.getRhs());
    if (divisor == 1.0 && op.getLhs().getType() == op.getType()) {
      rewriter.replaceOp(op, op.getLhs());
      return success();
    }
    if (!isa<FloatType>(elementType))
      return rewriter.notifyMatchFailure(op, "integers truncate");
    if (getSplat(op.getLhs()) == 1.0 && op.getRhs().getType() == op.getType()) {
      rewriter.replaceOpWithNewOp<ReciprocalOp>(op, op.getRhs());
      return success();
    }
    if (!divisor || *divisor == 0 || op.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "divisor is not constant");
    int exponent;
    // Within the range that even f16 holds with its inverse.
    if (std::abs(std::frexp(*divisor, &exponent)) != 0.5 || std::abs(exponent) > 12)
      return rewriter.notifyMatchFailure(op, "divisor is not a power of two");
    Value inverse = makeScalar(rewriter, op.getLoc(), elementType, 1 / *divisor);
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getLhs(), inverse);
    return success();
  }
};

/// x * 1, x + 0, x - 0 -> x.
template <typename OpT, int neutral> struct DropNeutral : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    auto drop = [&](Value kept, Value dropped) {
      if (getSplat(dropped) != static_cast<double>(neutral) || kept.getType() != op.getType())
        return false;
      rewriter.replaceOp(op, kept);
      return true;
    };
    if (drop(op.getLhs(), op.getRhs()))
      return success();
    if (op->template hasTrait<OpTrait::IsCommutative>() && drop(op.getRhs(), op.getLhs()))
      return success();
    return rewriter.notifyMatchFailure(op, "no operand is neutral");
  }
};

/// A slice of a slice starts at start2 + start1 * step2 and steps by step1 * step2.
struct JoinSlices : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto producer = op.getOperand().getDefiningOp<SliceOp>();
    if (!producer)
      return rewriter.notifyMatchFailure(op, "operand is not a slice");
    DimExprs starts;
    SmallVector<int64_t> steps;
    for (auto [start, step, outerStart, outerStep] :
         llvm::zip_equal(op.getStarts().getResults(), op.getSteps(),
                         producer.getStarts().getResults(), producer.getSteps())) {
      starts.push_back(outerStart + start * outerStep);
      steps.push_back(step * outerStep);
    }
    rewriter.replaceOpWithNewOp<SliceOp>(
        op, op.getType(), producer.getOperand(),
        AffineMapAttr::get(makeDimsMap(starts, rewriter.getContext())),
        rewriter.getDenseI64ArrayAttr(steps));
    return success();
  }
};

/// Joining one tensor changes nothing.
struct DropSingleConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    if (op.getInputs().size() != 1 || op.getInputs()[0].getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "joins several tensors");
    rewriter.replaceOp(op, op.getInputs()[0]);
    return success();
  }
};

} // namespace

void populateSimplifyArithmeticPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandPower, SimplifyDivision, DropNeutral<MulOp, 1>, DropNeutral<AddOp, 0>,
               DropNeutral<SubOp, 0>, JoinSlices, DropSingleConcat>(patterns.getContext());
}

} // namespace tenon
