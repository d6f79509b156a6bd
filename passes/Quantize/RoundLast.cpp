// Rounds as the last step before a value becomes an integer.
//
// A kernel that quantizes what it computes ends in
//
//   q = cast_u8(min(max(round(x / s) + z, 0), 255))
//
// Clamping first makes it cheaper. What is rounded last becomes an integer in the same instruction,
// the zero point is added to integers, and as the clamped x is finite and has few quotients, these
// can be products (RoundedQuotient.h):
//
//   y = min(max(x, (0 - z) s), (255 - z) s)
//   q = cast_u8(cast_i32(round(fma(y, high, y * low))) + z)
//
// What is dequantized again, (... + z) - z, loses the zero point: offsets join. Results stay the
// same, but for the sign of zeros and what becomes of NaN. Runs on kernels: before these form,
// tenon-store-bytes looks for values that fit bytes.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Quantize/Passes.h"
#include "passes/Quantize/RoundedQuotient.h"
#include <cmath>

namespace tenon {

#define GEN_PASS_DEF_ROUNDLASTPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// Bounds that are integers of at most 16 bits, as quantization has them.
bool isSmallInteger(std::optional<double> number) {
  return number && *number == std::trunc(*number) && std::abs(*number) <= 0x1p16;
}

/// The z of x + z, where that is a small integer and x of the sum's shape; of x - z it is -z.
std::optional<double> getOffset(Operation *op) {
  if (!isa_and_nonnull<AddOp, SubOp>(op) ||
      op->getOperand(0).getType() != op->getResult(0).getType())
    return std::nullopt;
  std::optional<double> number = getSplat(op->getOperand(1));
  if (!isSmallInteger(number))
    return std::nullopt;
  return isa<SubOp>(op) ? -*number : *number;
}

/// min(max(x, low), high) with constants.
struct Clamped {
  Value operand;
  double low, high;
};

std::optional<Clamped> matchClamp(Value value) {
  auto upper = value.getDefiningOp<MinOp>();
  auto lower = upper ? upper.getLhs().getDefiningOp<MaxOp>() : nullptr;
  if (!lower || lower.getLhs().getType() != value.getType())
    return std::nullopt;
  std::optional<double> low = getSplat(lower.getRhs()), high = getSplat(upper.getRhs());
  if (!low || !high || !(*low <= *high))
    return std::nullopt;
  return Clamped{lower.getLhs(), *low, *high};
}

Value addOffset(const DecomposeBuilder &make, Value value, double offset) {
  return offset ? make.make<AddOp>({value, make.scalar(value, offset)}) : value;
}

Value clamp(const DecomposeBuilder &make, Value value, double low, double high) {
  Value raised = make.make<MaxOp>({value, make.scalar(value, low)});
  return make.make<MinOp>({raised, make.scalar(value, high)});
}

/// min(max(round(x) + z, a), b) -> round(min(max(x, a - z), b - z)) + z
struct ClampFirst : OpRewritePattern<MinOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MinOp op, PatternRewriter &rewriter) const override {
    std::optional<Clamped> clamped = matchClamp(op.getResult());
    if (!clamped || !op.getType().getElementType().isF32() || !isSmallInteger(clamped->low) ||
        !isSmallInteger(clamped->high))
      return rewriter.notifyMatchFailure(op, "is not clamped to small integers");
    Operation *sum = clamped->operand.getDefiningOp();
    std::optional<double> offset = getOffset(sum);
    Value rounded = offset ? sum->getOperand(0) : clamped->operand;
    auto round = rounded.getDefiningOp<RoundOp>();
    if (!round)
      return rewriter.notifyMatchFailure(op, "nothing is rounded before");
    DecomposeBuilder make{rewriter, op.getLoc()};
    double zero = offset.value_or(0);
    Value result = make.make<RoundOp>(
        clamp(make, round.getOperand(), clamped->low - zero, clamped->high - zero));
    rewriter.replaceOp(op, addOffset(make, result, zero));
    return success();
  }
};

/// (x + a) + b -> x + (a + b) for small integers, and the same of differences.
template <typename OpT> struct JoinOffsets : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    Operation *inner = op.getLhs().getDefiningOp();
    std::optional<double> first = getOffset(inner), second = getOffset(op);
    if (!first || !second || !op.getType().getElementType().isF32() ||
        !getElementRange(inner->getOperand(0)).isExactInF32() ||
        !getElementRange(op.getLhs()).isExactInF32())
      return rewriter.notifyMatchFailure(op, "not two offsets of small integers");
    DecomposeBuilder make{rewriter, op.getLoc()};
    rewriter.replaceOp(op, addOffset(make, inner->getOperand(0), *first + *second));
    return success();
  }
};

/// cast_int(round(x) + z) -> cast_int(cast_i32(round(x)) + z) where 32 bits hold it.
struct AddIntegers : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    Operation *sum = op.getOperand().getDefiningOp();
    std::optional<double> offset = getOffset(sum);
    if (!offset || !isa<IntegerType>(op.getTo()) || op.getTo().isInteger(1) ||
        !getElementTypeOrSelf(op.getOperand()).isF32() ||
        !sum->getOperand(0).getDefiningOp<RoundOp>() ||
        !getElementRange(sum->getOperand(0)).isExactInF32())
      return rewriter.notifyMatchFailure(op, "operand is no rounded value and an offset");
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value integer = make.cast(sum->getOperand(0), rewriter.getI32Type());
    rewriter.replaceOp(op, make.cast(addOffset(make, integer, *offset), op.getTo()));
    return success();
  }
};

/// round(min(max(x / c, a), b)) -> round(fma(y, high, y * low)), y = min(max(x, a c), b c)
struct MultiplyInstead : OpRewritePattern<RoundOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RoundOp op, PatternRewriter &rewriter) const override {
    std::optional<Clamped> clamped = matchClamp(op.getOperand());
    auto quotient = clamped ? clamped->operand.getDefiningOp<DivOp>() : nullptr;
    if (!quotient || !op.getType().getElementType().isF32() || !isSmallInteger(clamped->low) ||
        !isSmallInteger(clamped->high) || quotient.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "operand is no quotient between small integers");
    std::optional<double> divisor = getSplat(quotient.getRhs());
    if (!divisor)
      return rewriter.notifyMatchFailure(op, "divisor is not constant");
    std::optional<Reciprocal> by =
        findReciprocal(static_cast<float>(*divisor), static_cast<int64_t>(clamped->low),
                       static_cast<int64_t>(clamped->high));
    if (!by)
      return rewriter.notifyMatchFailure(op, "products would round to other integers");
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value value = clamp(make, quotient.getLhs(), clamped->low * *divisor, clamped->high * *divisor);
    Value rest = make.make<MulOp>({value, make.scalar(value, by->low)});
    rewriter.replaceOpWithNewOp<RoundOp>(
        op, op.getType(), make.make<FmaOp>({value, make.scalar(value, by->high), rest}));
    return success();
  }
};

struct RoundLast : impl::RoundLastPassBase<RoundLast> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ClampFirst, JoinOffsets<AddOp>, JoinOffsets<SubOp>, AddIntegers, MultiplyInstead>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
