// The layout of weights makes parts of constants in the same way (WeightLayouts.cpp).
#include "passes/Codegen/Cpu/FloatParts.h"
#include "dialects/Target/Cpu/CpuDialect.h"

using namespace mlir;

namespace tenon::cpu {

/// The numbers that are finite, as far as they stay so when they are rounded; zeros for the others.
/// The bits of a number without its sign are in its order.
static Value makeRoundable(Emitter &e, Value vector) {
  auto type = cast<VectorType>(vector.getType());
  auto bitsType = cast<VectorType>(type.clone(e.getI32Type()));
  auto constant = [&](uint32_t bits) -> Value {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(bitsType, int32_t(bits)));
  };
  constexpr uint32_t signBit = 0x80000000, infinity = 0x7f800000;
  Value largest = constant(llvm::bit_cast<uint32_t>(largestBFloat));
  Value bits = arith::BitcastOp::create(e, bitsType, vector);
  Value sign = arith::AndIOp::create(e, bits, constant(signBit));
  Value magnitude = arith::AndIOp::create(e, bits, constant(~signBit));
  Value isFinite =
      arith::CmpIOp::create(e, arith::CmpIPredicate::ult, magnitude, constant(infinity));
  Value rounded = arith::MinUIOp::create(e, magnitude, largest);
  rounded = arith::SelectOp::create(e, isFinite, rounded, constant(0));
  return arith::BitcastOp::create(e, type, arith::OrIOp::create(e, rounded, sign));
}

SmallVector<Value> splitFloats(Emitter &e, Value vector, int64_t parts) {
  SmallVector<Value> split;
  Value rest = vector;
  while (int64_t(split.size()) + 1 < parts) {
    split.push_back(e.convert(makeRoundable(e, rest), e.getBF16Type()));
    rest = arith::SubFOp::create(e, rest, e.convert(split.back(), e.getF32Type()));
  }
  split.push_back(e.convert(rest, e.getBF16Type()));
  return split;
}

} // namespace tenon::cpu
