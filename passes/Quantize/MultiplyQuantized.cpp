// Multiplies quantized tensors as integers.
//
// QDQ models compute with floats that were bytes a moment ago. What they mean is
//
//     sum (a - za) sa (b - zb) sb  =  sa sb * sum (a - za)(b - zb)
//
// if the scales are the same for all that a result sums over. The sum of integers is exact where
// the floats' is rounded at each step, and instructions multiply bytes several times as fast. It is
// written as the importer writes QLinearConv and the like, in i32, and takes the same way from here
// (tenon-form-integer-contractions).
//
// What follows is as ONNX Runtime's QLinearConv has it: a quantized bias joins the sum of integers,
// and where the result is quantized again, the sum is multiplied once, by sa sb / s.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Quantize/Parameters.h"
#include "passes/Quantize/Passes.h"
#include <cmath>

namespace tenon {

#define GEN_PASS_DEF_MULTIPLYQUANTIZEDPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// The largest |q - zero|.
double getMagnitude(DequantizeOp op) {
  ElementRange range = getElementRange(op.getOperand());
  ElementRange zero =
      op.getZero() ? getElementRange(op.getZero()) : ElementRange{0, 0, /*isIntegral=*/true};
  return std::max(range.high - zero.low, zero.high - range.low);
}

/// How many products a result of a contraction sums; nullopt if a run tells.
std::optional<int64_t> countProducts(Operation *op) {
  DimExprs dims;
  if (auto conv = dyn_cast<ConvOp>(op)) {
    dims = getDims(conv.getWeights().getType());
    dims.pop_back();
  } else {
    dims = {getDims(op->getOperand(0).getType()).back()};
  }
  std::optional<SmallVector<int64_t>> sizes = getConstantDims(dims);
  if (!sizes)
    return std::nullopt;
  int64_t count = 1;
  for (int64_t size : *sizes)
    count *= size;
  return count;
}

/// q - zero as integers of 32 bits.
Value makeDifference(const DecomposeBuilder &make, DequantizeOp op) {
  Type i32 = make.b.getI32Type();
  Value wide = make.cast(op.getOperand(), i32);
  return op.getZero() ? make.make<SubOp>({wide, make.cast(op.getZero(), i32)}) : wide;
}

/// contraction(dequantize(a), dequantize(b)) -> cast(contraction(a - za, b - zb)) * (sa * sb)
template <typename OpT> struct MultiplyIntegers : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    DequantizeOp sources[2];
    for (unsigned i : {0, 1}) {
      sources[i] = op->getOperand(i).template getDefiningOp<DequantizeOp>();
      if (!sources[i] || !readsIntegers(sources[i]) || !keepsShape(sources[i]))
        return rewriter.notifyMatchFailure(op, "an operand is not dequantized");
    }
    std::optional<int64_t> count = countProducts(op);
    constexpr double most = std::numeric_limits<int32_t>::max();
    if (!count || *count * getMagnitude(sources[0]) * getMagnitude(sources[1]) > most)
      return rewriter.notifyMatchFailure(op, "32 bits may not hold the sum");
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value scales[2];
    for (unsigned i : {0, 1}) {
      scales[i] = alignWithResult(make, op, i, sources[i].getScale());
      if (!scales[i])
        return rewriter.notifyMatchFailure(op, "scales differ within a sum");
    }
    Value operands[] = {makeDifference(make, sources[0]), makeDifference(make, sources[1])};
    Operation *product = rewriter.clone(*op);
    product->setOperands(operands);
    auto type = cast<RankedTensorType>(op.getType());
    product->getResult(0).setType(type.clone(rewriter.getI32Type()));
    Value sum = make.cast(product->getResult(0), type.getElementType());
    Value scale = make.make<MulOp>({scales[0], scales[1]});
    rewriter.replaceOp(op, make.make<MulOp>({sum, scale}));
    return success();
  }
};

/// The product of an integer's float and a scale, or null.
struct ScaledInteger {
  MulOp product;
  CastOp cast;

  explicit ScaledInteger(Value value) : product(value.getDefiningOp<MulOp>()) {
    if (product)
      cast = product.getLhs().getDefiningOp<CastOp>();
    if (!cast || !getElementTypeOrSelf(cast.getOperand()).isSignlessInteger(32) ||
        cast.getType() != product.getType())
      product = nullptr;
  }
};

/// The elements of a parameter that constants alone give, in order; nullopt if it is none.
std::optional<SmallVector<float>> readParameter(Value value) {
  constexpr int64_t most = 1 << 16;
  if (auto constant = value.getDefiningOp<ConstantOp>()) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!elements || elements.getNumElements() > most)
      return std::nullopt;
    return llvm::to_vector(elements.getValues<float>());
  }
  if (auto reshape = value.getDefiningOp<ReshapeOp>())
    return readParameter(reshape.getOperand());
  auto product = value.getDefiningOp<MulOp>();
  if (!product)
    return std::nullopt;
  auto a = readParameter(product.getLhs()), b = readParameter(product.getRhs());
  if (!a || !b || (a->size() != b->size() && a->size() != 1 && b->size() != 1))
    return std::nullopt;
  SmallVector<float> result;
  for (size_t i = 0; i < std::max(a->size(), b->size()); ++i)
    result.push_back((*a)[a->size() == 1 ? 0 : i] * (*b)[b->size() == 1 ? 0 : i]);
  return result;
}

/// Whether parameters are the same but for roundings: who writes a model computes the scales of
/// biases.
bool isSameScale(Value a, Value b) {
  constexpr float tolerance = 1e-5f;
  auto left = readParameter(a), right = readParameter(b);
  if (!left || !right || (left->size() != right->size() && right->size() != 1))
    return false;
  for (auto [i, scale] : llvm::enumerate(*left)) {
    float other = (*right)[right->size() == 1 ? 0 : i];
    if (!(std::abs(scale - other) <= tolerance * std::abs(scale)))
      return false;
  }
  return true;
}

/// cast(sum) * s + dequantize(bias, s) -> cast(sum + bias) * s
struct AddQuantizedBias : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    for (auto [value, bias] : {std::pair(op.getLhs(), op.getRhs()), {op.getRhs(), op.getLhs()}}) {
      ScaledInteger sum(value);
      if (!sum.product || !sum.product->hasOneUse() || op.getType() != sum.product.getType())
        continue;
      auto reshape = bias.getDefiningOp<ReshapeOp>();
      auto source = (reshape ? reshape.getOperand() : bias).getDefiningOp<DequantizeOp>();
      if (!source || !getElementTypeOrSelf(source.getOperand()).isSignlessInteger(32) ||
          (source.getZero() && getSplat(source.getZero()) != 0.0) ||
          source.getOperand().getType().getShape() != source.getType().getShape() ||
          !isSameScale(sum.product.getRhs(), source.getScale()))
        continue;
      DecomposeBuilder make{rewriter, op.getLoc()};
      Value integers = make.reshape(source.getOperand(), getDims(bias.getType()));
      Value both = make.make<AddOp>({sum.cast.getOperand(), integers});
      rewriter.replaceOp(
          op, make.make<MulOp>({make.cast(both, rewriter.getF32Type()), sum.product.getRhs()}));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no quantized bias of a scaled sum");
  }
};

/// Divides what ends in a scaled integer by a positive constant, in the constants on the way to it.
class Divider {
public:
  Divider(const DecomposeBuilder &make, double divisor) : make(make), divisor(divisor) {}

  /// Whether there is such a way, with nobody else on it.
  static bool applies(Value value) {
    if (!value.hasOneUse())
      return false;
    if (ScaledInteger(value).product)
      return true;
    if (auto relu = value.getDefiningOp<ReluOp>())
      return applies(relu.getOperand());
    Operation *op = value.getDefiningOp();
    return op && isa<AddOp, MaxOp, MinOp>(op) && isConstantValue(op->getOperand(1)) &&
           op->getOperand(0).getType() == value.getType() && applies(op->getOperand(0));
  }

  Value divide(Value value) const {
    if (ScaledInteger scaled(value); scaled.product)
      return make.make<MulOp>({scaled.product.getLhs(), divideConstant(scaled.product.getRhs())});
    if (auto relu = value.getDefiningOp<ReluOp>())
      return make.make<ReluOp>({divide(relu.getOperand())});
    Operation *op = value.getDefiningOp();
    Value operands[] = {divide(op->getOperand(0)), divideConstant(op->getOperand(1))};
    return llvm::TypeSwitch<Operation *, Value>(op).Case<AddOp, MaxOp, MinOp>(
        [&](auto each) { return make.make<std::remove_reference_t<decltype(each)>>(operands); });
  }

private:
  Value divideConstant(Value value) const {
    return make.make<DivOp>({value, make.scalar(value, divisor)});
  }

  const DecomposeBuilder &make;
  double divisor;
};

/// quantize(cast(sum) * s, scale) -> quantize(cast(sum) * (s / scale), 1)
struct Requantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    std::optional<double> scale = getSplat(op.getScale());
    if (!scale || !(*scale > 0) || !std::isfinite(*scale) || *scale == 1.0)
      return rewriter.notifyMatchFailure(op, "scale is no number to divide by");
    if (!Divider::applies(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "operand is no scaled sum");
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value divided = Divider(make, *scale).divide(op.getOperand());
    rewriter.modifyOpInPlace(op, [&] {
      op.getOperandMutable().assign(divided);
      op.getScaleMutable().assign(make.scalar(divided, 1));
    });
    return success();
  }
};

struct MultiplyQuantized : impl::MultiplyQuantizedPassBase<MultiplyQuantized> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns
        .add<MultiplyIntegers<MatMulOp>, MultiplyIntegers<ConvOp>, AddQuantizedBias, Requantize>(
            &getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns),
                             "multiplying quantized values does")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
