// The exponential family: x = n ln 2 + r with integral n and |r| <= ln 2 / 2, so that
// exp(x) = 2^n exp(r). The subtraction takes two steps (ln 2 as a sum of two floats, each in an FMA
// whose product is exact), exp(r) is a polynomial, and the multiplication by 2^n is either one
// instruction of the target or two multiplications, because 2^n alone may overflow or underflow
// where the product does not.
#include "passes/Codegen/Common/MathFunctions.h"
#include <limits>

using namespace mlir;

namespace tenon {

// Adding 1.5 * 2^23 rounds to an integer that then sits in the low bits of the float.
static constexpr double kRoundShift = 0x1.8p23;
static constexpr double kLog2E = 0x1.715476p+0;
static constexpr double kLn2High = 0x1.62e43p-1;
static constexpr double kLn2Low = -0x1.05c61p-29;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// exp(r) = 1 + r P(r), relative error 2^-23.4.
static constexpr double kExp[] = {0x1.fffff6p-1, 0x1.fffdc4p-2, 0x1.555a8ap-3, 0x1.573ad4p-5,
                                  0x1.0f98f8p-7};
// 2^r = 1 + r P(r), |r| <= 1/2.
static constexpr double kExp2[] = {0x1.62e430p-1, 0x1.ebfb94p-3,  0x1.c6af9ep-5,
                                   0x1.3b6802p-7, 0x1.5ef43ap-10, 0x1.1798e0p-13};
// expm1(r) = r + r^2 P(r).
static constexpr double kExpm1[] = {0x1.fffffep-2, 0x1.5554aap-3, 0x1.55579ep-5, 0x1.122c74p-7,
                                    0x1.6aa732p-10};
// sinh(x) = x + x^3 P(x^2), |x| <= 1.
static constexpr double kSinh[] = {0x1.555556p-3, 0x1.1110e0p-7, 0x1.a022bap-13, 0x1.756cb8p-19};
// log2(m) = z P(z^2) with z = (m - 1) / (m + 1), in f64, relative error 2^-42.
static constexpr double kLog2Double[] = {0x1.71547652b7e94p+1, 0x1.ec709dcb595f8p-1,
                                         0x1.2776bc4f9f08dp-1, 0x1.a61e9decafaf3p-2,
                                         0x1.46f2afc4dabbap-2, 0x1.29cfbfc4db8c9p-2};

/// An integer n in both forms: as a float, and in the low bits of n + kRoundShift.
struct Exponent {
  Num value;
  Num shifted;
  Exponent minusOne() const { return {value - 1, shifted - 1}; }
};

/// y * 2^n for n in [-254, 254]; y keeps its NaN.
static Num scale(Num y, Exponent n, const MathOptions &options) {
  if (options.scale && isa<VectorType>(y.type()))
    if (std::optional<Num> scaled = options.scale(y, n.value))
      return *scaled;
  // 2^n = 2^floor(n/2) * 2^ceil(n/2), built in the exponent field (2^23 is its lowest bit).
  Num field = bits(n.shifted) << 23;
  Num half = (field >> 1) & -0x1p23;
  Num one = half.like(0x3f800000);
  return y * fromBits(half + one) * fromBits(field - half + one);
}

/// n = round(x / ln 2), r = x - n ln 2.
static Num reduce(Num x, Num &r, Num &shifted) {
  shifted = fma(x, kLog2E, kRoundShift);
  Num n = shifted - kRoundShift;
  r = fma(n, -kLn2High, x);
  r = fma(n, -kLn2Low, r);
  return n;
}

Num expF32(Num x, const MathOptions &options) {
  // The bounds already give 0 and infinity; beyond them n would not fit.
  x = clamp(x, -104, 89);
  Num r = x, shifted = x;
  Num n = reduce(x, r, shifted);
  return scale(fma(r, horner(r, kExp), 1), {n, shifted}, options);
}

static Num exp2Polynomial(Num r) { return fma(r, horner(r, kExp2), 1); }

Num exp2F32(Num x, const MathOptions &options) {
  x = clamp(x, -151, 129);
  Num shifted = x + kRoundShift;
  Num n = shifted - kRoundShift;
  return scale(exp2Polynomial(x - n), {n, shifted}, options);
}

// 2^n (1 + expm1(r)) - 1 = 2 (s expm1(r) + (s - 1/2)) with s = 2^(n-1), which never overflows.
Num expm1F32(Num x) {
  Num limited = clamp(x, -18, 89);
  Num r = x, shifted = x;
  Num n = reduce(limited, r, shifted);
  Num p = fma(r * r, horner(r, kExpm1), r);
  Num s = fromBits((bits(shifted) << 23) + 126 * 0x1p23);
  Num scaled = fma(s, p, s - 0.5);
  Num result = select(n == 0, p, scaled + scaled);
  return select(x == 0, x, result); // keeps -0
}

/// exp(|x|) / 2, finite wherever sinh and cosh are.
static Num halfExp(Num x, const MathOptions &options) {
  Num r = x, shifted = x;
  Num limited = select(90 < x, 90, x);
  Num n = reduce(limited, r, shifted);
  return scale(fma(r, horner(r, kExp), 1), Exponent{n, shifted}.minusOne(), options);
}

Num sinhF32(Num x, const MathOptions &options) {
  Num magnitude = abs(x);
  Num square = x * x;
  Num small = fma(magnitude * square, horner(square, kSinh), magnitude);
  Num e = halfExp(magnitude, options);
  return copySign(select(magnitude < 1, small, e - 0.25 / e), x);
}

Num coshF32(Num x, const MathOptions &options) {
  Num e = halfExp(abs(x), options);
  return e + 0.25 / e;
}

// |x|^y = 2^(y log2 |x|). The product's absolute error becomes the result's relative error, so the
// logarithm and the product are in f64.
Num powF32(Num x, Num y, const MathOptions &options) {
  Num magnitude = abs(x);
  Num subnormal = magnitude < 0x1p-126;
  Num field = bits(select(subnormal, magnitude * 0x1p23, magnitude));
  Num exponentField = (field - 0x3f2aaaab) & -0x1p23;
  Num m = toF64(fromBits(field - exponentField)); // in [2/3, 4/3)
  Num e = toF64((exponentField >> 23) + select(subnormal, exponentField.like(-23), 0));
  Num z = (m - 1) / (m + 1);
  Num logarithm = fma(z, horner(z * z, kLog2Double), e);
  logarithm = select(magnitude == 0, -kInfinity, logarithm);
  logarithm = select(magnitude < kInfinity, logarithm, toF64(magnitude)); // infinity or NaN

  Num product = clamp(toF64(y) * logarithm, -152, 130);
  Num whole = roundEven(product);
  Num n = toF32(whole);
  Num result = scale(exp2Polynomial(toF32(product - whole)), {n, n + kRoundShift}, options);

  // Negative x: the sign follows odd y, and there is no real result for fractions. Infinite and
  // other very large y count as even integers.
  Num integral = floor(y) == y;
  Num halfY = y * 0.5;
  Num odd = integral & (floor(halfY) < halfY);
  Num signBit = bits(x) & -0x1p31;
  result = select(odd, fromBits(bits(result) | signBit), result);
  Num undefined = (x < 0) & (magnitude < kInfinity) & (floor(y) < y);
  result = select(undefined, kNaN, result);
  // 1^y and x^0 are 1 even for NaN, and (-1)^(+-inf) is 1.
  Num isOne = (x == 1) | (y == 0) | ((magnitude == 1) & (abs(y) == kInfinity));
  return select(isOne, 1, result);
}

} // namespace tenon
