// Numbers of matrices.

#include "lib/CudaSimulator/Execute/Matrices.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include "lib/CudaSimulator/Numbers/Formats.h"
#include <algorithm>

namespace tenon::sim {

double decodeElement(Type type, uint64_t bits) {
  switch (type) {
  case Type::F16:
    return halfToFloat(static_cast<uint16_t>(bits));
  case Type::BF16:
    return bfloatToFloat(static_cast<uint16_t>(bits));
  case Type::TF32:
    // The low 13 bits are ignored (PTX ISA 9.7.14.4.1, "alternate floating-point").
    return unpack<float>(bits & 0xffffe000);
  case Type::E4M3:
    return e4m3ToFloat(static_cast<uint8_t>(bits));
  case Type::E5M2:
    return e5m2ToFloat(static_cast<uint8_t>(bits));
  case Type::S8:
    return static_cast<int8_t>(bits);
  case Type::U8:
    return static_cast<uint8_t>(bits);
  case Type::S4:
    return static_cast<int8_t>(bits << 4) >> 4;
  case Type::U4:
    return static_cast<double>(bits & 15);
  default:
    return unpack<double>(bits);
  }
}

double decodeAccumulator(Type type, uint64_t bits) {
  switch (type) {
  case Type::F16:
    return halfToFloat(static_cast<uint16_t>(bits));
  case Type::F32:
    return unpack<float>(bits);
  case Type::S32:
    return static_cast<int32_t>(bits);
  default:
    return unpack<double>(bits);
  }
}

uint64_t encodeAccumulator(Type type, double value, bool saturates) {
  switch (type) {
  case Type::F16:
    return floatToHalf(value);
  case Type::F32: {
    auto rounded = static_cast<float>(value);
    return rounded != rounded ? 0x7fffffff : pack(rounded);
  }
  case Type::S32: {
    auto whole = static_cast<int64_t>(value);
    if (saturates)
      whole = std::clamp<int64_t>(whole, INT32_MIN, INT32_MAX);
    return static_cast<uint32_t>(whole);
  }
  default:
    return pack(value);
  }
}

void multiplyInto(std::vector<double> &result, const std::vector<double> &a,
                  const std::vector<double> &b, unsigned rows, unsigned columns, unsigned depth) {
  for (unsigned m = 0; m < rows; ++m) {
    double *row = &result[m * columns];
    for (unsigned k = 0; k < depth; ++k) {
      double factor = a[m * depth + k];
      const double *other = &b[k * columns];
      for (unsigned n = 0; n < columns; ++n)
        row[n] += factor * other[n];
    }
  }
}

} // namespace tenon::sim
