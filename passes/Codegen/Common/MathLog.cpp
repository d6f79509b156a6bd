// The logarithm family: x = 2^e m with m in [2/3, 4/3), so that log(x) = e ln 2 + log(1 + f) with
// f = m - 1. That range keeps e = 0 for x near 1, where a sum of two terms would cancel. log1p
// feeds the rounding error of 1 + x back into f; the inverse hyperbolic functions are log1p of an
// expression that loses nothing for small arguments.
#include "passes/Codegen/Common/MathFunctions.h"
#include <limits>

namespace tenon {

static constexpr double kLn2High = 0x1.62e43p-1;
static constexpr double kLn2Low = -0x1.05c61p-29;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// log(1 + f) = f + f^2 P(f); the first coefficient is exact.
static constexpr double kLog[] = {-0.5,           0x1.555556p-2, -0x1.ffff02p-3, 0x1.99985ep-3,
                                  -0x1.559bb0p-3, 0x1.24d7b6p-3, -0x1.f33d52p-4, 0x1.bb3398p-4,
                                  -0x1.08432cp-3, 0x1.e1a3a8p-4};
// log2(1 + f) = f / ln 2 + f^2 P(f), and the same for log10.
static constexpr double kLog2[] = {-0x1.715478p-1, 0x1.ec70dep-2, -0x1.715230p-2, 0x1.275fcep-2,
                                   -0x1.ed3bf8p-3, 0x1.ab3ff6p-3, -0x1.634c08p-3, 0x1.0c4e02p-3,
                                   -0x1.8fec22p-3, 0x1.0c48aap-2};
static constexpr double kLog10[] = {-0x1.bcb7b2p-3, 0x1.287a2cp-3, -0x1.bcb670p-4, 0x1.63e5c4p-4,
                                    -0x1.28c4bep-4, 0x1.f891dap-5, -0x1.b01bc4p-5, 0x1.97877cp-5,
                                    -0x1.d17bb8p-5, 0x1.8b400ep-5};
static constexpr double kLog2E = 0x1.71547652b82fep+0;
static constexpr double kLog10E = 0x1.bcb7b1526e50ep-2;
static constexpr double kLog10Of2 = 0x1.34413509f79ffp-2;

/// The part of a constant that its f32 rounding loses.
static constexpr double low(double c) { return c - static_cast<float>(c); }

/// x = 2^exponent * (1 + fraction); exponentField is the exponent in a float's exponent bits.
struct Split {
  Num exponent;
  Num fraction;
  Num exponentField;
};

static Split split(Num x) {
  Num subnormal = x < 0x1p-126;
  Num field = bits(select(subnormal, x * 0x1p23, x));
  Num exponentField = (field - 0x3f2aaaab) & -0x1p23; // 2/3
  Num exponent = toF32(exponentField >> 23);
  exponent = exponent - select(subnormal, exponent.like(23), 0);
  return {exponent, fromBits(field - exponentField) - 1, exponentField};
}

/// log's special values: NaN below zero, -inf at zero, +inf at +inf.
static Num fixSpecials(Num x, Num result) {
  result = select(x > 0, result, kNaN);
  result = select(x == 0, -kInfinity, result);
  return select(x == kInfinity, kInfinity, result);
}

static Num logOfSplit(Num exponent, Num f) {
  Num tail = fma(f * f, horner(f, kLog), fma(exponent, kLn2Low, f));
  return fma(exponent, kLn2High, tail);
}

Num logF32(Num x) {
  Split s = split(x);
  return fixSpecials(x, logOfSplit(s.exponent, s.fraction));
}

/// f * factor + f^2 P(f), with the factor in two parts.
static Num scaledLog1p(Num f, double factor, llvm::ArrayRef<double> c) {
  Num tail = fma(f * f, horner(f, c), f * low(factor));
  return fma(f, factor, tail);
}

Num log2F32(Num x) {
  Split s = split(x);
  return fixSpecials(x, s.exponent + scaledLog1p(s.fraction, kLog2E, kLog2));
}

Num log10F32(Num x) {
  Split s = split(x);
  Num tail = fma(s.exponent, low(kLog10Of2), scaledLog1p(s.fraction, kLog10E, kLog10));
  return fixSpecials(x, fma(s.exponent, kLog10Of2, tail));
}

Num log1pF32(Num x) {
  Num sum = x + 1;
  // What the sum lost, exactly (Knuth's two-sum), scaled like the sum's mantissa.
  Num rounded = sum - 1;
  Num lost = (1 - (sum - rounded)) + (x - rounded);
  Split s = split(sum);
  Num f = fma(lost, fromBits(Num(0x3f800000) - s.exponentField), s.fraction);
  f = select(x < 0x1p64, f, s.fraction); // there the scale would leave f32's range
  Num result = fixSpecials(sum, logOfSplit(s.exponent, f));
  return select(x == 0, x, result); // keeps -0
}

/// log1p(x), or log1p(large) + ln 2 where x itself would overflow on its way.
static Num log1pOrDouble(Num isLarge, Num large, Num x) {
  return log1pF32(select(isLarge, large, x)) + select(isLarge, large.like(0x1.62e43p-1), 0);
}

// asinh(x) = log1p(x + x^2 / (1 + sqrt(x^2 + 1))).
Num asinhF32(Num x) {
  Num magnitude = abs(x);
  Num square = x * x;
  Num argument = magnitude + square / (sqrt(square + 1) + 1);
  return copySign(log1pOrDouble(magnitude > 0x1p60, magnitude, argument), x);
}

// acosh(1 + t) = log1p(t + sqrt(2 t + t^2)).
Num acoshF32(Num x) {
  Num t = x - 1;
  Num argument = t + sqrt(fma(t, t, t + t));
  Num result = log1pOrDouble(x > 0x1p60, x, argument);
  return select(x >= 1, result, kNaN);
}

// atanh(x) = log1p(2 x / (1 - x)) / 2.
Num atanhF32(Num x) {
  Num magnitude = abs(x);
  Num argument = (magnitude + magnitude) / (1 - magnitude);
  return copySign(log1pF32(argument) * 0.5, x);
}

// A third of the exponent and mantissa bits is a first guess to 4 %; Halley's iteration triples the
// number of correct digits.
Num cbrtF32(Num x) {
  Num magnitude = abs(x);
  Num small = magnitude < 0x1p-96, large = magnitude > 0x1p96;
  Num one = magnitude.like(1);
  Num a = magnitude * select(small, 0x1p48, select(large, 0x1p-48, one));
  Num guess = toI32(toF32(bits(a)) * (1.0 / 3.0)) + 0x2a5119f2;
  Num y = fromBits(guess);
  for (int i = 0; i < 2; ++i) {
    Num cube = y * y * y;
    y = y + y * ((a - cube) / (cube + cube + a));
  }
  y = y * select(small, 0x1p-16, select(large, 0x1p16, one));
  Num unchanged = (magnitude == 0) | (magnitude == kInfinity) | isNaN(x);
  return select(unchanged, x, copySign(y, x));
}

} // namespace tenon
