// Trigonometric functions: x = n pi/2 + r with |r| <= pi/4, then a polynomial for sin(r) or cos(r)
// by n's lowest bit and a sign by the next. The reduction is in f64 with pi/2 as a sum of two
// doubles: for f32 arguments that leaves r exact to f32 rounding up to 2^50, even next to multiples
// of pi/2 where nearly all of x cancels, and costs less than the many-part f32 reduction that large
// arguments need. The inverse functions reduce to a small argument by a half-angle formula (asin,
// acos) or the reciprocal (atan).
#include "passes/Codegen/Common/MathFunctions.h"
#include <limits>

namespace tenon {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
static constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
static constexpr double kHalfPiHigh = 0x1.921fb54442d18p+0;
static constexpr double kHalfPiLow = 0x1.1a62633145c07p-54;
// As sums of two floats.
static constexpr double kHalfPiF32[] = {0x1.921fb6p+0, -0x1.777a5cp-25};
static constexpr double kPiF32[] = {0x1.921fb6p+1, -0x1.777a5cp-24};

// sin(r) = r + r^3 P(r^2); cos(r) = 1 + r^2 P(r^2), whose first coefficient is exact.
static constexpr double kSin[] = {-0x1.555546p-3, 0x1.110778p-7, -0x1.9953fep-13};
static constexpr double kCos[] = {-0.5, 0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e80ap-16};
// asin(x) = x + x^3 P(x^2) on [0, 1/2]; atan(x) = x + x^3 P(x^2) on [0, 1].
static constexpr double kAsin[] = {0x1.5555c8p-3, 0x1.330204p-4, 0x1.747bc0p-5, 0x1.8c3db8p-6,
                                   0x1.595d12p-5};
static constexpr double kAtan[] = {-0x1.55553ep-2, 0x1.9991e4p-3,  -0x1.242084p-3,
                                   0x1.c08c1ap-4,  -0x1.580814p-4, 0x1.da24cap-5,
                                   -0x1.fd6fbap-6, 0x1.6410dcp-7,  -0x1.d32d8cp-10};

struct Angle {
  Num quadrant; // i32; only the two lowest bits count
  Num sine, cosine;
};

static Angle reduceAngle(Num x) {
  Num wide = toF64(x);
  // Adding 1.5 * 2^52 rounds to an integer that then sits in the low bits.
  Num shifted = fma(wide, kTwoOverPi, 0x1.8p52);
  Num n = shifted - 0x1.8p52;
  Num r = toF32(fma(n, -kHalfPiLow, fma(n, -kHalfPiHigh, wide)));
  Num square = r * r;
  return {toI32(bits(shifted)), fma(r * square, horner(square, kSin), r),
          fma(square, horner(square, kCos), 1)};
}

/// Flips the sign of `value` where bit 1 of `quadrant` is set.
static Num signByQuadrant(Num value, Num quadrant) {
  return fromBits(bits(value) ^ ((quadrant << 30) & -0x1p31));
}

Num sinF32(Num x) {
  Angle a = reduceAngle(x);
  Num result = signByQuadrant(select((a.quadrant & 1) == 0, a.sine, a.cosine), a.quadrant);
  return select(x == 0, x, result); // keeps -0
}

Num cosF32(Num x) {
  Angle a = reduceAngle(x);
  return signByQuadrant(select((a.quadrant & 1) == 0, a.cosine, a.sine), a.quadrant + 1);
}

Num tanF32(Num x) {
  Angle a = reduceAngle(x);
  Num even = (a.quadrant & 1) == 0;
  Num result = select(even, a.sine, -a.cosine) / select(even, a.cosine, a.sine);
  return select(x == 0, x, result);
}

/// asin of `s` given z = s^2 <= 1/4.
static Num smallAsin(Num s, Num z) { return fma(s * z, horner(z, kAsin), s); }

// asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)).
Num asinF32(Num x) {
  Num magnitude = abs(x);
  Num large = magnitude > 0.5;
  Num z = select(large, 0.5 - magnitude * 0.5, x * x);
  Num p = smallAsin(select(large, sqrt(z), magnitude), z);
  Num complement = kHalfPiF32[0] - (p + p - kHalfPiF32[1]);
  return copySign(select(large, complement, p), x);
}

Num acosF32(Num x) {
  Num magnitude = abs(x);
  Num large = magnitude > 0.5;
  Num z = select(large, 0.5 - magnitude * 0.5, x * x);
  Num p = smallAsin(select(large, sqrt(z), x), z);
  Num twice = p + p;
  Num obtuse = kPiF32[0] - (twice - kPiF32[1]);
  return select(large, select(x < 0, obtuse, twice), kHalfPiF32[0] - (p - kHalfPiF32[1]));
}

/// atan of t in [0, 1].
static Num smallAtan(Num t) {
  Num square = t * t;
  return fma(t * square, horner(square, kAtan), t);
}

Num atanF32(Num x) {
  Num magnitude = abs(x);
  Num large = magnitude > 1;
  Num p = smallAtan(select(large, 1 / magnitude, magnitude));
  Num complement = kHalfPiF32[0] - (p - kHalfPiF32[1]);
  return copySign(select(large, complement, p), x);
}

Num atan2F32(Num y, Num x) {
  Num ax = abs(x), ay = abs(y);
  Num steep = ay > ax;
  Num larger = select(steep, ay, ax), smaller = select(steep, ax, ay);
  Num t = smaller / larger;
  // 0 / 0 and inf / inf have directions, too.
  t = select(larger == 0, 0, t);
  t = select(smaller == kInfinity, 1, t);
  Num angle = smallAtan(t);
  angle = select(steep, kHalfPiF32[0] - (angle - kHalfPiF32[1]), angle);
  Num leftwards = bits(x) < 0;
  angle = select(leftwards, kPiF32[0] - (angle - kPiF32[1]), angle);
  return select(isNaN(x) | isNaN(y), kNaN, copySign(angle, y));
}

} // namespace tenon
