// Activations in their long-hand forms.
//
// gelu(x) = x/2 (1 + t) with t = erf(x / sqrt 2) or tanh(sqrt(2/pi) (x + 0.044715 x^3)) is written
// in many orders and groupings. They all are the same polynomial in x and t, and t's argument is a
// polynomial in x: so both are multiplied out and compared by their coefficients.

#include "passes/Graph/Matching.h"
#include "passes/Graph/Recognize.h"
#include <cmath>
#include <map>

using namespace mlir;

namespace tenon {

namespace {

/// Coefficients by the powers of the two variables.
using Polynomial = std::map<std::pair<int, int>, double>;

constexpr int kMaxPower = 4, kMaxDepth = 8;

std::optional<Polynomial> multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial result;
  for (auto [left, leftFactor] : a)
    for (auto [right, rightFactor] : b) {
      std::pair power(left.first + right.first, left.second + right.second);
      if (power.first > kMaxPower || power.second > kMaxPower)
        return std::nullopt;
      result[power] += leftFactor * rightFactor;
    }
  return result;
}

/// `value` multiplied out, if it consists of arithmetic on `x`, `t` and constants.
std::optional<Polynomial> expand(Value value, Value x, Value t, int depth = 0) {
  if (value == x)
    return Polynomial{{{1, 0}, 1.0}};
  if (value == t)
    return Polynomial{{{0, 1}, 1.0}};
  if (std::optional<double> splat = getSplat(value))
    return Polynomial{{{0, 0}, *splat}};
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<AddOp, SubOp, MulOp, DivOp>(op) || depth == kMaxDepth)
    return std::nullopt;
  std::optional<Polynomial> left = expand(op->getOperand(0), x, t, depth + 1);
  std::optional<Polynomial> right =
      left ? expand(op->getOperand(1), x, t, depth + 1) : std::nullopt;
  if (!right)
    return std::nullopt;
  if (isa<MulOp>(op))
    return multiply(*left, *right);
  if (isa<DivOp>(op)) {
    if (right->size() != 1 || right->begin()->first != std::pair(0, 0))
      return std::nullopt;
    for (auto &[power, factor] : *left)
      factor /= right->begin()->second;
    return left;
  }
  for (auto [power, factor] : *right)
    (*left)[power] += isa<SubOp>(op) ? -factor : factor;
  return left;
}

/// Whether the polynomials agree up to the rounding of constants in `elementType`.
bool areEqual(Polynomial actual, const Polynomial &expected, Type elementType) {
  double tolerance = elementType.isF64() || elementType.isF32() ? 1e-5
                     : elementType.isF16()                      ? 1e-3
                                                                : 1e-2;
  for (auto [power, factor] : expected) {
    if (std::abs(actual[power] - factor) > tolerance * std::abs(factor))
      return false;
    actual.erase(power);
  }
  return llvm::all_of(actual, [](auto &term) { return term.second == 0; });
}

/// What erf or tanh is applied to in gelu.
Polynomial argumentOf(bool approximate) {
  constexpr double kSqrtHalf = 0.70710678118654752440, kSqrtTwoOverPi = 0.79788456080286535588;
  if (approximate)
    return {{{1, 0}, kSqrtTwoOverPi}, {{3, 0}, kSqrtTwoOverPi * 0.044715}};
  return {{{1, 0}, kSqrtHalf}};
}

/// The values that `value` is computed from by arithmetic.
void collectVariables(Value value, SetVector<Value> &variables, int depth = 0) {
  if (getSplat(value) || depth == kMaxDepth)
    return;
  variables.insert(value);
  if (Operation *op = value.getDefiningOp(); isa_and_nonnull<AddOp, SubOp, MulOp, DivOp>(op))
    for (Value operand : op->getOperands())
      collectVariables(operand, variables, depth + 1);
}

/// The x of which `curve`, an erf or tanh, is the one in gelu.
Value matchCurve(Operation *curve) {
  bool approximate = isa<TanhOp>(curve);
  SetVector<Value> variables;
  collectVariables(curve->getOperand(0), variables);
  for (Value x : variables) {
    std::optional<Polynomial> argument = expand(curve->getOperand(0), x, nullptr);
    if (argument && areEqual(*argument, argumentOf(approximate), getElementTypeOrSelf(x.getType())))
      return x;
  }
  return nullptr;
}

/// Any product or sum that multiplies out to x/2 + x/2 t -> gelu(x)
template <typename OpT> struct RecognizeGelu : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    Type elementType = op.getType().getElementType();
    if (!isa<FloatType>(elementType))
      return rewriter.notifyMatchFailure(op, "is not floating point");
    SetVector<Value> variables;
    collectVariables(op.getResult(), variables);
    for (Value t : variables) {
      Operation *curve = t.getDefiningOp();
      if (!isa_and_nonnull<ErfOp, TanhOp>(curve))
        continue;
      Value x = matchCurve(curve);
      std::optional<Polynomial> product =
          x && x.getType() == op.getType() ? expand(op.getResult(), x, t) : std::nullopt;
      if (!product || !areEqual(*product, {{{1, 0}, 0.5}, {{1, 1}, 0.5}}, elementType))
        continue;
      auto gelu = rewriter.replaceOpWithNewOp<GeluOp>(op, x);
      gelu.setApproximate(isa<TanhOp>(curve));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "does not multiply out to gelu");
  }
};

/// x * sigmoid(x) -> silu(x)
struct RecognizeSilu : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    for (auto [x, gate] : {std::pair(op.getLhs(), op.getRhs()), {op.getRhs(), op.getLhs()}}) {
      auto sigmoid = gate.getDefiningOp<SigmoidOp>();
      if (!sigmoid || sigmoid.getOperand() != x)
        continue;
      rewriter.replaceOpWithNewOp<SiluOp>(op, x);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is not x sigmoid(x)");
  }
};

/// 1 / (1 + e^-x) -> sigmoid(x)
struct RecognizeSigmoid : OpRewritePattern<ReciprocalOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReciprocalOp op, PatternRewriter &rewriter) const override {
    auto sum = matchWithSplat<AddOp>(op.getOperand());
    auto power = sum && sum->second == 1 ? sum->first.getDefiningOp<ExpOp>() : nullptr;
    auto negated = power ? power.getOperand().getDefiningOp<NegOp>() : nullptr;
    if (!negated || negated.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "is not 1 / (1 + e^-x)");
    rewriter.replaceOpWithNewOp<SigmoidOp>(op, negated.getOperand());
    return success();
  }
};

} // namespace

void populateRecognizeActivationsPatterns(RewritePatternSet &patterns) {
  patterns.add<RecognizeGelu<MulOp>, RecognizeGelu<AddOp>, RecognizeSilu, RecognizeSigmoid>(
      patterns.getContext());
}

} // namespace tenon
