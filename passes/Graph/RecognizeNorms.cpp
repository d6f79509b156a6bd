// Normalizations in their long-hand forms, step by step: first the core, then what surrounds it.
//
//   x / sqrt(mean(x^2) + e)              ->  rms_norm(x)
//   rms_norm(x - mean(x))                ->  layer_norm(x)
//   norm(x) * s, norm(x) + b             ->  norm(x) scale s bias b
//   x * (r * s) + (b - mean(x) * (r * s)) ->  layer_norm(x) scale s bias b,  r = 1 / deviation of x
//   e^(x - max(x)) / sum(...)            ->  softmax(x)

#include "passes/Graph/Matching.h"
#include "passes/Graph/Recognize.h"

using namespace mlir;

namespace tenon {

namespace {

/// sqrt(mean(x^2) + epsilon) over the dimensions from `axis` on.
struct Deviation {
  Value x;
  int64_t axis;
  double epsilon;
};

/// The mean of a tensor over its last dimensions. Not over all positions of each channel, if these
/// have several dimensions: as arithmetic this works in any order of dimensions.
std::optional<std::pair<Value, int64_t>> matchMean(Value value) {
  auto reduce = value.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != ReduceKind::Mean)
    return std::nullopt;
  std::optional<int64_t> axis = getFirstOfLastAxes(reduce.getAxes(), reduce.getOperand().getType());
  if (!axis || (*axis == 2 && reduce.getAxes().size() > 1))
    return std::nullopt;
  return {{reduce.getOperand(), *axis}};
}

std::optional<Deviation> matchDeviation(Value value) {
  auto root = value.getDefiningOp<SqrtOp>();
  auto sum = root ? matchWithSplat<AddOp>(root.getOperand()) : std::nullopt;
  auto mean = sum ? matchMean(sum->first) : std::nullopt;
  auto square = mean ? mean->first.getDefiningOp<MulOp>() : nullptr;
  if (!square || square.getLhs() != square.getRhs() || sum->second < 0)
    return std::nullopt;
  return Deviation{square.getLhs(), mean->second, sum->second};
}

/// 1 / sqrt(mean(x^2) + epsilon).
std::optional<Deviation> matchInverseDeviation(Value value) {
  auto inverse = value.getDefiningOp<ReciprocalOp>();
  return inverse ? matchDeviation(inverse.getOperand()) : std::nullopt;
}

/// x - mean(x), both over the same dimensions: x.
Value matchCentered(Value value, int64_t axis) {
  auto centered = value.getDefiningOp<SubOp>();
  auto mean = centered ? matchMean(centered.getRhs()) : std::nullopt;
  return mean && mean->first == centered.getLhs() && mean->second == axis ? mean->first : Value();
}

FloatAttr epsilonAttr(PatternRewriter &rewriter, double epsilon) {
  return rewriter.getF64FloatAttr(epsilon);
}

/// x / deviation(x) -> rms_norm(x)
struct RecognizeQuotient : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    std::optional<Deviation> deviation = matchDeviation(op.getRhs());
    if (!deviation || deviation->x != op.getLhs())
      return rewriter.notifyMatchFailure(op, "does not divide by the operand's deviation");
    rewriter.replaceOpWithNewOp<RMSNormOp>(op, op.getType(), deviation->x, Value(), Value(),
                                           rewriter.getI64IntegerAttr(deviation->axis),
                                           epsilonAttr(rewriter, deviation->epsilon));
    return success();
  }
};

/// x * (1 / deviation(x)) -> rms_norm(x)
struct RecognizeProduct : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    for (auto [x, inverse] : {std::pair(op.getLhs(), op.getRhs()), {op.getRhs(), op.getLhs()}}) {
      std::optional<Deviation> deviation = matchInverseDeviation(inverse);
      if (!deviation || deviation->x != x)
        continue;
      rewriter.replaceOpWithNewOp<RMSNormOp>(op, op.getType(), x, Value(), Value(),
                                             rewriter.getI64IntegerAttr(deviation->axis),
                                             epsilonAttr(rewriter, deviation->epsilon));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "does not divide by the operand's deviation");
  }
};

/// rms_norm(x - mean(x)) -> layer_norm(x)
struct RecognizeCentered : OpRewritePattern<RMSNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RMSNormOp op, PatternRewriter &rewriter) const override {
    Value x = matchCentered(op.getOperand(), op.getAxis());
    if (!x)
      return rewriter.notifyMatchFailure(op, "operand's mean is not subtracted");
    rewriter.replaceOpWithNewOp<LayerNormOp>(op, op.getType(), x, op.getScale(), op.getBias(),
                                             op.getAxisAttr(), op.getEpsilonAttr());
    return success();
  }
};

/// A parameter that norms may take: it varies along the normalized dimensions alone.
template <typename NormT> bool isParameter(NormT norm, Value value, Value result) {
  int64_t rank = norm.getType().getRank();
  return norm.getType() == result.getType() && variesOnlyFrom(value, norm.getAxis(), rank);
}

template <typename NormT, typename OpT>
std::optional<std::pair<NormT, Value>> matchParameter(OpT op) {
  for (auto [first, second] : {std::pair(op.getLhs(), op.getRhs()), {op.getRhs(), op.getLhs()}}) {
    auto norm = first.template getDefiningOp<NormT>();
    if (norm && norm->hasOneUse() && !norm.getBias() && isParameter(norm, second, op))
      return {{norm, second}};
  }
  return std::nullopt;
}

/// norm(x) * s -> norm(x) scale s
template <typename NormT> struct AbsorbScale : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    auto match = matchParameter<NormT>(op);
    if (!match || match->first.getScale())
      return rewriter.notifyMatchFailure(op, "does not scale a norm");
    NormT norm = match->first;
    rewriter.replaceOpWithNewOp<NormT>(op, op.getType(), norm.getOperand(), match->second, Value(),
                                       norm.getAxisAttr(), norm.getEpsilonAttr());
    return success();
  }
};

/// norm(x) + b -> norm(x) bias b
template <typename NormT> struct AbsorbBias : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    auto match = matchParameter<NormT>(op);
    if (!match)
      return rewriter.notifyMatchFailure(op, "does not shift a norm");
    NormT norm = match->first;
    rewriter.replaceOpWithNewOp<NormT>(op, op.getType(), norm.getOperand(), norm.getScale(),
                                       match->second, norm.getAxisAttr(), norm.getEpsilonAttr());
    return success();
  }
};

/// x * f + (b - mean(x) * f) with f = s / deviation(x - mean(x)) -> layer_norm(x) scale s bias b
struct RecognizeFactored : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  /// value = other * factor, in either order: other.
  static Value matchFactor(Value value, Value factor) {
    auto product = value.getDefiningOp<MulOp>();
    if (!product || (product.getLhs() != factor && product.getRhs() != factor))
      return nullptr;
    return product.getRhs() == factor ? product.getLhs() : product.getRhs();
  }

  LogicalResult match(AddOp op, Value product, Value rest, PatternRewriter &rewriter) const {
    auto difference = rest.getDefiningOp<SubOp>();
    auto scaled = product.getDefiningOp<MulOp>();
    if (!difference || !scaled)
      return failure();
    for (auto [x, factor] :
         {std::pair(scaled.getLhs(), scaled.getRhs()), {scaled.getRhs(), scaled.getLhs()}}) {
      Value shift = matchFactor(difference.getRhs(), factor);
      auto mean = shift ? matchMean(shift) : std::nullopt;
      auto parts = factor.getDefiningOp<MulOp>();
      if (!mean || mean->first != x || !parts)
        continue;
      for (auto [inverse, scale] :
           {std::pair(parts.getLhs(), parts.getRhs()), {parts.getRhs(), parts.getLhs()}}) {
        std::optional<Deviation> deviation = matchInverseDeviation(inverse);
        int64_t rank = op.getType().getRank();
        if (!deviation || deviation->axis != mean->second ||
            matchCentered(deviation->x, deviation->axis) != x || x.getType() != op.getType() ||
            !variesOnlyFrom(scale, deviation->axis, rank) ||
            !variesOnlyFrom(difference.getLhs(), deviation->axis, rank))
          continue;
        rewriter.replaceOpWithNewOp<LayerNormOp>(op, op.getType(), x, scale, difference.getLhs(),
                                                 rewriter.getI64IntegerAttr(deviation->axis),
                                                 epsilonAttr(rewriter, deviation->epsilon));
        return success();
      }
    }
    return failure();
  }

  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    if (succeeded(match(op, op.getLhs(), op.getRhs(), rewriter)) ||
        succeeded(match(op, op.getRhs(), op.getLhs(), rewriter)))
      return success();
    return rewriter.notifyMatchFailure(op,
                                       "is not a normalization with its factors multiplied out");
  }
};

/// e^(x - max(x)) / sum(e^(x - max(x))) -> softmax(x)
struct RecognizeSoftmax : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    auto power = op.getLhs().getDefiningOp<ExpOp>();
    auto sum = op.getRhs().getDefiningOp<ReduceOp>();
    if (!power || !sum || sum.getKind() != ReduceKind::Sum || sum.getAxes().size() != 1 ||
        sum.getOperand() != power.getResult())
      return rewriter.notifyMatchFailure(op, "is not a power over the sum of all powers");
    auto shifted = power.getOperand().getDefiningOp<SubOp>();
    auto maximum = shifted ? shifted.getRhs().getDefiningOp<ReduceOp>() : nullptr;
    if (!maximum || maximum.getKind() != ReduceKind::Max ||
        maximum.getOperand() != shifted.getLhs() || maximum.getAxes() != sum.getAxes())
      return rewriter.notifyMatchFailure(op, "the maximum is not subtracted");
    rewriter.replaceOpWithNewOp<SoftmaxOp>(op, op.getType(), shifted.getLhs(), sum.getAxes()[0]);
    return success();
  }
};

} // namespace

void populateRecognizeNormsPatterns(RewritePatternSet &patterns) {
  patterns.add<RecognizeQuotient, RecognizeProduct, RecognizeCentered, AbsorbScale<LayerNormOp>,
               AbsorbScale<RMSNormOp>, AbsorbBias<LayerNormOp>, AbsorbBias<RMSNormOp>,
               RecognizeFactored, RecognizeSoftmax>(patterns.getContext());
}

} // namespace tenon
