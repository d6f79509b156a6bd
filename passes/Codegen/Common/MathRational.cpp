// tanh and erf: odd functions that reach 1 early, each one rational function x P(x^2) / Q(x^2) on
// the range before that. One formula without branches; the ends are cut off by clamping x.
#include "passes/Codegen/Common/MathFunctions.h"

namespace tenon {

static constexpr double kTanhP[] = {1, 0x1.120794p-3, 0x1.ca116ap-9, 0x1.598956p-16,
                                    0x1.ca3464p-27};
static constexpr double kTanhQ[] = {1, 0x1.de5914p-2, 0x1.a7eb20p-6, 0x1.586266p-12,
                                    0x1.a115c4p-21};
static constexpr double kErfP[] = {0x1.20dd74p+0, 0x1.85da00p-3,  0x1.b00f34p-5,
                                   0x1.ed4566p-9, 0x1.2aa4f2p-12, 0x1.132aep-19};
static constexpr double kErfQ[] = {
    1, 0x1.010a64p-1, 0x1.d34e22p-4, 0x1.ea5d04p-7, 0x1.3098f8p-10, 0x1.3f82b0p-15};

static Num oddRational(Num x, double limit, llvm::ArrayRef<double> p, llvm::ArrayRef<double> q) {
  x = clamp(x, -limit, limit);
  Num square = x * x;
  // Rounding may reach past 1 by an ulp or two, but sqrt(1 - tanh(x)^2) must not become NaN.
  return clamp(x * horner(square, p) / horner(square, q), -1, 1);
}

Num tanhF32(Num x) { return oddRational(x, 9.01, kTanhP, kTanhQ); }
Num erfF32(Num x) { return oddRational(x, 3.92, kErfP, kErfQ); }

} // namespace tenon
