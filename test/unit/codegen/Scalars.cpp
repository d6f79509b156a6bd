// See Scalars.h.
#include "test/unit/codegen/Scalars.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;

namespace tenon::testing {

int64_t sizeOf(Scalar type) {
  switch (type) {
  case Scalar::F64:
    return 8;
  case Scalar::F16:
  case Scalar::BF16:
  case Scalar::I16:
    return 2;
  case Scalar::I8:
  case Scalar::U8:
    return 1;
  case Scalar::F32:
  case Scalar::I32:
    return 4;
  }
  return 0;
}

/// The integer of `type` that stands for `value` in [-0.5, 0.5): of narrow ones, any that it has.
static int64_t toInteger(double value, Scalar type) {
  switch (type) {
  case Scalar::I16:
    return std::floor(value * 0x10000);
  case Scalar::I8:
    return std::floor(value * 0x100);
  case Scalar::U8:
    return std::floor((value + 0.5) * 0x100);
  default:
    return std::lround(value * 100);
  }
}

Type typeOf(Scalar type, OpBuilder &builder) {
  switch (type) {
  case Scalar::F32:
    return builder.getF32Type();
  case Scalar::F64:
    return builder.getF64Type();
  case Scalar::F16:
    return builder.getF16Type();
  case Scalar::BF16:
    return builder.getBF16Type();
  case Scalar::I32:
    return builder.getI32Type();
  case Scalar::I16:
    return builder.getI16Type();
  case Scalar::I8:
  case Scalar::U8:
    return builder.getI8Type();
  }
  return nullptr;
}

void storeInteger(std::vector<char> &bytes, int64_t value, Scalar type) {
  if (type == Scalar::I32)
    append(bytes, int32_t(value));
  else if (type == Scalar::I16)
    append(bytes, int16_t(value));
  else
    append(bytes, uint8_t(value));
}

double store(std::vector<char> &bytes, double value, Scalar type) {
  auto half = [&](const llvm::fltSemantics &semantics) {
    llvm::APFloat rounded(value);
    bool losesInfo;
    rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    append(bytes, uint16_t(rounded.bitcastToAPInt().getZExtValue()));
    rounded.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return rounded.convertToDouble();
  };
  if (isInteger(type)) {
    storeInteger(bytes, toInteger(value, type), type);
    return toInteger(value, type);
  }
  switch (type) {
  case Scalar::F32:
    append(bytes, float(value));
    return float(value);
  case Scalar::F64:
    append(bytes, value);
    return value;
  case Scalar::F16:
    return half(llvm::APFloat::IEEEhalf());
  case Scalar::BF16:
    return half(llvm::APFloat::BFloat());
  default:
    return 0;
  }
}

} // namespace tenon::testing
