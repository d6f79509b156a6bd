// Conversions of floats of 8 bits on a GPU (see the header).
//
// E5M2 is the upper half of f16. E4M3 has the exponent and the mantissa of f32 at the same places
// relative to each other, but for the width and the bias of the exponent: moved there, and times
// 2^120, which is exact for subnormal numbers, too. Only NaN is left, which is all ones.

#include "passes/Codegen/Cuda/Float8.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace tenon::cuda {

static Type withElement(Value like, Type element) {
  auto vector = dyn_cast<VectorType>(like.getType());
  return vector ? Type(vector.clone(element)) : element;
}

static Value splat(Emitter &em, Type type, TypedAttr number) {
  if (auto vector = dyn_cast<VectorType>(type))
    number = DenseElementsAttr::get(vector, Attribute(number));
  return em.create<arith::ConstantOp>(number);
}

namespace {

/// Arithmetic on words of one shape.
struct Words {
  Emitter &em;
  Type type;

  Value number(int64_t value) const {
    return splat(em, type, em.getIntegerAttr(getElementTypeOrSelf(type), value));
  }
  Value bitAnd(Value a, int64_t b) const { return em.create<arith::AndIOp>(a, number(b)); }
  Value left(Value a, int64_t by) const { return em.create<arith::ShLIOp>(a, number(by)); }
};

} // namespace

static Value decodeE5M2(Emitter &em, Value codes) {
  Words words{em, withElement(codes, em.getI16Type())};
  Value bits = words.left(em.create<arith::ExtUIOp>(words.type, codes), 8);
  Value halves = em.create<arith::BitcastOp>(withElement(codes, em.getF16Type()), bits);
  return em.create<arith::ExtFOp>(withElement(codes, em.getF32Type()), halves);
}

static Value decodeE4M3(Emitter &em, Value codes) {
  Words words{em, withElement(codes, em.getI32Type())};
  Type type = withElement(codes, em.getF32Type());
  constexpr int64_t digits = 0x7f, sign = 0x80;
  Value wide = em.create<arith::ExtUIOp>(words.type, codes), magnitude = words.bitAnd(wide, digits);
  Value bits =
      em.create<arith::OrIOp>(words.left(words.bitAnd(wide, sign), 24), words.left(magnitude, 20));
  Value scale = splat(em, type, em.getF32FloatAttr(0x1p120f));
  Value number = em.create<arith::MulFOp>(em.create<arith::BitcastOp>(type, bits), scale);
  Value isNaN = em.create<arith::CmpIOp>(arith::CmpIPredicate::eq, magnitude, words.number(digits));
  Value nan = splat(em, type, em.getF32FloatAttr(NAN));
  return em.create<arith::SelectOp>(isNaN, nan, number);
}

/// Calls `convert` with pairs of elements, and puts the pairs that it gives together; of a scalar
/// with it and a zero, of whose pair it takes the first.
static Value inPairs(Emitter &em, Value values, Type element,
                     function_ref<Value(Value first, Value second)> convert) {
  auto at = [&](Value pair, int64_t i) -> Value { return em.create<vector::ExtractOp>(pair, i); };
  auto vector = dyn_cast<VectorType>(values.getType());
  if (!vector) {
    Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(values.getType()));
    return at(convert(values, zero), 0);
  }
  SmallVector<Value> results;
  for (int64_t i = 0; i < vector.getNumElements(); i += 2) {
    Value pair = convert(at(values, i), at(values, i + 1));
    results.append({at(pair, 0), at(pair, 1)});
  }
  return em.create<vector::FromElementsOp>(vector.clone(element), results);
}

Value decodeFloat8(Emitter &em, Value codes, FloatType type, bool byInstruction) {
  if (isa<Float8E5M2Type>(type))
    return decodeE5M2(em, codes);
  if (!byInstruction)
    return decodeE4M3(em, codes);
  Value halves = inPairs(em, codes, em.getF16Type(), [&](Value first, Value second) -> Value {
    auto bytes = VectorType::get({2}, em.getI8Type());
    Value pair = em.create<vector::FromElementsOp>(bytes, ValueRange{first, second});
    return em.create<NVVM::ConvertF8x2ToF16x2Op>(VectorType::get({2}, em.getF16Type()), pair,
                                                 /*relu=*/false, type);
  });
  return em.create<arith::ExtFOp>(withElement(codes, em.getF32Type()), halves);
}

// The instruction's first source becomes the upper byte.
Value roundToFloat8(Emitter &em, Value numbers, FloatType type) {
  return inPairs(em, numbers, em.getI8Type(), [&](Value first, Value second) -> Value {
    return em.create<NVVM::ConvertF32x2ToF8x2Op>(VectorType::get({2}, em.getI8Type()), second,
                                                 first, NVVM::FPRoundingMode::RN,
                                                 NVVM::SaturationMode::SATFINITE, false, type);
  });
}

// The instruction knows no infinities, which are the number behind the largest one.
Value encodeFloat8(Emitter &em, Value numbers, FloatType type) {
  Value codes = roundToFloat8(em, numbers, type);
  if (!isa<Float8E5M2Type>(type))
    return codes;
  Value magnitude = em.create<math::AbsFOp>(numbers);
  Value infinity = splat(em, numbers.getType(), em.getF32FloatAttr(HUGE_VALF));
  Value isInfinite = em.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, magnitude, infinity);
  Value next = em.create<arith::AddIOp>(codes, splat(em, codes.getType(), em.getI8IntegerAttr(1)));
  return em.create<arith::SelectOp>(isInfinite, next, codes);
}

} // namespace tenon::cuda
