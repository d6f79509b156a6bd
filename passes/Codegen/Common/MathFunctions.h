// Elementary functions on f32 scalars and vectors as polynomials and rational functions: a few
// instructions per vector and no calls. Coefficients come from scripts/derive_math.py (minimax fits
// by the Remez exchange). Errors are below 3 ulp, most below 2, and 6 for tanh and erf near 1 (the
// unit test prints a table); NaN, infinities, signed zeros, overflow and gradual underflow behave
// as in libm.
#ifndef TENON_PASSES_CODEGEN_COMMON_MATHFUNCTIONS_H
#define TENON_PASSES_CODEGEN_COMMON_MATHFUNCTIONS_H

#include "passes/Codegen/Common/Num.h"
#include <optional>

namespace tenon {

/// What a target computes in fewer instructions than arithmetic and fused multiply-adds.
struct MathOptions {
  /// y 2^n of vectors for integral n, with correct overflow and underflow; nothing if there is no
  /// instruction for vectors of this length. Null if there is none at all.
  std::optional<Num> (*scale)(Num y, Num n) = nullptr;
  /// Whether code can call libm, for what has no other form: functions of f64, and those of angles
  /// beyond kTrigonometricLimit. Without it the former fail to compile, and the latter are NaN.
  bool hasLibm = true;
};

Num expF32(Num x, const MathOptions &options);
Num exp2F32(Num x, const MathOptions &options);
Num expm1F32(Num x);
Num sinhF32(Num x, const MathOptions &options);
Num coshF32(Num x, const MathOptions &options);
Num powF32(Num x, Num y, const MathOptions &options);

Num tanhF32(Num x);
Num erfF32(Num x);

Num logF32(Num x);
Num log2F32(Num x);
Num log10F32(Num x);
Num log1pF32(Num x);
Num asinhF32(Num x);
Num acoshF32(Num x);
Num atanhF32(Num x);
Num cbrtF32(Num x);

/// Exact to rounding for |x| < kTrigonometricLimit; beyond it the result is meaningless.
constexpr double kTrigonometricLimit = 0x1p50;
Num sinF32(Num x);
Num cosF32(Num x);
Num tanF32(Num x);
Num asinF32(Num x);
Num acosF32(Num x);
Num atanF32(Num x);
Num atan2F32(Num y, Num x);

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_MATHFUNCTIONS_H
