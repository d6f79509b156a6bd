// Removes the steps through integers between quantized operators.
//
// Exporters write a quantized network as floats that are quantized and dequantized between nodes:
//
//   q = cast_u8(min(max(round(x / s) + z, 0), 255))        QuantizeLinear
//   y = cast_f32(cast_i32(q) - z) * s                      DequantizeLinear
//
// Within a kernel the bytes are never stored, yet every element would be narrowed, widened and
// moved by z twice. All that matters is rounding and clamping:
//
//   y = (min(max(round(x / s) + z, 0), 255) - z) * s
//
// (tenon-round-last leaves z out, too, once it is clear that nobody else wants the bytes.)
//
// The patterns rest on what is known of a value's elements, if they are numbers: that they are
// integers, and within which bounds. Results stay the same, but for the sign of zeros. Runs after
// constants have folded: only then are scales and zero points plain numbers.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Graph/Matching.h"
#include "passes/Graph/Recognize.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Quantize/Parameters.h"
#include "passes/Quantize/Passes.h"
#include <cmath>

namespace tenon {

#define GEN_PASS_DEF_SIMPLIFYQUANTIZATIONPASS
#define GEN_PASS_DEF_SKIPBYTESPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// Up to here f32 holds every integer.
constexpr double kExact = 1 << 24;

/// A zero point in another type: as a number, if it is one, for the patterns below.
Value castZero(const DecomposeBuilder &make, Value zero, Type elementType) {
  std::optional<double> number = getSplat(zero);
  return number ? make.scalar(elementType, *number) : make.cast(zero, elementType);
}

/// quantize(x) -> cast(min(max(round(x / scale) + zero, low), high)), of which steps can be
/// dropped.
struct ExpandQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value value = make.make<RoundOp>(make.make<DivOp>({op.getOperand(), op.getScale()}));
    if (op.getZero())
      value = make.make<AddOp>({value, castZero(make, op.getZero(), rewriter.getF32Type())});
    ElementRange all = getElementRange(op.getTo());
    value = make.make<MaxOp>({value, make.scalar(value, all.low)});
    value = make.make<MinOp>({value, make.scalar(value, all.high)});
    rewriter.replaceOp(op, make.cast(value, op.getTo()));
    return success();
  }
};

/// dequantize(q) -> cast(q - zero) * scale, the difference in i32; of floats in f32.
struct ExpandDequantize : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op, PatternRewriter &rewriter) const override {
    DecomposeBuilder make{rewriter, op.getLoc()};
    Type type = readsIntegers(op) ? Type(rewriter.getI32Type()) : rewriter.getF32Type();
    Value value = make.cast(op.getOperand(), type);
    if (op.getZero())
      value = make.make<SubOp>({value, castZero(make, op.getZero(), type)});
    value = make.cast(value, rewriter.getF32Type());
    rewriter.replaceOp(op, make.make<MulOp>({value, op.getScale()}));
    return success();
  }
};

/// round(x) -> x for integers.
struct DropRounding : OpRewritePattern<RoundOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RoundOp op, PatternRewriter &rewriter) const override {
    if (!getElementRange(op.getOperand()).isIntegral)
      return rewriter.notifyMatchFailure(op, "operand is no integer");
    rewriter.replaceOp(op, op.getOperand());
    return success();
  }
};

/// round(y * s / s) -> y for integers below 2^20: two roundings are off by less than 1/2.
struct DropRescaling : OpRewritePattern<RoundOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RoundOp op, PatternRewriter &rewriter) const override {
    auto quotient = op.getOperand().getDefiningOp<DivOp>();
    auto product = quotient ? quotient.getLhs().getDefiningOp<MulOp>() : nullptr;
    if (!product || !op.getType().getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "operand is no rescaled value");
    std::optional<double> scale = getSplat(product.getRhs());
    if (!scale || scale != getSplat(quotient.getRhs()) ||
        !(std::abs(*scale) > 1e-25 && std::abs(*scale) < 1e25))
      return rewriter.notifyMatchFailure(op, "scales differ");
    ElementRange facts = getElementRange(product.getLhs());
    if (!facts.isIntegral || facts.low < -0x1p20 || facts.high > 0x1p20 ||
        product.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "scaled value is no small integer");
    rewriter.replaceOp(op, product.getLhs());
    return success();
  }
};

/// max(x, c) -> x if no x is less, and min(x, c) -> x if none is greater.
template <typename OpT> struct DropClamp : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    std::optional<double> bound = getSplat(op.getRhs());
    if (!bound || op.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "bound is not constant");
    ElementRange facts = getElementRange(op.getLhs());
    if (std::is_same_v<OpT, MaxOp> ? !(facts.low >= *bound) : !(facts.high <= *bound))
      return rewriter.notifyMatchFailure(op, "values may be beyond the bound");
    rewriter.replaceOp(op, op.getLhs());
    return success();
  }
};

/// cast(cast(x to an integer type that holds it)) -> cast(x)
struct SkipInteger : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<CastOp>();
    auto integer = inner ? dyn_cast<IntegerType>(getElementTypeOrSelf(inner.getType())) : nullptr;
    if (!integer || integer.getWidth() == 1)
      return rewriter.notifyMatchFailure(op, "operand is not cast to an integer");
    ElementRange facts = getElementRange(inner.getOperand());
    if (!facts.isIntegral || !facts.within(getElementRange(integer)))
      return rewriter.notifyMatchFailure(op, "the integer type does not hold the value");
    if (inner.getOperand().getType() == op.getType())
      rewriter.replaceOp(op, inner.getOperand());
    else
      rewriter.replaceOpWithNewOp<CastOp>(op, op.getType(), inner.getOperand(), op.getTo());
    return success();
  }
};

/// cast_f32(cast(x) - c) -> cast_f32(cast(x)) - c where f32 holds all values.
struct SubtractFloats : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    auto difference = op.getOperand().getDefiningOp<SubOp>();
    if (!difference || !op.getTo().isF32() || !difference.getLhs().getDefiningOp<CastOp>() ||
        !isa<IntegerType>(getElementTypeOrSelf(difference.getType())))
      return rewriter.notifyMatchFailure(op, "operand is no difference of integers");
    std::optional<double> offset = getSplat(difference.getRhs());
    ElementRange value = getElementRange(difference.getLhs());
    if (!offset || !value.isExactInF32() || std::abs(*offset) > kExact ||
        !getElementRange(difference).isExactInF32() ||
        difference.getLhs().getType() != difference.getType())
      return rewriter.notifyMatchFailure(op, "f32 may not hold the values");
    Value wide =
        CastOp::create(rewriter, op.getLoc(), op.getType(), difference.getLhs(), op.getTo());
    rewriter.replaceOpWithNewOp<SubOp>(
        op, op.getType(), wide, DecomposeBuilder{rewriter, op.getLoc()}.scalar(wide, *offset));
    return success();
  }
};

/// Patterns on kernels: values are stored as bytes for those who are in other kernels.
struct SkipBytes : impl::SkipBytesPassBase<SkipBytes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SkipInteger>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

struct SimplifyQuantization : impl::SimplifyQuantizationPassBase<SimplifyQuantization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandQuantize, ExpandDequantize, DropRounding, DropRescaling, DropClamp<MaxOp>,
                 DropClamp<MinOp>, SkipInteger, SubtractFloats>(&getContext());
    populateSimplifyArithmeticPatterns(patterns);
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "quantization does")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
