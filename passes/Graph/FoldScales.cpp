// Folds what a batch normalization comes down to into the weights in front of it.
//
// A contraction is linear in its weights, so factors per output channel can be applied to them
// instead: (x . W) * s = x . (W * s). Constants added after it join into one bias:
//
//   ((x . W) + a) * s + b  =  x . (W * s) + (a * s + b)
//
// The arithmetic on constants is written as ordinary ops; folding constants computes it.

#include "mlir/IR/PatternMatch.h"
#include "passes/Graph/Matching.h"
#include "passes/Graph/Passes.h"
#include "passes/Graph/RewriteToRest.h"

namespace tenon {

#define GEN_PASS_DEF_FOLDSCALESPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

/// A constant that broadcasts along the channels of `like` without widening it.
bool isPerChannel(Value constant, Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  auto own = cast<RankedTensorType>(constant.getType());
  if (!isConstantValue(constant) || own.getRank() > type.getRank() || !own.hasStaticShape())
    return false;
  if (own.getRank() == 0)
    return true;
  int64_t channels = own.getShape().back();
  return own.getNumElements() == channels && (channels == 1 || channels == type.getShape().back());
}

/// The contraction that computes `value`, if only `value`'s one user needs it, its weights are
/// constant and its arithmetic rounds (in integers, scaling could overflow).
Operation *getFoldableContraction(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !value.hasOneUse() || !isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return nullptr;
  if (auto conv = dyn_cast<ConvOp>(op))
    return isConstantValue(conv.getWeights()) ? op : nullptr;
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return isConstantValue(matmul.getRhs()) ? op : nullptr;
  return nullptr;
}

/// Operands of a commutative op with the per-channel constant second.
template <typename OpT> std::optional<std::pair<Value, Value>> matchPerChannel(OpT op) {
  if (isPerChannel(op.getRhs(), op.getLhs()))
    return {{op.getLhs(), op.getRhs()}};
  if (isPerChannel(op.getLhs(), op.getRhs()))
    return {{op.getRhs(), op.getLhs()}};
  return std::nullopt;
}

bool isOrWasBiased(Value value) {
  if (getFoldableContraction(value))
    return true;
  auto add = value.getDefiningOp<AddOp>();
  if (!add || !value.hasOneUse())
    return false;
  auto parts = matchPerChannel(add);
  return parts && getFoldableContraction(parts->first);
}

/// The scale as weights need it: one factor per channel, along the weights' channel dimension.
Value alongWeights(PatternRewriter &rewriter, Operation *contraction, Value scale) {
  auto type = cast<RankedTensorType>(scale.getType());
  SmallVector<int64_t> shape = {type.getNumElements()};
  if (auto matmul = dyn_cast<MatMulOp>(contraction); matmul && matmul.getTransposeRhs())
    shape.push_back(1);
  return rewriter.createOrFold<ReshapeOp>(
      scale.getLoc(), RankedTensorType::get(shape, type.getElementType()), scale);
}

/// (x . W) * s -> x . (W * s)
struct ScaleWeights : OpRewritePattern<MulOp> {
  ScaleWeights(MLIRContext *context, Pass::Statistic &numFolded)
      : OpRewritePattern(context), numFolded(numFolded) {}
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    auto parts = matchPerChannel(op);
    if (!parts)
      return rewriter.notifyMatchFailure(op, "no operand is a constant per channel");
    Operation *contraction = getFoldableContraction(parts->first);
    if (!contraction)
      return rewriter.notifyMatchFailure(op, "does not scale a contraction of its own");
    Value weights = contraction->getOperand(1);
    if (getElementTypeOrSelf(weights) != getElementTypeOrSelf(parts->second))
      return rewriter.notifyMatchFailure(op, "weights are kept as halves");
    Value scale = alongWeights(rewriter, contraction, parts->second);
    Value scaled = MulOp::create(rewriter, op.getLoc(), weights, scale);
    Operation *twin = rewriter.clone(*contraction);
    twin->setOperand(1, scaled);
    twin->setLoc(rewriter.getFusedLoc({contraction->getLoc(), op.getLoc()}));
    rewriter.replaceOp(op, twin->getResults());
    ++numFolded;
    return success();
  }

  Pass::Statistic &numFolded;
};

/// ((x . W) + a) * s -> (x . W) * s + a * s
struct ScaleBias : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    auto parts = matchPerChannel(op);
    auto add = parts ? parts->first.getDefiningOp<AddOp>() : nullptr;
    if (!add || !isOrWasBiased(add))
      return rewriter.notifyMatchFailure(op, "does not scale a contraction with a bias");
    auto [contraction, bias] = *matchPerChannel(add);
    Value scaled = MulOp::create(rewriter, op.getLoc(), contraction, parts->second);
    Value scaledBias = MulOp::create(rewriter, op.getLoc(), bias, parts->second);
    rewriter.replaceOpWithNewOp<AddOp>(op, scaled, scaledBias);
    return success();
  }
};

/// ((x . W) + a) + b -> (x . W) + (a + b)
struct JoinBiases : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    auto parts = matchPerChannel(op);
    auto add = parts ? parts->first.getDefiningOp<AddOp>() : nullptr;
    if (!add || !isOrWasBiased(add))
      return rewriter.notifyMatchFailure(op, "does not add to a contraction with a bias");
    auto [contraction, bias] = *matchPerChannel(add);
    Value joined = AddOp::create(rewriter, op.getLoc(), bias, parts->second);
    rewriter.replaceOpWithNewOp<AddOp>(op, contraction, joined);
    return success();
  }
};

/// y - c -> y + -c
struct SubToAdd : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SubOp op, PatternRewriter &rewriter) const override {
    if (!isPerChannel(op.getRhs(), op.getLhs()) || !isOrWasBiased(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "does not shift a contraction");
    Value negated = NegOp::create(rewriter, op.getLoc(), op.getRhs());
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getLhs(), negated);
    return success();
  }
};

/// y / c -> y * (1 / c)
struct DivToMul : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    if (!isPerChannel(op.getRhs(), op.getLhs()) || !isOrWasBiased(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "does not divide a contraction");
    Value inverse = ReciprocalOp::create(rewriter, op.getLoc(), op.getRhs());
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getLhs(), inverse);
    return success();
  }
};

struct FoldScales : impl::FoldScalesPassBase<FoldScales> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ScaleWeights>(&getContext(), numFolded);
    patterns.add<ScaleBias, JoinBiases, SubToAdd, DivToMul>(&getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "scales do")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
