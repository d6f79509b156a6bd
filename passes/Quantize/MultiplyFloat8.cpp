// Multiplies floats of 8 bits as they are.
//
// Models that are quantized to such floats compute with what they are scaled to. What they mean is
//
//     sum (a sa) (b sb)  =  sa sb * sum a b
//
// if the scales are the same for all that a result sums over. Products of such numbers are exact in
// f32, and so are they in the matrix units of a target that takes them; others take halves, which
// hold all numbers of both kinds (E4M3 without infinities, and E5M2). Sums are f32 in any case, and
// scales have no part in what is rounded on the way.
//
// What takes neither is left alone: weights are dequantized when the model is compiled.

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Tenon/NarrowFloat.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Quantize/Parameters.h"
#include "passes/Quantize/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_MULTIPLYFLOAT8PASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// What a value is: floats of 8 bits, times a scale if that is not null.
struct ScaledFloat8 {
  Value floats, scale;

  explicit operator bool() const { return static_cast<bool>(floats); }
};

ScaledFloat8 findFloat8(Value value) {
  if (auto op = value.getDefiningOp<DequantizeOp>()) {
    bool hasZero = op.getZero() && getSplat(op.getZero()) != 0.0;
    if (isFloat8(getElementTypeOrSelf(op.getOperand())) && keepsShape(op) && !hasZero)
      return {op.getOperand(), op.getScale()};
  } else if (auto cast = value.getDefiningOp<CastOp>()) {
    if (isFloat8(getElementTypeOrSelf(cast.getOperand())) && cast.getTo().isF32())
      return {cast.getOperand(), nullptr};
  }
  return {};
}

/// The floats as the target multiplies them.
Value toOperand(const DecomposeBuilder &make, Value floats, Float8Products how) {
  return how == Float8Products::AsHalves ? make.cast(floats, make.b.getF16Type()) : floats;
}

/// Of the ops that a target multiplies in one way or the other.
template <typename OpT> struct Float8Pattern : OpRewritePattern<OpT> {
  Float8Pattern(MLIRContext *context, const TargetStrategies &strategies, Pass::Statistic &formed)
      : OpRewritePattern<OpT>(context), strategies(strategies), numFormed(formed) {}

  Float8Products find(Operation *op) const {
    const KernelStrategy *strategy = strategies.find(op);
    return strategy ? strategy->multipliesFloat8(op, strategies.getTarget())
                    : Float8Products::Widened;
  }

  const TargetStrategies &strategies;
  Pass::Statistic &numFormed;
};

/// contraction(a * sa, b * sb) -> contraction(a, b) * (sa * sb)
template <typename OpT> struct MultiplyFloats : Float8Pattern<OpT> {
  using Float8Pattern<OpT>::Float8Pattern;

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    Float8Products how = this->find(op);
    if (how == Float8Products::Widened)
      return rewriter.notifyMatchFailure(op, "the target multiplies no such floats");
    DecomposeBuilder make{rewriter, op.getLoc()};
    SmallVector<Value> operands;
    Value scale;
    for (unsigned i : {0, 1}) {
      ScaledFloat8 source = findFloat8(op->getOperand(i));
      if (!source)
        return rewriter.notifyMatchFailure(op, "an operand was not of 8 bits");
      operands.push_back(source.floats);
      if (!source.scale)
        continue;
      Value own = alignWithResult(make, op, i, source.scale);
      if (!own)
        return rewriter.notifyMatchFailure(op, "scales differ within a sum");
      scale = scale ? make.make<MulOp>({scale, own}) : own;
    }
    for (Value &operand : operands)
      operand = toOperand(make, operand, how);
    Operation *product = rewriter.clone(*op);
    product->setOperands(operands);
    Value sum = product->getResult(0);
    rewriter.replaceOp(op, scale ? make.make<MulOp>({sum, scale}) : sum);
    ++this->numFormed;
    return success();
  }
};

/// attention(q * sq, k * sk, v * sv), scaled by s -> attention(q, k, v), scaled by s sq sk, times
/// sv
struct AttendToFloats : Float8Pattern<AttentionOp> {
  using Float8Pattern::Float8Pattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    Float8Products how = find(op);
    if (how == Float8Products::Widened || !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "the target multiplies no such floats");
    Value operands[] = {op.getQueries(), op.getKeys(), op.getValues()};
    double scales[] = {1, 1, 1};
    for (auto [operand, scale] : llvm::zip_equal(operands, scales)) {
      ScaledFloat8 source = findFloat8(operand);
      std::optional<double> number = source.scale ? getSplat(source.scale) : 1.0;
      if (!source || !number)
        return rewriter.notifyMatchFailure(op, "an operand was not of 8 bits, by one known scale");
      operand = source.floats;
      scale = *number;
    }
    DecomposeBuilder make{rewriter, op.getLoc()};
    for (Value &operand : operands)
      operand = toOperand(make, operand, how);
    auto attention = cast<AttentionOp>(rewriter.clone(*op));
    attention.getQueriesMutable().assign(operands[0]);
    attention.getKeysMutable().assign(operands[1]);
    attention.getValuesMutable().assign(operands[2]);
    attention.setScale(APFloat(op.getScale().convertToDouble() * scales[0] * scales[1]));
    Value result = attention.getResult();
    rewriter.replaceOp(
        op, scales[2] == 1 ? result : make.make<MulOp>({result, make.scalar(result, scales[2])}));
    ++numFormed;
    return success();
  }
};

struct MultiplyFloat8 : impl::MultiplyFloat8PassBase<MultiplyFloat8> {
  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    patterns.add<MultiplyFloats<MatMulOp>, MultiplyFloats<ConvOp>, AttendToFloats>(
        &getContext(), *strategies, numFormed);
    if (failed(rewriteToRest(getOperation(), std::move(patterns),
                             "multiplying floats of 8 bits does")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
