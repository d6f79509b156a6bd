// Floating-point formats beyond those of the host, and rounding in every direction.
#ifndef TENON_LIB_CUDASIMULATOR_NUMBERS_FORMATS_H
#define TENON_LIB_CUDASIMULATOR_NUMBERS_FORMATS_H

#include <cstdint>

namespace tenon::sim {

enum class Rounding : uint8_t {
  NearestEven, ///< .rn
  Zero,        ///< .rz
  Down,        ///< .rm
  Up,          ///< .rp
  NearestAway, ///< .rna
  Odd,         ///< exact, or the neighbour with an odd last bit: rounding it again is correct
};

struct FloatFormat {
  unsigned exponentBits, mantissaBits;
  bool hasInfinity; ///< e4m3 has none: its largest exponent holds numbers, and one NaN
  unsigned bits() const { return 1 + exponentBits + mantissaBits; }
};

constexpr FloatFormat formatF16{5, 10, true};
constexpr FloatFormat formatBF16{8, 7, true};
constexpr FloatFormat formatTF32{8, 10, true};
constexpr FloatFormat formatF32{8, 23, true};
constexpr FloatFormat formatE4M3{4, 3, false};
constexpr FloatFormat formatE5M2{5, 2, true};

/// The bits of `value` in a format. What is too large becomes an infinity or the largest number, as
/// the rounding says; with `saturate`, always the largest number (.satfinite). NaN is PTX's
/// canonical one (all exponent and mantissa bits but the sign), as PTX ISA 9.7.9.22 (cvt) says for
/// each format.
uint64_t encode(const FloatFormat &format, double value, Rounding rounding, bool saturate = false);
double decode(const FloatFormat &format, uint64_t bits);

/// Table look-ups of `decode`.
float halfToFloat(uint16_t bits);
float e4m3ToFloat(uint8_t bits);
float e5m2ToFloat(uint8_t bits);
inline float bfloatToFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  __builtin_memcpy(&value, &wide, sizeof value);
  return value;
}

inline uint16_t floatToHalf(double value) {
  return static_cast<uint16_t>(encode(formatF16, value, Rounding::NearestEven));
}
inline uint16_t floatToBFloat(double value) {
  return static_cast<uint16_t>(encode(formatBF16, value, Rounding::NearestEven));
}

/// a + b, and a * b + c of numbers with at most 26 bits of mantissa, rounded to odd: rounding the
/// result once more to at most 50 bits gives the correctly rounded result.
double addToOdd(double a, double b);

} // namespace tenon::sim

#endif
