// Compiled with -frounding-math (CMakeLists.txt), so that the operations stay between the calls
// that set the mode.

#include "lib/CudaSimulator/Execute/Rounded.h"
#include <cfenv>

namespace tenon::sim {

static int modeOf(Rounding rounding) {
  switch (rounding) {
  case Rounding::Zero:
    return FE_TOWARDZERO;
  case Rounding::Down:
    return FE_DOWNWARD;
  case Rounding::Up:
    return FE_UPWARD;
  default:
    return FE_TONEAREST;
  }
}

template <typename T> static T compute(FloatOperation operation, T a, T b, T c) {
  switch (operation) {
  case FloatOperation::Add:
    return a + b;
  case FloatOperation::Subtract:
    return a - b;
  case FloatOperation::Multiply:
    return a * b;
  case FloatOperation::Divide:
    return a / b;
  case FloatOperation::FusedMultiplyAdd:
    return std::fma(a, b, c);
  case FloatOperation::SquareRoot:
    return std::sqrt(a);
  }
  return a;
}

template <typename T> T computeRounded(FloatOperation operation, Rounding rounding, T a, T b, T c) {
  if (rounding == Rounding::NearestEven)
    return compute(operation, a, b, c);
  std::fesetround(modeOf(rounding));
  T result = compute(operation, a, b, c);
  std::fesetround(FE_TONEAREST);
  return result;
}

template float computeRounded(FloatOperation, Rounding, float, float, float);
template double computeRounded(FloatOperation, Rounding, double, double, double);

uint16_t takeRounding(Builder &builder, bool required) {
  int rounding = required ? builder.expectOneOf({"rn", "rz", "rm", "rp"})
                          : builder.acceptOneOf({"rn", "rz", "rm", "rp"});
  return static_cast<uint16_t>(std::max(rounding, 0));
}

} // namespace tenon::sim
