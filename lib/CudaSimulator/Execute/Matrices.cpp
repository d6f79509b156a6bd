// Numbers of matrices.

#include "lib/CudaSimulator/Execute/Matrices.h"
#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Fault.h"
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

/// A group of four columns takes four bits: the two indices, the lower element's first. Sixteen
/// bits serve 16 columns (8 of tf32, of which one in two is kept and spoken of as two halves). With
/// types of 16 and 32 bits, lane `4 * group + t` has in its low half the bits of row `group` and in
/// its high half those of row `group + 8`, for the t-th 16 columns; the selector says which lane,
/// or pair of lanes, of the four counts. With types of 8 bits, all 32 bits of a lane are of one
/// row: of row `group` in even lanes, of row `group + 8` in odd ones, for 32 columns each pair.
unsigned sparseColumn(const SparseMatrix &matrix, const uint64_t *metadata, unsigned row,
                      unsigned column) {
  unsigned group = row % 8, upper = row / 8;
  bool isTf32 = matrix.type == Type::TF32;
  unsigned chunk = isTf32 ? column : column / 2;
  unsigned lane, shift;
  if (bitsOf(matrix.type) == 8) {
    lane = 4 * group + chunk / 8 * 2 + upper + 2 * matrix.selector;
    shift = 4 * (chunk % 8);
  } else {
    unsigned block = chunk / 4;
    unsigned lanes = matrix.k * (isTf32 ? 2 : 1) / 16;
    lane = 4 * group + matrix.selector * lanes + block;
    shift = 16 * upper + 4 * (chunk % 4);
  }
  auto bits = static_cast<unsigned>(metadata[lane] >> shift & 15);
  if (isTf32) {
    if (bits != 0b1110 && bits != 0b0100)
      throw Fault(FaultKind::Trap, "the metadata of tf32 is neither 0b1110 nor 0b0100",
                  static_cast<int>(lane));
    return 2 * chunk + (bits == 0b1110);
  }
  unsigned first = bits & 3, second = bits >> 2;
  if (first >= second)
    throw Fault(FaultKind::Trap,
                "the metadata names columns " + std::to_string(first) + " and " +
                    std::to_string(second) + ", which do not ascend",
                static_cast<int>(lane));
  return 4 * chunk + (column % 2 ? second : first);
}

unsigned takeSelector(Builder &builder, Type type, unsigned k) {
  uint64_t selector = builder.immediate();
  unsigned bitsPerColumn = bitsOf(type) == 32 ? 2 : 1;
  unsigned lanes = k * bitsPerColumn / 16; // of four
  if (selector >= 4 / lanes)
    builder.fail("the selector " + std::to_string(selector) + " is not below " +
                 std::to_string(4 / lanes));
  return static_cast<unsigned>(selector);
}

} // namespace tenon::sim
