// Floats as integers in the same order, which is what trees compare: exact whatever the processor
// is told about denormal numbers, and the float below another one is the integer below.
#ifndef TENON_LIB_TARGET_KERNELLIBRARY_ORDEREDFLOAT_H
#define TENON_LIB_TARGET_KERNELLIBRARY_ORDEREDFLOAT_H

#include <bit>
#include <cstdint>

namespace tenon {

constexpr int32_t orderedInfinity = 0x7f800000;
constexpr int32_t orderedNaN = 0x7fffffff; // above all numbers

/// Both zeros are 0, and minus x is the negative of x: orderedFloat(a) <= orderedFloat(b) if and
/// only if a <= b, for all that are not NaN.
inline int32_t orderedFloat(float value) {
  auto bits = std::bit_cast<int32_t>(value);
  int32_t magnitude = bits & 0x7fffffff, sign = bits >> 31;
  int32_t number = (magnitude ^ sign) - sign;
  return magnitude > orderedInfinity ? orderedNaN : number;
}

} // namespace tenon

#endif
