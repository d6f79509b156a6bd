// A number is taken apart into an integer mantissa and an exponent, rounded at the last bit that
// the format has for that exponent, and put together again.

#include "lib/CudaSimulator/Numbers/Formats.h"
#include <array>
#include <cmath>
#include <cstring>

namespace tenon::sim {

/// Whether cutting off `rest` (of which `half` is one half of the last bit) rounds the magnitude
/// up.
static bool roundsUp(Rounding rounding, bool negative, bool odd, uint64_t rest, uint64_t half) {
  switch (rounding) {
  case Rounding::NearestEven:
    return rest > half || (rest == half && odd);
  case Rounding::NearestAway:
    return rest >= half;
  case Rounding::Zero:
    return false;
  case Rounding::Down:
    return negative && rest;
  case Rounding::Up:
    return !negative && rest;
  case Rounding::Odd:
    return rest && !odd;
  }
  return false;
}

static bool overflowsToInfinity(Rounding rounding, bool negative) {
  return rounding == Rounding::NearestEven || rounding == Rounding::NearestAway ||
         (rounding == Rounding::Up && !negative) || (rounding == Rounding::Down && negative);
}

uint64_t encode(const FloatFormat &format, double value, Rounding rounding, bool saturate) {
  const uint64_t exponentMask = (uint64_t(1) << format.exponentBits) - 1;
  const uint64_t mantissaMask = (uint64_t(1) << format.mantissaBits) - 1;
  const uint64_t allOnes = exponentMask << format.mantissaBits | mantissaMask;
  const uint64_t infinity = exponentMask << format.mantissaBits;
  const uint64_t largest = format.hasInfinity ? infinity - 1 : allOnes - 1;
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  if (std::isnan(value))
    return allOnes;
  bool negative = std::signbit(value);
  uint64_t sign = uint64_t(negative) << (format.exponentBits + format.mantissaBits);
  if (value == 0)
    return sign;
  uint64_t overflow = format.hasInfinity ? infinity : allOnes;
  if (std::isinf(value))
    return sign | (saturate ? largest : overflow);
  int exponent = 0;
  double fraction = std::frexp(std::fabs(value), &exponent); // in [0.5, 1)
  auto mantissa = static_cast<uint64_t>(std::ldexp(fraction, 53));
  // value = mantissa * 2^(exponent - 53); the last bit of the format is 2^last.
  int last = std::max(exponent - 1, 1 - bias) - static_cast<int>(format.mantissaBits);
  int cut = last - (exponent - 53);
  uint64_t kept = cut > 63 ? 0 : mantissa >> cut;
  uint64_t rest = cut > 63 ? 1 : mantissa - (kept << cut);
  uint64_t half = cut > 63 ? 2 : cut > 0 ? uint64_t(1) << (cut - 1) : 0;
  kept += cut > 0 && roundsUp(rounding, negative, kept & 1, rest, half);
  // A mantissa that overflows into the exponent is just the next number.
  int biased = last + static_cast<int>(format.mantissaBits) + bias;
  uint64_t magnitude = kept <= mantissaMask
                           ? kept
                           : (static_cast<uint64_t>(biased - 1) << format.mantissaBits) + kept;
  if (magnitude > largest)
    return sign | (saturate || !overflowsToInfinity(rounding, negative) ? largest : overflow);
  return sign | magnitude;
}

double decode(const FloatFormat &format, uint64_t bits) {
  const uint64_t exponentMask = (uint64_t(1) << format.exponentBits) - 1;
  const uint64_t mantissaMask = (uint64_t(1) << format.mantissaBits) - 1;
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  uint64_t mantissa = bits & mantissaMask, exponent = bits >> format.mantissaBits & exponentMask;
  bool negative = bits >> (format.mantissaBits + format.exponentBits) & 1;
  bool special = exponent == exponentMask && (format.hasInfinity || mantissa == mantissaMask);
  double magnitude;
  if (special)
    magnitude = format.hasInfinity && mantissa == 0 ? INFINITY : NAN;
  else if (exponent == 0)
    magnitude = std::ldexp(double(mantissa), 1 - bias - static_cast<int>(format.mantissaBits));
  else
    magnitude =
        std::ldexp(double(mantissa | (mantissaMask + 1)),
                   static_cast<int>(exponent) - bias - static_cast<int>(format.mantissaBits));
  return negative ? -magnitude : magnitude;
}

template <size_t N> static std::array<float, N> makeTable(const FloatFormat &format) {
  std::array<float, N> table;
  for (size_t i = 0; i < N; ++i)
    table[i] = static_cast<float>(decode(format, i));
  return table;
}

float halfToFloat(uint16_t bits) {
  static const auto table = makeTable<65536>(formatF16);
  return table[bits];
}

float e4m3ToFloat(uint8_t bits) {
  static const auto table = makeTable<256>(formatE4M3);
  return table[bits];
}

float e5m2ToFloat(uint8_t bits) {
  static const auto table = makeTable<256>(formatE5M2);
  return table[bits];
}

double addToOdd(double a, double b) {
  double sum = a + b;
  if (!std::isfinite(sum))
    return sum;
  // Knuth's exact error of the sum.
  double bPart = sum - a, aPart = sum - bPart;
  double error = (a - aPart) + (b - bPart);
  uint64_t bits;
  std::memcpy(&bits, &sum, sizeof bits);
  if (error == 0 || (bits & 1))
    return sum;
  // The exact sum lies between `sum` and its neighbour in the direction of the error.
  return std::nextafter(sum, error > 0 ? INFINITY : -INFINITY);
}

} // namespace tenon::sim
