// Dividing by a constant without a division.
//
// 1 / c is the sum of two floats but for 2^-48 of it, high = RN(1 / c) and low = RN(1 / c - high).
// fma(x, high, RN(x * low)) is the quotient, correctly rounded but for a few x in a few divisors
// (Brisebarre, Muller, Raina: "Accelerating correctly rounded floating-point division when the
// divisor is known in advance", IEEE Transactions on Computers 53(8), 2004). Where the quotient is
// rounded to an integer next, all that matters are the numbers x from which on another integer
// comes out, one beside each (k + 1/2) c. Both ways are monotonic in x, so that looking at the
// floats around these decides for all x.

#include "passes/Quantize/RoundedQuotient.h"
#include <cmath>
#include <limits>

namespace tenon {

/// How many floats on either side of (k + 1/2) c are looked at. Both quotients are within two units
/// of the last place.
static constexpr int kNeighbours = 4;

static float divide(float x, float divisor) { return std::nearbyint(x / divisor); }

static float multiply(float x, Reciprocal by) {
  return std::nearbyint(std::fma(x, by.high, x * by.low));
}

/// Whether both ways step from `below` to `below + 1` at the same x.
static bool agreeAround(int64_t below, float divisor, Reciprocal by) {
  float x = static_cast<float>((below + 0.5) * divisor);
  for (int i = 0; i < kNeighbours; ++i)
    x = std::nextafter(x, -std::numeric_limits<float>::infinity());
  if (divide(x, divisor) != below)
    return false;
  for (int i = 0; i <= 2 * kNeighbours; ++i) {
    if (divide(x, divisor) != multiply(x, by))
      return false;
    if (i < 2 * kNeighbours)
      x = std::nextafter(x, std::numeric_limits<float>::infinity());
  }
  return divide(x, divisor) == below + 1;
}

std::optional<Reciprocal> findReciprocal(float divisor, int64_t first, int64_t last) {
  if (!(divisor > 1e-20F && divisor < 1e20F))
    return std::nullopt;
  double exact = 1 / static_cast<double>(divisor);
  Reciprocal by;
  by.high = static_cast<float>(exact);
  // The remainder 1 - high * divisor is exact in f64, so the difference is as good as rounded once.
  by.low = static_cast<float>((1 - static_cast<double>(by.high) * divisor) * exact);
  for (int64_t below = first; below < last; ++below)
    if (!agreeAround(below, divisor, by))
      return std::nullopt;
  // Of x = first * divisor and last * divisor themselves.
  for (int64_t end : {first, last})
    if (auto x = static_cast<float>(static_cast<double>(end) * divisor);
        divide(x, divisor) != end || multiply(x, by) != end)
      return std::nullopt;
  return by;
}

} // namespace tenon
