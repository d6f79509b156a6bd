// Attention in its long-hand form:
//
//   softmax(where(m, Q K' * c, f) + b) V  ->  attention(Q, K, V) mask m bias b
//
// Between the first product and softmax stand, in any order, products and quotients with numbers,
// sums and selections. They are read from the inside out, each of them changing what the scores are
// (a factor behind a sum is one of both terms). A tensor of factors that differ from key to key
// belongs to the keys: (Q K') f = Q (K f')'. Products may also be those of keys and queries,
// turned before or after the softmax.

#include "passes/Graph/Matching.h"
#include "passes/Graph/Recognize.h"

using namespace mlir;

namespace tenon {

namespace {

/// where(mask, Q (K * keyFactor)' * scale, masked) + bias.
struct Scores {
  double scale = 1;
  /// Broadcasts to the scores, of which it is the same for all queries.
  Value keyFactor;
  Value mask, bias;
  double masked = -HUGE_VAL;
};

/// The product that all scores come from. `turned`: its left operand are the keys, and it is
/// transposed before anything else.
struct Products {
  MatMulOp op;
  bool turned = false;
};

/// An op between the first product and softmax: the operand that leads to the product is `inner`.
struct Step {
  Operation *op;
  Value inner;
};

class AttentionMatcher {
public:
  explicit AttentionMatcher(PatternRewriter &rewriter) : rewriter(rewriter) {}

  /// The product, and the steps from it to `scores`.
  Products findProducts(Value scores, SmallVectorImpl<Step> &steps);
  /// What the steps make of the product; fails if that is not of the form of attention. Without
  /// `build` that is all it finds out: no op is built, and biases are not what they should be.
  FailureOr<Scores> apply(ArrayRef<Step> steps, bool build);

private:
  LogicalResult apply(const Step &step, Scores &scores);
  LogicalResult multiply(double factor, Scores &scores);
  LogicalResult multiplyKeys(Value factor, Scores &scores);
  LogicalResult add(Value term, Scores &scores);
  LogicalResult select(SelectOp op, Value inner, Scores &scores);
  template <typename OpT> Value make(ValueRange operands, Type elementType);
  Value scalar(Type elementType, double value);

  PatternRewriter &rewriter;
  bool builds = false;
};

template <typename OpT> Value AttentionMatcher::make(ValueRange operands, Type elementType) {
  if (!builds)
    return operands.front();
  SmallVector<DimExprs> dims;
  for (Value operand : operands)
    dims.push_back(getDims(operand.getType()));
  FailureOr<DimExprs> all = broadcastDims(dims, rewriter.getContext());
  assert(succeeded(all) && "operands broadcast to scores");
  return OpT::create(rewriter, operands[0].getLoc(), makeTensorType(*all, elementType), operands);
}

Value AttentionMatcher::scalar(Type elementType, double value) {
  if (!builds)
    return nullptr;
  auto type = RankedTensorType::get({}, elementType);
  return ConstantOp::create(
      rewriter, rewriter.getUnknownLoc(), type,
      DenseElementsAttr::get(type, rewriter.getFloatAttr(elementType, value).getValue()));
}

/// The identity with the last two dimensions exchanged.
SmallVector<int64_t> swapLast(int64_t rank) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[rank - 1], order[rank - 2]);
  return order;
}

Products AttentionMatcher::findProducts(Value scores, SmallVectorImpl<Step> &steps) {
  Operation *op = scores.getDefiningOp();
  if (!op || !op->hasOneUse())
    return {};
  if (auto product = dyn_cast<MatMulOp>(op))
    return {product};
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    auto product = transpose.getOperand().getDefiningOp<MatMulOp>();
    bool turns = transpose.getPermutation() == ArrayRef(swapLast(transpose.getType().getRank()));
    return product && product->hasOneUse() && turns ? Products{product, true} : Products();
  }
  if (!isa<MulOp, DivOp, AddOp, SubOp, SelectOp>(op))
    return {};
  for (Value operand : op->getOperands()) {
    // What broadcasts is not the scores.
    if (!areCompatibleTypes(operand.getType(), scores.getType()))
      continue;
    size_t before = steps.size();
    if (Products products = findProducts(operand, steps); products.op) {
      steps.push_back({op, operand});
      return products;
    }
    steps.truncate(before);
  }
  return {};
}

bool isOne(AffineExpr dim) {
  auto constant = dyn_cast<AffineConstantExpr>(dim);
  return constant && constant.getValue() == 1;
}

LogicalResult AttentionMatcher::multiplyKeys(Value factor, Scores &scores) {
  DimExprs dims = getDims(factor.getType());
  if (scores.keyFactor || scores.mask || dims.size() < 2 || !isOne(dims[dims.size() - 2]))
    return failure();
  scores.keyFactor = factor;
  if (scores.bias)
    scores.bias = make<MulOp>({scores.bias, factor}, getElementTypeOrSelf(factor));
  return success();
}

LogicalResult AttentionMatcher::multiply(double factor, Scores &scores) {
  if (!(factor > 0) || std::isinf(factor))
    return failure(); // would turn minus infinity around
  scores.scale *= factor;
  scores.masked *= factor;
  if (scores.bias) {
    Type type = getElementTypeOrSelf(scores.bias);
    scores.bias = make<MulOp>({scores.bias, scalar(type, factor)}, type);
  }
  return success();
}

LogicalResult AttentionMatcher::add(Value term, Scores &scores) {
  scores.bias = scores.bias ? make<AddOp>({scores.bias, term}, getElementTypeOrSelf(term)) : term;
  return success();
}

/// where(m, s + b, f) = where(m, s, f) + where(m, b, 0).
LogicalResult AttentionMatcher::select(SelectOp op, Value inner, Scores &scores) {
  bool keepsTrue = op->getOperand(1) == inner;
  std::optional<double> other = getSplat(op->getOperand(keepsTrue ? 2 : 1));
  if (scores.mask || !other || op->getOperand(0) == inner)
    return failure();
  Value mask = op->getOperand(0);
  if (!keepsTrue)
    mask = make<NotOp>(mask, getElementTypeOrSelf(mask));
  if (scores.bias) {
    Type type = getElementTypeOrSelf(scores.bias);
    Value zero = scalar(type, 0);
    scores.bias = make<SelectOp>({mask, scores.bias, zero}, type);
  }
  scores.mask = mask;
  scores.masked = *other;
  return success();
}

LogicalResult AttentionMatcher::apply(const Step &step, Scores &scores) {
  if (auto op = dyn_cast<SelectOp>(step.op))
    return select(op, step.inner, scores);
  bool isFirst = step.op->getOperand(0) == step.inner;
  Value other = step.op->getOperand(isFirst ? 1 : 0);
  std::optional<double> number = getSplat(other);
  if (isa<MulOp>(step.op))
    return number ? multiply(*number, scores) : multiplyKeys(other, scores);
  if (isa<DivOp>(step.op))
    return number && isFirst ? multiply(1 / *number, scores) : failure();
  if (isa<AddOp>(step.op))
    return add(other, scores);
  if (!isFirst)
    return failure();
  return add(make<NegOp>(other, getElementTypeOrSelf(other)), scores);
}

FailureOr<Scores> AttentionMatcher::apply(ArrayRef<Step> steps, bool build) {
  builds = build;
  Scores scores;
  for (const Step &step : steps)
    if (failed(apply(step, scores)))
      return failure();
  return scores;
}

/// Whether queries, keys and values are what one attention takes, without any of them broadcasting
/// where it cannot.
bool areOperands(Value queries, Value keys, Value values, int64_t rank) {
  DimExprs q = getDims(queries.getType()), k = getDims(keys.getType());
  DimExprs v = getDims(values.getType());
  size_t size = rank;
  if ((rank != 3 && rank != 4) || q.size() != size || k.size() != size || v.size() != size)
    return false;
  for (size_t i = 0; i + 2 < size; ++i) {
    bool isHeads = i + 3 == size;
    if (isOne(q[i]) && !(isOne(k[i]) && isOne(v[i])))
      return false;
    if (isHeads && isOne(k[i]) != isOne(v[i]))
      return false;
  }
  return true;
}

struct RecognizeAttention : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    int64_t rank = op.getType().getRank();
    Value lhs = op.getLhs();
    auto transpose = lhs.getDefiningOp<TransposeOp>();
    if (transpose && transpose->hasOneUse() &&
        transpose.getPermutation() == ArrayRef(swapLast(rank)))
      lhs = transpose.getOperand();
    bool isTurned = lhs != op.getLhs();
    auto weights = lhs.getDefiningOp<SoftmaxOp>();
    if (!weights || !weights->hasOneUse() || op.getTransposeRhs() ||
        weights.getAxis() != static_cast<uint64_t>(rank) - (isTurned ? 2 : 1))
      return rewriter.notifyMatchFailure(op, "does not weight values by softmax");
    AttentionMatcher matcher(rewriter);
    SmallVector<Step> steps;
    auto [products, turned] = matcher.findProducts(weights.getOperand(), steps);
    if (!products)
      return rewriter.notifyMatchFailure(op, "scores are not products of queries and keys");
    turned ^= isTurned;
    Value queries = turned ? products.getRhs() : products.getLhs();
    Value keys = turned ? products.getLhs() : products.getRhs();
    if (!areOperands(queries, keys, op.getRhs(), rank))
      return rewriter.notifyMatchFailure(op, "operands broadcast against each other");
    if (!isa<FloatType>(op.getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "is not computed in floating point");
    FailureOr<Scores> scores = matcher.apply(steps, /*build=*/false);
    if (failed(scores) || (scores->keyFactor && !fitsKeys(scores->keyFactor, keys)))
      return rewriter.notifyMatchFailure(op, "scores are not of the form of attention");
    if (isTurned && (scores->keyFactor || scores->mask || scores->bias))
      return rewriter.notifyMatchFailure(op, "masks and biases would have to be turned");
    scores = matcher.apply(steps, /*build=*/true);
    // Where the right operand is not transposed, its rows are columns.
    DenseI64ArrayAttr order;
    if (!products.getTransposeRhs())
      order = rewriter.getDenseI64ArrayAttr(swapLast(rank));
    AttentionOp::Properties properties;
    properties.scale = rewriter.getF64FloatAttr(scores->scale);
    properties.masked = rewriter.getF64FloatAttr(scores->masked);
    (turned ? properties.queryOrder : properties.keyOrder) = order;
    if (scores->keyFactor)
      keys = multiplyKeys(rewriter, keys, scores->keyFactor, /*areColumns=*/order && !turned);
    SmallVector<Value> operands = {queries, keys, op.getRhs()};
    for (Value operand : {scores->mask, scores->bias})
      if (operand)
        operands.push_back(operand);
    properties.operandSegmentSizes = {1, 1, 1, scores->mask ? 1 : 0, scores->bias ? 1 : 0};
    auto loc = rewriter.getFusedLoc({products.getLoc(), weights.getLoc(), op.getLoc()});
    rewriter.replaceOp(
        op, AttentionOp::create(rewriter, loc, TypeRange(op.getType()), operands, properties));
    return success();
  }

  /// Whether the factor has no batch or heads that the keys do not have.
  static bool fitsKeys(Value factor, Value keys) {
    DimExprs own = getDims(factor.getType()), all = getDims(keys.getType());
    own.pop_back_n(2);
    all.pop_back_n(2);
    return own.size() <= all.size() &&
           llvm::all_of(llvm::zip(llvm::reverse(own), llvm::reverse(all)), [](auto pair) {
             return isOne(std::get<0>(pair)) || std::get<0>(pair) == std::get<1>(pair);
           });
  }

  /// `factor` is [.., 1, T]; keys are [.., T, d], or columns.
  static Value multiplyKeys(PatternRewriter &rewriter, Value keys, Value factor, bool areColumns) {
    if (!areColumns) {
      DimExprs dims = getDims(factor.getType());
      std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
      Type type = makeTensorType(dims, getElementTypeOrSelf(factor.getType()));
      factor = ReshapeOp::create(rewriter, factor.getLoc(), type, factor);
    }
    return MulOp::create(rewriter, keys.getLoc(), keys.getType(), keys, factor);
  }
};

/// A number that multiplies queries or keys multiplies the scores.
struct AbsorbScale : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    for (OpOperand *operand : {&op.getQueriesMutable(), &op.getKeysMutable()}) {
      auto product = matchWithSplat<MulOp>(operand->get());
      if (!product || product->first.getType() != operand->get().getType() ||
          !std::isfinite(product->second))
        continue;
      double scale = op.getScale().convertToDouble() * product->second;
      rewriter.modifyOpInPlace(op, [&] {
        operand->set(product->first);
        op.setScaleAttr(rewriter.getF64FloatAttr(scale));
      });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "neither queries nor keys have a factor");
  }
};

} // namespace

void populateRecognizeAttentionPatterns(RewritePatternSet &patterns) {
  patterns.add<RecognizeAttention, AbsorbScale>(patterns.getContext());
  AttentionOp::getCanonicalizationPatterns(patterns, patterns.getContext());
}

} // namespace tenon
