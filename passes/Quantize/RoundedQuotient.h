// Dividing by a constant without a division.
#ifndef TENON_PASSES_QUANTIZE_ROUNDEDQUOTIENT_H
#define TENON_PASSES_QUANTIZE_ROUNDEDQUOTIENT_H

#include <cstdint>
#include <optional>

namespace tenon {

/// Numbers that take the place of a divisor c: `x / c` rounded to f32 and then to an integer is
/// `fma(x, high, x * low)` rounded likewise.
struct Reciprocal {
  float high, low;
};

/// The numbers for a divisor where quotients are rounded, half to even, to integers from `first` to
/// `last`, for every f32 between `first * divisor` and `last * divisor`. None if there are no such
/// numbers, which is rare, or if the divisor is not positive or so large or small that products
/// overflow or lose bits.
std::optional<Reciprocal> findReciprocal(float divisor, int64_t first, int64_t last);

} // namespace tenon

#endif
