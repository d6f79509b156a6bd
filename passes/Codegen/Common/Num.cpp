// The operators of Num: each resolves its C++ numbers to constants and emits one op.
#include "passes/Codegen/Common/Num.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace tenon {

bool Num::isFloat() const { return isa<FloatType>(getElementTypeOrSelf(type())); }

Type Num::withElement(Type element) const {
  if (auto vector = dyn_cast<VectorType>(type()))
    return VectorType::get(vector.getShape(), element, vector.getScalableDims());
  return element;
}

Num Num::like(double c) const {
  Type element = getElementTypeOrSelf(type());
  TypedAttr attribute;
  if (isa<FloatType>(element))
    attribute = FloatAttr::get(element, c);
  else
    attribute = IntegerAttr::get(element, static_cast<int64_t>(c));
  if (auto vector = dyn_cast<VectorType>(type()))
    attribute = DenseElementsAttr::get(vector, Attribute(attribute));
  return {*builder, arith::ConstantOp::create(*builder, attribute)};
}

/// Emits FloatOp or IntOp on two operands of which one may be a C++ number.
template <typename FloatOp, typename IntOp> static Num binary(Num x, Num y) {
  Num peer = x.isConstant() ? y : x;
  x = peer.resolve(x);
  y = peer.resolve(y);
  if (peer.isFloat())
    return {peer.b(), FloatOp::create(peer.b(), x, y)};
  return {peer.b(), IntOp::create(peer.b(), x, y)};
}

template <typename IntOp> static Num bitwise(Num x, Num y) {
  Num peer = x.isConstant() ? y : x;
  return {peer.b(), IntOp::create(peer.b(), peer.resolve(x), peer.resolve(y))};
}

static Num compare(Num x, Num y, arith::CmpFPredicate floats, arith::CmpIPredicate ints) {
  Num peer = x.isConstant() ? y : x;
  x = peer.resolve(x);
  y = peer.resolve(y);
  if (peer.isFloat())
    return {peer.b(), arith::CmpFOp::create(peer.b(), floats, x, y)};
  return {peer.b(), arith::CmpIOp::create(peer.b(), ints, x, y)};
}

Num operator+(Num x, Num y) { return binary<arith::AddFOp, arith::AddIOp>(x, y); }
Num operator-(Num x, Num y) { return binary<arith::SubFOp, arith::SubIOp>(x, y); }
Num operator*(Num x, Num y) { return binary<arith::MulFOp, arith::MulIOp>(x, y); }
Num operator/(Num x, Num y) { return binary<arith::DivFOp, arith::DivSIOp>(x, y); }
Num operator-(Num x) {
  return x.isFloat() ? Num(x.b(), arith::NegFOp::create(x.b(), x)) : Num(0.0) - x;
}

Num operator<(Num x, Num y) {
  return compare(x, y, arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt);
}
Num operator>(Num x, Num y) {
  return compare(x, y, arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt);
}
Num operator<=(Num x, Num y) {
  return compare(x, y, arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle);
}
Num operator>=(Num x, Num y) {
  return compare(x, y, arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge);
}
Num operator==(Num x, Num y) {
  return compare(x, y, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq);
}
Num isNaN(Num x) { return {x.b(), arith::CmpFOp::create(x.b(), arith::CmpFPredicate::UNO, x, x)}; }

Num operator&(Num x, Num y) { return bitwise<arith::AndIOp>(x, y); }
Num operator|(Num x, Num y) { return bitwise<arith::OrIOp>(x, y); }
Num operator^(Num x, Num y) { return bitwise<arith::XOrIOp>(x, y); }
Num operator<<(Num x, int amount) {
  return {x.b(), arith::ShLIOp::create(x.b(), x, x.like(amount))};
}
Num operator>>(Num x, int amount) {
  return {x.b(), arith::ShRSIOp::create(x.b(), x, x.like(amount))};
}

Num select(Num condition, Num x, Num y) {
  Num peer = x.isConstant() ? y : x;
  return {peer.b(), arith::SelectOp::create(peer.b(), condition, peer.resolve(x), peer.resolve(y))};
}

Num fma(Num x, Num y, Num z) {
  Num peer = !x.isConstant() ? x : !y.isConstant() ? y : z;
  return {peer.b(),
          math::FmaOp::create(peer.b(), peer.resolve(x), peer.resolve(y), peer.resolve(z))};
}

Num abs(Num x) { return {x.b(), math::AbsFOp::create(x.b(), x)}; }
Num sqrt(Num x) { return {x.b(), math::SqrtOp::create(x.b(), x)}; }
Num floor(Num x) { return {x.b(), math::FloorOp::create(x.b(), x)}; }
Num roundEven(Num x) { return {x.b(), math::RoundEvenOp::create(x.b(), x)}; }
Num copySign(Num magnitude, Num sign) {
  return {sign.b(), math::CopySignOp::create(sign.b(), sign.resolve(magnitude), sign)};
}

Num bits(Num x) {
  unsigned width = getElementTypeOrSelf(x.type()).getIntOrFloatBitWidth();
  Type type = x.withElement(x.b().getIntegerType(width));
  return {x.b(), arith::BitcastOp::create(x.b(), type, x)};
}

Num fromBits(Num x) {
  unsigned width = getElementTypeOrSelf(x.type()).getIntOrFloatBitWidth();
  Type element = width == 64 ? Type(x.b().getF64Type()) : Type(x.b().getF32Type());
  return {x.b(), arith::BitcastOp::create(x.b(), x.withElement(element), x)};
}

Num toF64(Num x) {
  Type type = x.withElement(x.b().getF64Type());
  if (x.isFloat())
    return {x.b(), arith::ExtFOp::create(x.b(), type, x, nullptr)};
  return {x.b(), arith::SIToFPOp::create(x.b(), type, x)};
}

Num toF32(Num x) {
  Type type = x.withElement(x.b().getF32Type());
  if (!x.isFloat())
    return {x.b(), arith::SIToFPOp::create(x.b(), type, x)};
  if (getElementTypeOrSelf(x.type()).getIntOrFloatBitWidth() < 32)
    return {x.b(), arith::ExtFOp::create(x.b(), type, x, nullptr)};
  return {x.b(), arith::TruncFOp::create(x.b(), type, x)};
}

Num toI32(Num x) {
  Type type = x.withElement(x.b().getI32Type());
  if (x.isFloat())
    return {x.b(), arith::FPToSIOp::create(x.b(), type, x)};
  return {x.b(), arith::TruncIOp::create(x.b(), type, x)};
}

Num clamp(Num x, double low, double high) {
  // The order of the operands is x86's: vmaxps returns the second one if either is NaN.
  x = select(low > x, low, x);
  return select(high < x, high, x);
}

Num horner(Num x, ArrayRef<double> c) {
  Num sum = x.like(c.back());
  for (double coefficient : llvm::reverse(c.drop_back()))
    sum = fma(sum, x, coefficient);
  return sum;
}

} // namespace tenon
