// Derivatives of pointwise ops. Where a function has a corner, its derivative is that of one side;
// of equal operands of max and min the first one counts. Steps (floor, sign) have none anywhere.

#include "lib/Importer/Ops/GradientRules.h"

using namespace mlir;

namespace tenon {

using Values = NodeImporter::Values;

namespace {
/// What the derivative of a function of one operand is made of.
struct Unary {
  TensorMath m;
  NodeImporter &node;
  Value x, y;

  Value one() { return m.scalar(x, 1); }
  Value square(Value a) { return m.mul(a, a); }
  template <typename OpT> Value apply(Value a) { return node.infer<OpT>(a); }
};
} // namespace

/// dy/dx times what comes from y.
template <typename OpT, Value (*slope)(Unary &)>
static Values multiplySlope(NodeImporter &node, OpT op, Value gradient) {
  Unary u{TensorMath(node), node, op->getOperand(0), op->getResult(0)};
  return {u.m.mul(gradient, slope(u))};
}

static Value slopeOfAbs(Unary &u) { return u.apply<SignOp>(u.x); }
static Value slopeOfSqrt(Unary &u) { return u.m.div(u.m.scalar(u.x, 0.5), u.y); }
static Value slopeOfReciprocal(Unary &u) { return u.m.neg(u.square(u.y)); }
static Value slopeOfExp(Unary &u) { return u.y; }
static Value slopeOfLog(Unary &u) { return u.m.reciprocal(u.x); }
// 2 / sqrt(pi) e^(-x^2)
static Value slopeOfErf(Unary &u) {
  return u.m.mul(u.m.exp(u.m.neg(u.square(u.x))), 1.1283791670955126);
}
// y (1 - y)
static Value slopeOfSigmoid(Unary &u) { return u.m.mul(u.y, u.m.sub(u.one(), u.y)); }
static Value slopeOfSoftplus(Unary &u) { return u.apply<SigmoidOp>(u.x); }
static Value slopeOfTanh(Unary &u) { return u.m.sub(u.one(), u.square(u.y)); }
static Value slopeOfSinh(Unary &u) { return u.apply<CoshOp>(u.x); }
static Value slopeOfCosh(Unary &u) { return u.apply<SinhOp>(u.x); }
static Value slopeOfAsinh(Unary &u) {
  return u.m.reciprocal(u.m.sqrt(u.m.add(u.square(u.x), u.one())));
}
static Value slopeOfAcosh(Unary &u) {
  return u.m.reciprocal(u.m.sqrt(u.m.sub(u.square(u.x), u.one())));
}
static Value slopeOfAtanh(Unary &u) { return u.m.reciprocal(u.m.sub(u.one(), u.square(u.x))); }
static Value slopeOfSin(Unary &u) { return u.apply<CosOp>(u.x); }
static Value slopeOfCos(Unary &u) { return u.m.neg(u.apply<SinOp>(u.x)); }
static Value slopeOfTan(Unary &u) { return u.m.add(u.one(), u.square(u.y)); }
static Value slopeOfAsin(Unary &u) {
  return u.m.reciprocal(u.m.sqrt(u.m.sub(u.one(), u.square(u.x))));
}
static Value slopeOfAcos(Unary &u) { return u.m.neg(slopeOfAsin(u)); }
static Value slopeOfAtan(Unary &u) { return u.m.reciprocal(u.m.add(u.one(), u.square(u.x))); }
// With s = sigmoid(x): s + y (1 - s).
static Value slopeOfSilu(Unary &u) {
  Value s = u.apply<SigmoidOp>(u.x);
  return u.m.add(s, u.m.mul(u.y, u.m.sub(u.one(), s)));
}

/// The derivative of x c(x), where c is the normal distribution or what stands for it.
static Values differentiateGelu(NodeImporter &node, GeluOp op, Value gradient) {
  Unary u{TensorMath(node), node, op.getOperand(), op.getResult()};
  TensorMath &m = u.m;
  Value share, slope; // c, and x c'
  if (op.getApproximate()) {
    // c = (1 + tanh(k (x + a x^3))) / 2
    double k = 0.7978845608028654, a = 0.044715;
    Value square = u.square(u.x);
    Value inner = m.mul(m.mul(u.x, m.add(m.mul(square, a), 1)), k);
    Value t = u.apply<TanhOp>(inner);
    share = m.mul(m.add(t, 1), 0.5);
    Value steepness = m.mul(m.add(m.mul(square, 3 * a), 1), 0.5 * k);
    slope = m.mul(u.x, m.mul(m.sub(u.one(), u.square(t)), steepness));
  } else {
    // c = (1 + erf(x / sqrt 2)) / 2
    share = m.mul(m.add(u.apply<ErfOp>(m.mul(u.x, 0.7071067811865476)), 1), 0.5);
    Value density = m.mul(m.exp(m.mul(u.square(u.x), -0.5)), 0.3989422804014327);
    slope = m.mul(u.x, density);
  }
  return {m.mul(gradient, m.add(share, slope))};
}

static Values differentiateNeg(NodeImporter &node, NegOp, Value gradient) {
  return {TensorMath(node).neg(gradient)};
}
static Values differentiateRelu(NodeImporter &node, ReluOp op, Value gradient) {
  TensorMath m(node);
  return {m.select(m.less(0.0, op.getOperand()), gradient, m.scalar(gradient, 0))};
}
template <typename OpT> static Values haveNoSlope(NodeImporter &, OpT, Value) { return {Value()}; }

static Values differentiateAdd(NodeImporter &, AddOp, Value gradient) {
  return {gradient, gradient};
}
static Values differentiateSub(NodeImporter &node, SubOp, Value gradient) {
  return {gradient, TensorMath(node).neg(gradient)};
}
static Values differentiateMul(NodeImporter &node, MulOp op, Value gradient) {
  TensorMath m(node);
  return {m.mul(gradient, op.getRhs()), m.mul(gradient, op.getLhs())};
}
static Values differentiateDiv(NodeImporter &node, DivOp op, Value gradient) {
  TensorMath m(node);
  Value share = m.div(gradient, op.getRhs());
  return {share, m.neg(m.mul(share, op.getResult()))};
}

// b a^(b-1), which is 0 for b = 0 whatever a is, and a^b ln a, which is 0 for a = 0.
static Values differentiatePow(NodeImporter &node, PowOp op, Value gradient) {
  TensorMath m(node);
  Value a = op.getLhs(), b = op.getRhs(), zero = m.scalar(a, 0);
  Value factor = node.cast(b, node.elementType(a));
  Value steepness = m.mul(factor, m.pow(a, m.sub(b, 1)));
  Value base = m.mul(gradient, m.select(m.equal(factor, 0.0), zero, steepness));
  if (!m.isFloat(b))
    return {base, Value()};
  Value growth = m.select(m.equal(a, 0.0), zero, m.mul(op.getResult(), m.log(a)));
  return {base, node.cast(m.mul(gradient, growth), node.elementType(b))};
}

/// The gradient goes to the operand that is the result.
template <typename OpT>
static Values differentiateChoice(NodeImporter &node, OpT op, Value gradient) {
  TensorMath m(node);
  Value isFirst = std::is_same_v<OpT, MinOp> ? m.lessEqual(op.getLhs(), op.getRhs())
                                             : m.lessEqual(op.getRhs(), op.getLhs());
  Value zero = m.scalar(gradient, 0);
  return {m.select(isFirst, gradient, zero), m.select(isFirst, zero, gradient)};
}
static Values differentiateSelect(NodeImporter &node, SelectOp op, Value gradient) {
  TensorMath m(node);
  Value zero = m.scalar(gradient, 0);
  return {Value(), m.select(op.getCondition(), gradient, zero),
          m.select(op.getCondition(), zero, gradient)};
}
static Values differentiatePRelu(NodeImporter &node, PReluOp op, Value gradient) {
  TensorMath m(node);
  Value isNegative = m.less(op.getLhs(), 0.0);
  return {m.select(isNegative, m.mul(gradient, op.getRhs()), gradient),
          m.select(isNegative, m.mul(gradient, op.getLhs()), m.scalar(gradient, 0))};
}
// a - b trunc(a / b)
static Values differentiateFmod(NodeImporter &node, FmodOp op, Value gradient) {
  TensorMath m(node);
  Value turns = node.infer<TruncOp>(m.div(op.getLhs(), op.getRhs()));
  return {gradient, m.neg(m.mul(gradient, turns))};
}
static Values differentiateCast(NodeImporter &node, CastOp op, Value gradient) {
  return {node.cast(gradient, node.elementType(op.getOperand()))};
}

void addPointwiseGradients(GradientRules &rules) {
  rules.add<AbsOp>(multiplySlope<AbsOp, slopeOfAbs>);
  rules.add<SqrtOp>(multiplySlope<SqrtOp, slopeOfSqrt>);
  rules.add<ReciprocalOp>(multiplySlope<ReciprocalOp, slopeOfReciprocal>);
  rules.add<ExpOp>(multiplySlope<ExpOp, slopeOfExp>);
  rules.add<LogOp>(multiplySlope<LogOp, slopeOfLog>);
  rules.add<ErfOp>(multiplySlope<ErfOp, slopeOfErf>);
  rules.add<SigmoidOp>(multiplySlope<SigmoidOp, slopeOfSigmoid>);
  rules.add<SoftplusOp>(multiplySlope<SoftplusOp, slopeOfSoftplus>);
  rules.add<TanhOp>(multiplySlope<TanhOp, slopeOfTanh>);
  rules.add<SinhOp>(multiplySlope<SinhOp, slopeOfSinh>);
  rules.add<CoshOp>(multiplySlope<CoshOp, slopeOfCosh>);
  rules.add<AsinhOp>(multiplySlope<AsinhOp, slopeOfAsinh>);
  rules.add<AcoshOp>(multiplySlope<AcoshOp, slopeOfAcosh>);
  rules.add<AtanhOp>(multiplySlope<AtanhOp, slopeOfAtanh>);
  rules.add<SinOp>(multiplySlope<SinOp, slopeOfSin>);
  rules.add<CosOp>(multiplySlope<CosOp, slopeOfCos>);
  rules.add<TanOp>(multiplySlope<TanOp, slopeOfTan>);
  rules.add<AsinOp>(multiplySlope<AsinOp, slopeOfAsin>);
  rules.add<AcosOp>(multiplySlope<AcosOp, slopeOfAcos>);
  rules.add<AtanOp>(multiplySlope<AtanOp, slopeOfAtan>);
  rules.add<SiluOp>(multiplySlope<SiluOp, slopeOfSilu>);
  rules.add<GeluOp>(differentiateGelu);
  rules.add<NegOp>(differentiateNeg);
  rules.add<ReluOp>(differentiateRelu);
  rules.add<SignOp>(haveNoSlope<SignOp>);
  rules.add<FloorOp>(haveNoSlope<FloorOp>);
  rules.add<CeilOp>(haveNoSlope<CeilOp>);
  rules.add<RoundOp>(haveNoSlope<RoundOp>);
  rules.add<TruncOp>(haveNoSlope<TruncOp>);
  rules.add<AddOp>(differentiateAdd);
  rules.add<SubOp>(differentiateSub);
  rules.add<MulOp>(differentiateMul);
  rules.add<DivOp>(differentiateDiv);
  rules.add<PowOp>(differentiatePow);
  rules.add<MinOp>(differentiateChoice<MinOp>);
  rules.add<MaxOp>(differentiateChoice<MaxOp>);
  rules.add<SelectOp>(differentiateSelect);
  rules.add<PReluOp>(differentiatePRelu);
  rules.add<FmodOp>(differentiateFmod);
  rules.add<CastOp>(differentiateCast);
}

} // namespace tenon
