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
//   y = min(max(round(x / s), -z), 255 - z) * s
//
// The patterns rest on what is known of a value's elements, if they are numbers: that they are
// integers, and within which bounds. Results stay the same, but for the sign of zeros. Runs after
// constants have folded: only then are scales and zero points plain numbers.

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Graph/Matching.h"
#include "passes/Graph/Passes.h"
#include "passes/Graph/Recognize.h"
#include <cmath>
#include <limits>

namespace tenon {

#define GEN_PASS_DEF_SIMPLIFYQUANTIZATIONPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

/// Up to here f32 holds every integer.
constexpr double kExact = 1 << 24;
/// How far back the facts of a value are looked for.
constexpr int kMaxDepth = 16;

/// What holds for all elements that are numbers.
struct Facts {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool isIntegral = false;

  bool within(const Facts &other) const { return low >= other.low && high <= other.high; }
  bool isExact() const { return isIntegral && low >= -kExact && high <= kExact; }
};

Facts join(const Facts &a, const Facts &b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high), a.isIntegral && b.isIntegral};
}

Facts factsOfType(Type elementType) {
  auto integer = dyn_cast<IntegerType>(elementType);
  if (!integer)
    return {};
  unsigned width = integer.getWidth();
  if (integer.isUnsigned() || width == 1)
    return {0, std::exp2(width) - 1, true};
  return {-std::exp2(width - 1), std::exp2(width - 1) - 1, true};
}

Facts factsOf(Value value, int depth = 0);

Facts factsOfCast(CastOp op, int depth) {
  Facts operand = factsOf(op.getOperand(), depth);
  Facts type = factsOfType(getElementTypeOrSelf(op.getType()));
  if (isa<IntegerType>(getElementTypeOrSelf(op.getType())))
    return operand.within(type) ? Facts{std::trunc(operand.low), std::trunc(operand.high), true}
                                : type;
  return operand.isExact() && getElementTypeOrSelf(op.getType()).isF32() ? operand : Facts();
}

Facts factsOfSum(const Facts &a, double sign, const Facts &b, Type elementType) {
  Facts sum = {a.low + (sign > 0 ? b.low : -b.high), a.high + (sign > 0 ? b.high : -b.low),
               a.isIntegral && b.isIntegral};
  Facts type = factsOfType(elementType);
  bool holds = type.isIntegral ? sum.within(type) : sum.isExact();
  if (holds)
    return sum;
  type.isIntegral |= sum.isIntegral; // Large sums are rounded to integers.
  return type;
}

Facts computeFacts(Operation *op, int depth) {
  auto operand = [&](unsigned i) { return factsOf(op->getOperand(i), depth); };
  if (isa<RoundOp>(op)) {
    Facts x = operand(0);
    return {std::nearbyint(x.low), std::nearbyint(x.high), true};
  }
  if (isa<MaxOp, MinOp>(op)) {
    Facts a = operand(0), b = operand(1);
    bool both = a.isIntegral && b.isIntegral;
    return isa<MaxOp>(op) ? Facts{std::max(a.low, b.low), std::max(a.high, b.high), both}
                          : Facts{std::min(a.low, b.low), std::min(a.high, b.high), both};
  }
  if (isa<AddOp, SubOp>(op))
    return factsOfSum(operand(0), isa<AddOp>(op) ? 1 : -1, operand(1),
                      getElementTypeOrSelf(op->getResult(0)));
  if (auto cast = dyn_cast<CastOp>(op))
    return factsOfCast(cast, depth);
  if (isa<ReshapeOp, TransposeOp, SliceOp, BroadcastOp, GatherOp>(op))
    return operand(0);
  if (auto pad = dyn_cast<PadOp>(op))
    return pad.getValue() ? join(operand(0), operand(1)) : operand(0);
  if (isa<ConcatOp>(op)) {
    Facts all = operand(0);
    for (unsigned i = 1; i < op->getNumOperands(); ++i)
      all = join(all, operand(i));
    return all;
  }
  return factsOfType(getElementTypeOrSelf(op->getResult(0)));
}

Facts factsOf(Value value, int depth) {
  if (std::optional<double> splat = getSplat(value); splat && !std::isnan(*splat))
    return {*splat, *splat, *splat == std::trunc(*splat)};
  Operation *op = value.getDefiningOp();
  if (!op || depth >= kMaxDepth || op->getNumResults() != 1)
    return factsOfType(getElementTypeOrSelf(value));
  return computeFacts(op, depth + 1);
}

Value makeSplat(PatternRewriter &rewriter, Location loc, double value) {
  auto type = RankedTensorType::get({}, rewriter.getF32Type());
  return ConstantOp::create(rewriter, loc, type,
                            DenseElementsAttr::get(type, static_cast<float>(value)));
}

/// round(x) -> x for integers.
struct DropRounding : OpRewritePattern<RoundOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RoundOp op, PatternRewriter &rewriter) const override {
    if (!factsOf(op.getOperand()).isIntegral)
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
    Facts facts = factsOf(product.getLhs());
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
    Facts facts = factsOf(op.getLhs());
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
    Facts facts = factsOf(inner.getOperand());
    if (!facts.isIntegral || !facts.within(factsOfType(integer)))
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
    Facts value = factsOf(difference.getLhs());
    if (!offset || !value.isExact() || std::abs(*offset) > kExact ||
        !factsOf(difference).isExact() || difference.getLhs().getType() != difference.getType())
      return rewriter.notifyMatchFailure(op, "f32 may not hold the values");
    Value wide =
        CastOp::create(rewriter, op.getLoc(), op.getType(), difference.getLhs(), op.getTo());
    rewriter.replaceOpWithNewOp<SubOp>(op, op.getType(), wide,
                                       makeSplat(rewriter, op.getLoc(), *offset));
    return success();
  }
};

/// min(max(x + z, a), b) - z -> min(max(x, a - z), b - z) for integers. Where x + z is too large to
/// be exact, it is beyond both bounds.
struct ShiftClamp : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SubOp op, PatternRewriter &rewriter) const override {
    auto upper = op.getLhs().getDefiningOp<MinOp>();
    auto lower = upper ? upper.getLhs().getDefiningOp<MaxOp>() : nullptr;
    auto sum = lower ? lower.getLhs().getDefiningOp<AddOp>() : nullptr;
    if (!sum || !op.getType().getElementType().isF32() || sum.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "no clamped sum");
    std::optional<double> zero = getSplat(op.getRhs()), low = getSplat(lower.getRhs()),
                          high = getSplat(upper.getRhs());
    auto isSmall = [](std::optional<double> number) {
      return number && *number == std::trunc(*number) && std::abs(*number) <= 0x1p20;
    };
    if (!isSmall(zero) || !isSmall(low) || !isSmall(high) || zero != getSplat(sum.getRhs()) ||
        !factsOf(sum.getLhs()).isIntegral)
      return rewriter.notifyMatchFailure(op, "not small integers");
    Location loc = op.getLoc();
    Value raised = MaxOp::create(rewriter, loc, op.getType(), sum.getLhs(),
                                 makeSplat(rewriter, loc, *low - *zero));
    rewriter.replaceOpWithNewOp<MinOp>(op, op.getType(), raised,
                                       makeSplat(rewriter, loc, *high - *zero));
    return success();
  }
};

struct SimplifyQuantization : impl::SimplifyQuantizationPassBase<SimplifyQuantization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropRounding, DropRescaling, DropClamp<MaxOp>, DropClamp<MinOp>, SkipInteger,
                 SubtractFloats, ShiftClamp>(&getContext());
    populateSimplifyArithmeticPatterns(patterns);
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config))) {
      getOperation().emitError("quantization does not come to rest");
      signalPassFailure();
    }
  }
};

} // namespace

} // namespace tenon
