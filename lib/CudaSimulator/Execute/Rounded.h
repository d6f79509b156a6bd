// Arithmetic of f32 and f64 with the modifiers of PTX: rounding, .ftz and .sat.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_ROUNDED_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_ROUNDED_H

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include "lib/CudaSimulator/Numbers/Formats.h"
#include <cmath>

namespace tenon::sim {

/// Instruction::flags of float instructions: the rounding in the low bits, then these.
enum FloatFlags : uint16_t {
  RoundingMask = 7,
  FlushSubnormals = 8,
  Saturate = 16,
  PropagateNaN = 32
};

enum class FloatOperation { Add, Subtract, Multiply, Divide, FusedMultiplyAdd, SquareRoot };

/// One operation, rounded as asked (slow: it sets the processor's mode).
template <typename T> T computeRounded(FloatOperation operation, Rounding rounding, T a, T b, T c);

/// Subnormal numbers as zeros of the same sign.
template <typename T> inline T flush(T value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(T(0), value) : value;
}

/// Into [0, 1]; NaN becomes 0.
template <typename T> inline T saturate(T value) {
  return value > 0 ? (value < 1 ? value : T(1)) : T(0);
}

/// Results that are NaN have PTX's canonical bits.
inline float canonical(float value) {
  return value != value ? std::bit_cast<float>(uint32_t(0x7fffffff)) : value;
}
inline double canonical(double value) { return value; }

/// Takes `.rn`, `.rz`, `.rm` or `.rp`, as flags. `required`: one must be there.
uint16_t takeRounding(Builder &builder, bool required);

/// Takes `.ftz` and then `.sat`, where they are, as flags.
inline uint16_t takeFlush(Builder &builder) { return builder.accept("ftz") ? FlushSubnormals : 0; }
inline uint16_t takeSaturate(Builder &builder) { return builder.accept("sat") ? Saturate : 0; }

/// The handler of an operation with `count` sources and any flags.
template <FloatOperation operation, typename T, unsigned count>
Outcome roundedLanes(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *sources[3] = {};
  for (unsigned i = 0; i < count; ++i)
    sources[i] = warp.row(instruction.operands[i + 1]);
  auto rounding = static_cast<Rounding>(instruction.flags & RoundingMask);
  forLanes(mask, [&](unsigned lane) {
    T values[3] = {};
    for (unsigned i = 0; i < count; ++i) {
      values[i] = unpack<T>(sources[i][lane]);
      if (instruction.flags & FlushSubnormals)
        values[i] = flush(values[i]);
    }
    T value = computeRounded<T>(operation, rounding, values[0], values[1], values[2]);
    if (instruction.flags & FlushSubnormals)
      value = flush(value);
    if (instruction.flags & Saturate)
      value = saturate(value);
    result[lane] = pack(canonical(value));
  });
  return Outcome::Next;
}

} // namespace tenon::sim

#endif
