// Floats of 8 bits and less (see the header), by arithmetic on the bits of f32.
//
// A format has M mantissa bits, a bias and so a smallest normal exponent 1 - bias. Rounding scales
// a number so that one unit of its last place is 1, rounds to an integer, and scales back; scaling
// by powers of two is exact. A normal number's code is its f32 bits without the mantissa's tail and
// with the exponent rebased; a subnormal one's is the number of units.

#include "dialects/Tenon/NarrowFloat.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace tenon {

namespace {

struct Format {
  int mantissa, bias, width;
  double largest;
  bool hasInfinity;
  /// Code of NaN, without a sign unless `nanIsNegativeZero`; -1: none.
  int nan;
  bool nanIsNegativeZero;
  bool isScale; // an exponent and nothing else
};

/// What E5M2, the one format with infinity, writes for it.
constexpr int64_t kInfinity = 0x7c;

Format formatOf(FloatType type) {
  if (isa<Float8E4M3FNType>(type))
    return {3, 7, 8, 448, false, 0x7f, false, false};
  if (isa<Float8E4M3FNUZType>(type))
    return {3, 8, 8, 240, false, 0x80, true, false};
  if (isa<Float8E5M2Type>(type))
    return {2, 15, 8, 57344, true, 0x7f, false, false};
  if (isa<Float8E5M2FNUZType>(type))
    return {2, 16, 8, 57344, false, 0x80, true, false};
  if (isa<Float4E2M1FNType>(type))
    return {1, 1, 4, 6, false, -1, false, false};
  return {0, 127, 8, std::ldexp(1.0, 127), false, 0xff, false, true}; // E8M0
}

/// Builds arithmetic on f32 and i32 values of one shape.
struct Bits {
  OpBuilder &b;
  Location loc;
  Type shape; // any value's type: scalar or vector

  Type typeOf(Type element) const {
    auto vector = dyn_cast<VectorType>(shape);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value constant(TypedAttr attr) const {
    Type type = typeOf(attr.getType());
    if (auto vector = dyn_cast<VectorType>(type))
      attr = DenseElementsAttr::get(vector, Attribute(attr));
    return arith::ConstantOp::create(b, loc, attr);
  }
  Value i32(int64_t value) const { return constant(b.getI32IntegerAttr(value)); }
  Value f32(double value) const { return constant(b.getF32FloatAttr(value)); }
  template <typename OpT> Value make(Value x, Value y) const { return OpT::create(b, loc, x, y); }
  Value add(Value x, Value y) const { return make<arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) const { return make<arith::SubIOp>(x, y); }
  Value bitAnd(Value x, int64_t y) const { return make<arith::AndIOp>(x, i32(y)); }
  Value bitOr(Value x, Value y) const { return make<arith::OrIOp>(x, y); }
  Value left(Value x, int64_t by) const { return make<arith::ShLIOp>(x, i32(by)); }
  Value right(Value x, int64_t by) const { return make<arith::ShRUIOp>(x, i32(by)); }
  Value mul(Value x, Value y) const { return make<arith::MulFOp>(x, y); }
  Value compare(arith::CmpIPredicate predicate, Value x, int64_t y) const {
    return arith::CmpIOp::create(b, loc, predicate, x, i32(y));
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value isNaN(Value x) const { return compare(arith::CmpFPredicate::UNO, x, x); }
  Value select(Value condition, Value x, Value y) const {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value abs(Value x) const { return math::AbsFOp::create(b, loc, x); }
  Value copySign(Value x, Value sign) const { return make<math::CopySignOp>(x, sign); }
  Value toBits(Value x) const {
    return arith::BitcastOp::create(b, loc, typeOf(b.getI32Type()), x);
  }
  Value toFloat(Value x) const {
    return arith::BitcastOp::create(b, loc, typeOf(b.getF32Type()), x);
  }
};

} // namespace

bool isNarrowFloat(Type elementType) {
  auto type = dyn_cast<FloatType>(elementType);
  return type && type.getWidth() <= 8;
}

bool isFloat8(Type elementType) { return isa<Float8E4M3FNType, Float8E5M2Type>(elementType); }

// A scale is a power of two; numbers between two powers take the larger.
static Value roundToScale(const Bits &m, Value value, bool saturate) {
  Value bits = m.toBits(m.abs(value));
  Value rounded = m.bitAnd(m.add(bits, m.i32((1 << 23) - 1)), 0x7f800000);
  Value power = m.toFloat(rounded);
  Value tooLarge = m.compare(arith::CmpFPredicate::OGT, power, m.f32(std::ldexp(1.0, 127)));
  Value over = saturate ? m.f32(std::ldexp(1.0, 127)) : m.f32(NAN);
  Value tiny = m.f32(std::ldexp(1.0, -127));
  Value result = m.select(m.compare(arith::CmpFPredicate::OLT, power, tiny), tiny, power);
  result = m.select(tooLarge, over, result);
  return m.select(m.isNaN(value), value, result);
}

Value roundToNarrow(OpBuilder &builder, Location loc, Value value, FloatType type, bool saturate) {
  Bits m{builder, loc, value.getType()};
  Format format = formatOf(type);
  if (format.isScale)
    return roundToScale(m, value, saturate);
  Value magnitude = m.abs(value);
  Value exponent = m.sub(m.right(m.toBits(magnitude), 23), m.i32(127));
  Value smallest = m.i32(1 - format.bias);
  exponent = m.make<arith::MaxSIOp>(exponent, smallest);
  // Infinities and NaN have the largest exponent: their scales must stay in range.
  exponent = m.make<arith::MinSIOp>(exponent, m.i32(100));
  Value unit = m.sub(exponent, m.i32(format.mantissa));
  Value scale = m.toFloat(m.left(m.sub(m.i32(127), unit), 23));
  Value back = m.toFloat(m.left(m.add(unit, m.i32(127)), 23));
  Value units = math::RoundEvenOp::create(builder, loc, m.mul(magnitude, scale));
  Value rounded = m.mul(units, back), largest = m.f32(format.largest);
  bool clamps = saturate || format.nan < 0;
  Value over = clamps ? largest : format.hasInfinity ? m.f32(HUGE_VAL) : m.f32(NAN);
  Value tooLarge = m.compare(arith::CmpFPredicate::OGT, rounded, largest);
  rounded = m.copySign(m.select(tooLarge, over, rounded), value);
  if (format.nanIsNegativeZero)
    rounded = m.select(m.compare(arith::CmpFPredicate::OEQ, rounded, m.f32(0)), m.f32(0), rounded);
  return m.select(m.isNaN(value), format.nan < 0 ? largest : value, rounded);
}

Value encodeNarrow(OpBuilder &builder, Location loc, Value value, FloatType type) {
  Bits m{builder, loc, value.getType()};
  Format format = formatOf(type);
  Type i8 = m.typeOf(builder.getI8Type());
  Value magnitude = m.abs(value), bits = m.toBits(magnitude), code;
  if (format.isScale) {
    code = m.right(bits, 23); // 2^-127 is subnormal in f32, with exponent 0 as here
  } else {
    int64_t tail = 23 - format.mantissa;
    Value normal = m.right(m.sub(bits, m.i32(int64_t(127 - format.bias) << 23)), tail);
    double units = std::ldexp(1.0, format.mantissa - (1 - format.bias));
    Value subnormal = arith::FPToSIOp::create(builder, loc, m.typeOf(builder.getI32Type()),
                                              m.mul(magnitude, m.f32(units)));
    Value isNormal =
        m.compare(arith::CmpFPredicate::OGE, magnitude, m.f32(std::ldexp(1.0, 1 - format.bias)));
    code = m.select(isNormal, normal, subnormal);
    Value sign = m.left(m.right(m.toBits(value), 31), format.width - 1);
    code = m.bitOr(code, sign);
  }
  if (format.hasInfinity) {
    int64_t sign = int64_t(1) << (format.width - 1);
    Value isInfinite = m.compare(arith::CmpFPredicate::OEQ, magnitude, m.f32(HUGE_VAL));
    code = m.select(isInfinite, m.bitOr(m.bitAnd(code, sign), m.i32(kInfinity)), code);
  }
  if (format.nan >= 0)
    code = m.select(m.isNaN(value), m.i32(format.nan), code);
  return arith::TruncIOp::create(builder, loc, i8, code);
}

Value decodeNarrow(OpBuilder &builder, Location loc, Value stored, FloatType type) {
  Bits m{builder, loc, stored.getType()};
  Format format = formatOf(type);
  Value code = arith::ExtUIOp::create(builder, loc, m.typeOf(builder.getI32Type()), stored);
  using P = arith::CmpIPredicate;
  if (format.isScale) {
    Value power = m.select(m.compare(P::eq, code, 0), m.i32(1 << 22), m.left(code, 23));
    return m.select(m.compare(P::eq, code, format.nan), m.f32(NAN), m.toFloat(power));
  }
  int64_t signBit = int64_t(1) << (format.width - 1);
  Value digits = m.bitAnd(code, signBit - 1);
  int64_t tail = 23 - format.mantissa;
  Value normal = m.toFloat(m.add(m.left(digits, tail), m.i32(int64_t(127 - format.bias) << 23)));
  Value units = arith::SIToFPOp::create(builder, loc, m.typeOf(builder.getF32Type()), digits);
  Value subnormal = m.mul(units, m.f32(std::ldexp(1.0, (1 - format.bias) - format.mantissa)));
  Value isNormal = m.compare(P::sge, digits, int64_t(1) << format.mantissa);
  Value magnitude = m.select(isNormal, normal, subnormal);
  if (format.hasInfinity) {
    magnitude = m.select(m.compare(P::eq, digits, kInfinity), m.f32(HUGE_VAL), magnitude);
    magnitude = m.select(m.compare(P::sgt, digits, kInfinity), m.f32(NAN), magnitude);
  } else if (format.nan >= 0 && !format.nanIsNegativeZero) {
    magnitude = m.select(m.compare(P::eq, digits, format.nan), m.f32(NAN), magnitude);
  }
  Value sign = m.left(m.right(m.bitAnd(code, signBit), format.width - 1), 31);
  Value result = m.toFloat(m.bitOr(m.toBits(magnitude), sign));
  if (format.nanIsNegativeZero)
    result = m.select(m.compare(P::eq, code, format.nan), m.f32(NAN), result);
  return result;
}

} // namespace tenon
