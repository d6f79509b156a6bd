// The scalar functions of the pointwise ops. The same arith and math ops serve scalars and vectors;
// signedness comes from the tensor's element type, since values are signless.

#include "dialects/Tenon/NarrowFloat.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace tenon {

Value emitPointwise(PointwiseOpInterface op, ElementEmitter &emitter, ArrayRef<LaneIndex> index) {
  SmallVector<Value> operands;
  DimExprs dims = getDims(op->getResult(0).getType());
  for (Value operand : op->getOperands())
    operands.push_back(emitter.element(operand, broadcastIndex(emitter, operand, dims, index)));
  return op.buildScalar(emitter.builder(), operands);
}

namespace {

/// Builds arithmetic on values of one type at one location.
struct Math {
  OpBuilder &b;
  Location loc;

  bool isFloat(Value v) const { return isa<FloatType>(getElementTypeOrSelf(v.getType())); }

  Value constant(Type type, double value) const {
    Type scalar = getElementTypeOrSelf(type);
    TypedAttr attr = isa<FloatType>(scalar)
                         ? cast<TypedAttr>(b.getFloatAttr(scalar, value))
                         : cast<TypedAttr>(b.getIntegerAttr(scalar, static_cast<int64_t>(value)));
    if (auto vector = dyn_cast<VectorType>(type))
      attr = DenseElementsAttr::get(vector, attr);
    return arith::ConstantOp::create(b, loc, attr);
  }
  Value like(Value v, double value) const { return constant(v.getType(), value); }

  template <typename OpT, typename... Args> Value make(Args &&...args) const {
    return OpT::create(b, loc, std::forward<Args>(args)...);
  }
  Value add(Value a, Value c) const {
    return isFloat(a) ? make<arith::AddFOp>(a, c) : make<arith::AddIOp>(a, c);
  }
  Value sub(Value a, Value c) const {
    return isFloat(a) ? make<arith::SubFOp>(a, c) : make<arith::SubIOp>(a, c);
  }
  Value mul(Value a, Value c) const {
    return isFloat(a) ? make<arith::MulFOp>(a, c) : make<arith::MulIOp>(a, c);
  }
  Value fma(Value a, Value c, Value d) const { return make<math::FmaOp>(a, c, d); }
  Value div(Value a, Value c, bool isUnsigned) const {
    if (isFloat(a))
      return make<arith::DivFOp>(a, c);
    return isUnsigned ? make<arith::DivUIOp>(a, c) : make<arith::DivSIOp>(a, c);
  }
  Value less(Value a, Value c, bool isUnsigned) const {
    if (isFloat(a))
      return make<arith::CmpFOp>(arith::CmpFPredicate::OLT, a, c);
    return make<arith::CmpIOp>(isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt,
                               a, c);
  }
  Value lessEqual(Value a, Value c, bool isUnsigned) const {
    if (isFloat(a))
      return make<arith::CmpFOp>(arith::CmpFPredicate::OLE, a, c);
    return make<arith::CmpIOp>(isUnsigned ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle,
                               a, c);
  }
  Value equal(Value a, Value c) const {
    if (isFloat(a))
      return make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, a, c);
    return make<arith::CmpIOp>(arith::CmpIPredicate::eq, a, c);
  }
  Value select(Value condition, Value a, Value c) const {
    return make<arith::SelectOp>(condition, a, c);
  }
  Value sigmoid(Value x) const {
    Value one = like(x, 1);
    return make<arith::DivFOp>(one, add(one, make<math::ExpOp>(make<arith::NegFOp>(x))));
  }
  /// -1, 0 or 1, and NaN for NaN.
  Value sign(Value x) const {
    Value zero = like(x, 0);
    Value result =
        select(less(zero, x, false), like(x, 1), select(less(x, zero, false), like(x, -1), zero));
    if (!isFloat(x))
      return result;
    return select(make<arith::CmpFOp>(arith::CmpFPredicate::UNO, x, x), x, result);
  }
};

bool isUnsigned(Value tensor) {
  Type type = getElementTypeOrSelf(tensor.getType());
  return type.isUnsignedInteger() || type.isInteger(1);
}

} // namespace

// Unary functions that are one op of the math dialect on floats.
#define TENON_MATH_FUNCTION(OpT, MathOpT)                                                          \
  Value OpT::buildScalar(OpBuilder &b, ValueRange v) { return MathOpT::create(b, getLoc(), v[0]); }
TENON_MATH_FUNCTION(FloorOp, math::FloorOp)
TENON_MATH_FUNCTION(CeilOp, math::CeilOp)
TENON_MATH_FUNCTION(RoundOp, math::RoundEvenOp)
TENON_MATH_FUNCTION(TruncOp, math::TruncOp)
TENON_MATH_FUNCTION(SqrtOp, math::SqrtOp)
TENON_MATH_FUNCTION(ExpOp, math::ExpOp)
TENON_MATH_FUNCTION(LogOp, math::LogOp)
TENON_MATH_FUNCTION(ErfOp, math::ErfOp)
TENON_MATH_FUNCTION(TanhOp, math::TanhOp)
TENON_MATH_FUNCTION(SinhOp, math::SinhOp)
TENON_MATH_FUNCTION(CoshOp, math::CoshOp)
TENON_MATH_FUNCTION(AsinhOp, math::AsinhOp)
TENON_MATH_FUNCTION(AcoshOp, math::AcoshOp)
TENON_MATH_FUNCTION(AtanhOp, math::AtanhOp)
TENON_MATH_FUNCTION(SinOp, math::SinOp)
TENON_MATH_FUNCTION(CosOp, math::CosOp)
TENON_MATH_FUNCTION(TanOp, math::TanOp)
TENON_MATH_FUNCTION(AsinOp, math::AsinOp)
TENON_MATH_FUNCTION(AcosOp, math::AcosOp)
TENON_MATH_FUNCTION(AtanOp, math::AtanOp)
#undef TENON_MATH_FUNCTION

Value AbsOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (m.isFloat(v[0]))
    return m.make<math::AbsFOp>(v[0]);
  return isUnsigned(getOperand()) ? v[0] : m.make<math::AbsIOp>(v[0]);
}

Value NegOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return m.isFloat(v[0]) ? m.make<arith::NegFOp>(v[0]) : m.sub(m.like(v[0], 0), v[0]);
}

Value SignOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (!isUnsigned(getOperand()))
    return m.sign(v[0]);
  return m.select(m.equal(v[0], m.like(v[0], 0)), m.like(v[0], 0), m.like(v[0], 1));
}

Value ReciprocalOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return m.make<arith::DivFOp>(m.like(v[0], 1), v[0]);
}

Value SigmoidOp::buildScalar(OpBuilder &b, ValueRange v) { return Math{b, getLoc()}.sigmoid(v[0]); }

// max(x, 0) + ln(1 + e^-|x|), which cannot overflow.
Value SoftplusOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Value decay = m.make<math::ExpOp>(m.make<arith::NegFOp>(m.make<math::AbsFOp>(v[0])));
  Value positive = m.select(m.less(m.like(v[0], 0), v[0], false), v[0], m.like(v[0], 0));
  return m.add(positive, m.make<math::Log1pOp>(decay));
}

// select(0 > x, 0, x) is one instruction and keeps NaN.
Value ReluOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (isUnsigned(getOperand()))
    return v[0];
  Value zero = m.like(v[0], 0);
  return m.select(m.less(v[0], zero, false), zero, v[0]);
}

Value SiluOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Value one = m.like(v[0], 1);
  return m.make<arith::DivFOp>(v[0], m.add(one, m.make<math::ExpOp>(m.make<arith::NegFOp>(v[0]))));
}

Value GeluOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Value x = v[0], half = m.mul(x, m.like(x, 0.5)), inner;
  if (getApproximate()) { // sqrt(2/pi) (x + 0.044715 x^3)
    Value cubic = m.fma(m.mul(x, x), m.like(x, 0.044715), m.like(x, 1));
    inner = m.make<math::TanhOp>(m.mul(m.mul(x, m.like(x, 0.7978845608028654)), cubic));
  } else {
    inner = m.make<math::ErfOp>(m.mul(x, m.like(x, 0.7071067811865476)));
  }
  return m.fma(half, inner, half);
}

Value NotOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return m.make<arith::XOrIOp>(v[0], m.like(v[0], 1));
}

Value BitNotOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return m.make<arith::XOrIOp>(v[0], m.like(v[0], -1));
}

Value AndOp::buildScalar(OpBuilder &b, ValueRange v) {
  return arith::AndIOp::create(b, getLoc(), v[0], v[1]);
}
Value OrOp::buildScalar(OpBuilder &b, ValueRange v) {
  return arith::OrIOp::create(b, getLoc(), v[0], v[1]);
}
Value XorOp::buildScalar(OpBuilder &b, ValueRange v) {
  return arith::XOrIOp::create(b, getLoc(), v[0], v[1]);
}

// A shift by the width or more shifts all bits out, where LLVM's shifts are poison; so does a
// negative one.
static Value buildShift(Math m, ValueRange v, Value shifted) {
  unsigned width = getElementTypeOrSelf(v[0].getType()).getIntOrFloatBitWidth();
  return m.select(m.less(v[1], m.like(v[1], width), true), shifted, m.like(v[0], 0));
}
Value ShiftLeftOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return buildShift(m, v, m.make<arith::ShLIOp>(v[0], v[1]));
}
Value ShiftRightOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (isUnsigned(getLhs()))
    return buildShift(m, v, m.make<arith::ShRUIOp>(v[0], v[1]));
  unsigned width = getElementTypeOrSelf(v[0].getType()).getIntOrFloatBitWidth();
  Value last = m.like(v[1], width - 1);
  return m.make<arith::ShRSIOp>(v[0], m.select(m.less(v[1], last, true), v[1], last));
}

Value AddOp::buildScalar(OpBuilder &b, ValueRange v) { return Math{b, getLoc()}.add(v[0], v[1]); }
Value SubOp::buildScalar(OpBuilder &b, ValueRange v) { return Math{b, getLoc()}.sub(v[0], v[1]); }
Value MulOp::buildScalar(OpBuilder &b, ValueRange v) { return Math{b, getLoc()}.mul(v[0], v[1]); }

// Integer division by zero, and of the smallest number by -1, traps in hardware; ONNX leaves it
// undefined, and a run must not crash. Both are divided by 1 instead, which leaves no remainder
// either: x / 0 is x, and x mod 0 is 0.
static Value harmlessDivisor(Math m, Value divisor, bool isUnsigned) {
  Value isHarmful = m.equal(divisor, m.like(divisor, 0));
  if (!isUnsigned)
    isHarmful = m.make<arith::OrIOp>(isHarmful, m.equal(divisor, m.like(divisor, -1)));
  return m.select(isHarmful, m.like(divisor, 1), divisor);
}

// A quotient by -1 is a difference, which wraps where the smallest number has no opposite.
Value DivOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (m.isFloat(v[0]))
    return m.div(v[0], v[1], /*isUnsigned=*/false);
  bool unsignedElements = isUnsigned(getLhs());
  Value quotient = m.div(v[0], harmlessDivisor(m, v[1], unsignedElements), unsignedElements);
  if (unsignedElements)
    return quotient;
  Value isMinusOne = m.equal(v[1], m.like(v[1], -1));
  return m.select(isMinusOne, m.sub(m.like(v[0], 0), v[0]), quotient);
}

// Converts between compute types; `isUnsigned` tells how the source's bits read. Of a float that is
// known to be within 32 bits, the detour over wider integers, which many processors lack, is
// spared.
static Value convert(Math m, Value value, Type to, bool fromUnsigned, bool toUnsigned,
                     bool fitsInt32 = false) {
  Type from = getElementTypeOrSelf(value.getType());
  if (from == to)
    return value;
  Type type = to;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(to);
  unsigned fromWidth = from.getIntOrFloatBitWidth(), toWidth = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from) && isa<FloatType>(to))
    return fromWidth < toWidth ? m.make<arith::ExtFOp>(type, value)
                               : m.make<arith::TruncFOp>(type, value);
  if (isa<FloatType>(to))
    return fromUnsigned ? m.make<arith::UIToFPOp>(type, value)
                        : m.make<arith::SIToFPOp>(type, value);
  if (isa<FloatType>(from)) {
    if (toWidth == 64 && toUnsigned)
      return m.make<arith::FPToUIOp>(type, value);
    if (toWidth >= 32 && !toUnsigned)
      return m.make<arith::FPToSIOp>(type, value);
    // Through i64, so that out-of-range values wrap as a C cast through a wide integer does.
    Type wide = fitsInt32 ? m.b.getI32Type() : m.b.getI64Type();
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      wide = vector.clone(wide);
    Value integer = m.make<arith::FPToSIOp>(wide, value);
    return wide == type ? integer : m.make<arith::TruncIOp>(type, integer);
  }
  if (toWidth < fromWidth)
    return m.make<arith::TruncIOp>(type, value);
  return fromUnsigned ? m.make<arith::ExtUIOp>(type, value) : m.make<arith::ExtSIOp>(type, value);
}

Value CastOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Type from = getElementTypeOrSelf(getOperand().getType()), to = getTo();
  if (from == to)
    return v[0];
  if (to.isInteger(1)) {
    Value zero = m.like(v[0], 0);
    if (m.isFloat(v[0]))
      return m.make<arith::CmpFOp>(arith::CmpFPredicate::UNE, v[0], zero);
    return m.make<arith::CmpIOp>(arith::CmpIPredicate::ne, v[0], zero);
  }
  bool fitsInt32 =
      isa<FloatType>(from) && getElementRange(getOperand()).within(getElementRange(b.getI32Type()));
  Value value = convert(m, v[0], ElementEmitter::computeType(to), isUnsigned(getOperand()),
                        to.isUnsignedInteger(), fitsInt32);
  // A narrow float is computed in f32: round to what the type can hold.
  auto narrow = dyn_cast<FloatType>(to);
  if (!narrow || narrow.getWidth() >= 32)
    return value;
  if (isNarrowFloat(narrow))
    return roundToNarrow(b, getLoc(), value, narrow, getSaturate());
  Type type = narrow, wide = value.getType();
  if (auto vector = dyn_cast<VectorType>(wide))
    type = vector.clone(narrow);
  return m.make<arith::ExtFOp>(wide, m.make<arith::TruncFOp>(type, value));
}

static Value buildExtremum(Math m, ValueRange v, bool takeLess, bool isUnsigned);

// What is clamped fits into 32 bits before it becomes as narrow as it is.
Value QuantizeOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Value value = m.make<math::RoundEvenOp>(m.div(v[0], v[1], false));
  Type f32 = b.getF32Type();
  if (getZero())
    value = m.add(value, convert(m, v[2], f32, getTo().isUnsignedInteger(), false));
  ElementRange all = getElementRange(getTo());
  value = buildExtremum(m, {value, m.like(value, all.low)}, /*takeLess=*/false, false);
  value = buildExtremum(m, {value, m.like(value, all.high)}, /*takeLess=*/true, false);
  Value integer = convert(m, value, b.getI32Type(), false, false);
  return convert(m, integer, ElementEmitter::computeType(getTo()), false, false);
}

Value DequantizeOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (isa<FloatType>(getElementTypeOrSelf(getOperand())))
    return m.mul(getZero() ? m.sub(v[0], v[2]) : v[0], v[1]);
  bool isUnsignedInput = isUnsigned(getOperand());
  Value value = convert(m, v[0], b.getI32Type(), isUnsignedInput, false);
  if (getZero())
    value = m.sub(value, convert(m, v[2], b.getI32Type(), isUnsignedInput, false));
  return m.mul(convert(m, value, b.getF32Type(), false, false), v[1]);
}

LogicalResult BitCastOp::verify() {
  auto width = [](Type type) { return getStorageType(type).getIntOrFloatBitWidth(); };
  Type from = getElementTypeOrSelf(getOperand().getType());
  if (!getTo().isIntOrFloat() || width(from) != width(getTo()))
    return emitOpError("cannot read ") << from << " as " << getTo();
  return success();
}

// Values come in compute types: booleans as i1 and half precision as f32, unlike their storage.
Value BitCastOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Type from = getStorageType(getElementTypeOrSelf(getOperand().getType()));
  Type to = getStorageType(getTo());
  auto like = [&](Type type) {
    auto vector = dyn_cast<VectorType>(v[0].getType());
    return vector ? Type(vector.clone(type)) : type;
  };
  Value bits = v[0];
  if (getElementTypeOrSelf(getOperand().getType()).isInteger(1))
    bits = m.make<arith::ExtUIOp>(like(from), bits);
  else if (bits.getType() != like(from))
    bits = m.make<arith::TruncFOp>(like(from), bits);
  if (isa<FloatType>(from) || isa<FloatType>(to))
    bits = m.make<arith::BitcastOp>(like(to), bits);
  if (getTo().isInteger(1))
    return m.make<arith::CmpIOp>(arith::CmpIPredicate::ne, bits, m.like(bits, 0));
  Type computed = like(ElementEmitter::computeType(getTo()));
  return bits.getType() == computed ? bits : m.make<arith::ExtFOp>(computed, bits);
}

Value PowOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  Type base = getElementTypeOrSelf(v[0].getType());
  if (isa<FloatType>(base))
    return m.make<math::PowFOp>(v[0], convert(m, v[1], base, isUnsigned(getRhs()), false));
  if (v[0].getType() == v[1].getType() && !isUnsigned(getLhs()))
    return m.make<math::IPowIOp>(v[0], v[1]);
  // Other integers: through f64, exact for results below 2^53. What a fraction of an exponent gives
  // is cut off, as every conversion to integers does.
  Value x = convert(m, v[0], b.getF64Type(), isUnsigned(getLhs()), false);
  Value y = convert(m, v[1], b.getF64Type(), isUnsigned(getRhs()), false);
  Value power = m.make<math::PowFOp>(x, y), rounded = m.make<math::RoundEvenOp>(power);
  Value isWhole = m.equal(y, m.make<math::RoundEvenOp>(y));
  return convert(m, m.select(isWhole, rounded, power), base, false, isUnsigned(getLhs()));
}

// NaN in either operand must come through: select(a < b, a, b) gives b when a comparison with NaN
// fails, so only a NaN in `a` needs care.
static Value buildExtremum(Math m, ValueRange v, bool takeLess, bool isUnsigned) {
  Value takesFirst = takeLess ? m.less(v[0], v[1], isUnsigned) : m.less(v[1], v[0], isUnsigned);
  Value result = m.select(takesFirst, v[0], v[1]);
  if (!m.isFloat(v[0]))
    return result;
  if (matchPattern(v[1], m_Constant()) == false)
    return m.select(m.make<arith::CmpFOp>(arith::CmpFPredicate::UNO, v[0], v[0]), v[0], result);
  // Against a constant: select(b < a, b, a) keeps a NaN in `a` by itself.
  Value takesConstant = takeLess ? m.less(v[1], v[0], false) : m.less(v[0], v[1], false);
  return m.select(takesConstant, v[1], v[0]);
}
Value MinOp::buildScalar(OpBuilder &b, ValueRange v) {
  return buildExtremum({b, getLoc()}, v, true, isUnsigned(getLhs()));
}
Value MaxOp::buildScalar(OpBuilder &b, ValueRange v) {
  return buildExtremum({b, getLoc()}, v, false, isUnsigned(getLhs()));
}

Value FmodOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (m.isFloat(v[0]))
    return m.make<arith::RemFOp>(v[0], v[1]);
  Value divisor = harmlessDivisor(m, v[1], isUnsigned(getLhs()));
  return isUnsigned(getLhs()) ? m.make<arith::RemUIOp>(v[0], divisor)
                              : m.make<arith::RemSIOp>(v[0], divisor);
}

Value ModOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  if (isUnsigned(getLhs()))
    return m.make<arith::RemUIOp>(v[0], harmlessDivisor(m, v[1], /*isUnsigned=*/true));
  Value divisor = m.isFloat(v[1]) ? v[1] : harmlessDivisor(m, v[1], /*isUnsigned=*/false);
  Value remainder = m.isFloat(v[0]) ? m.make<arith::RemFOp>(v[0], divisor)
                                    : m.make<arith::RemSIOp>(v[0], divisor);
  // A remainder whose sign is not the divisor's moves by one divisor.
  Value zero = m.like(remainder, 0);
  Value differs =
      m.make<arith::XOrIOp>(m.less(remainder, zero, false), m.less(divisor, zero, false));
  Value moves = m.make<arith::AndIOp>(
      differs, m.make<arith::XOrIOp>(m.equal(remainder, zero), m.constant(differs.getType(), 1)));
  Value result = m.select(moves, m.add(remainder, divisor), remainder);
  if (!m.isFloat(result))
    return result;
  // A remainder of 0 has the divisor's sign as well.
  return m.select(m.equal(result, zero), m.make<math::CopySignOp>(zero, divisor), result);
}

Value PReluOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return m.select(m.less(v[0], m.like(v[0], 0), isUnsigned(getLhs())), m.mul(v[0], v[1]), v[0]);
}

Value EqualOp::buildScalar(OpBuilder &b, ValueRange v) {
  return Math{b, getLoc()}.equal(v[0], v[1]);
}
Value LessOp::buildScalar(OpBuilder &b, ValueRange v) {
  return Math{b, getLoc()}.less(v[0], v[1], isUnsigned(getLhs()));
}
Value LessEqualOp::buildScalar(OpBuilder &b, ValueRange v) {
  return Math{b, getLoc()}.lessEqual(v[0], v[1], isUnsigned(getLhs()));
}

Value IsNaNOp::buildScalar(OpBuilder &b, ValueRange v) {
  return arith::CmpFOp::create(b, getLoc(), arith::CmpFPredicate::UNO, v[0], v[0]);
}
Value IsInfOp::buildScalar(OpBuilder &b, ValueRange v) {
  Math m{b, getLoc()};
  return m.equal(m.make<math::AbsFOp>(v[0]), m.like(v[0], HUGE_VAL));
}

Value FmaOp::buildScalar(OpBuilder &b, ValueRange v) {
  return math::FmaOp::create(b, getLoc(), v[0], v[1], v[2]);
}

Value SelectOp::buildScalar(OpBuilder &b, ValueRange v) {
  return arith::SelectOp::create(b, getLoc(), v[0], v[1], v[2]);
}

} // namespace tenon
