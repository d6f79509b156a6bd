// Sixteen floats at a time: loads, stores and the functions that recurrent cells apply.
//
// A Vec is one AVX-512 register, two of AVX, or four of SSE or NEON: the compiler splits it. exp
// and tanh come from one reduction: y = n ln2 + r with |r| <= ln2 / 2, and
//
//     e^r - 1 = r + r^2 (1/2 + r/6 + r^2/24 + ...)        (to r^7: relative error below 2^-26)
//     e^y - 1 = 2^n (e^r - 1) + (2^n - 1)
//     tanh x  = E / (E + 2)  with  E = e^(2x) - 1
//
// so that neither loses digits near zero. All are accurate to 4 ulp (test/unit/library).

#ifndef TENON_LIB_TARGET_KERNELLIBRARY_SRC_VECTORMATH_H
#define TENON_LIB_TARGET_KERNELLIBRARY_SRC_VECTORMATH_H

#include <cstdint>
#include <cstring>

namespace tenon::library {

inline constexpr int64_t vecLanes = 16;
typedef float Vec __attribute__((vector_size(64)));
typedef int32_t IntVec __attribute__((vector_size(64)));

// Vectors are passed by reference or inlined: by value, the ABI would depend on the target.
#define TENON_INLINE static inline __attribute__((always_inline))

/// Before a loop of few, known trips: it is unrolled where the library is compiled, before arrays
/// that it indexes are cut into registers.
#define TENON_UNROLL _Pragma("clang loop unroll(full)")

TENON_INLINE void load(Vec &v, const float *from) { std::memcpy(&v, from, sizeof(Vec)); }
TENON_INLINE void store(float *to, const Vec &v) { std::memcpy(to, &v, sizeof(Vec)); }

/// The first `count` lanes; the others are 0.
TENON_INLINE void loadPart(Vec &v, const float *from, int64_t count) {
  if (count >= vecLanes)
    return load(v, from);
  v = Vec{};
  for (int64_t i = 0; i < count; ++i)
    v[i] = from[i];
}
TENON_INLINE void storePart(float *to, const Vec &v, int64_t count) {
  if (count >= vecLanes)
    return store(to, v);
  for (int64_t i = 0; i < count; ++i)
    to[i] = v[i];
}

TENON_INLINE void clamp(Vec &v, float low, float high) {
  v = v < low ? Vec{} + low : v;
  v = v > high ? Vec{} + high : v;
}

/// scale = 2^n and reduced = e^r - 1 for v = n ln2 + r. |v| must be below 88.
TENON_INLINE void reduceExp(const Vec &v, Vec &scale, Vec &reduced) {
  const float shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
  Vec shifted = v * 1.44269504f + shift;
  Vec n = shifted - shift;
  Vec r = v - n * 0.693145752f;
  r = r - n * 1.42860677e-6f;
  Vec p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * r + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  reduced = p * (r * r) + r;
  IntVec exponent = (IntVec)shifted;
  exponent = (exponent + (127 - 0x4b400000)) << 23;
  scale = (Vec)exponent;
}

TENON_INLINE void vecExp(Vec &v) {
  Vec x = v, scale, reduced;
  clamp(x, -87.0f, 87.5f);
  reduceExp(x, scale, reduced);
  v = scale * reduced + scale;
}

TENON_INLINE void vecSigmoid(Vec &v) {
  Vec e = -v;
  vecExp(e);
  v = 1.0f / (1.0f + e);
}

TENON_INLINE void vecTanh(Vec &v) {
  Vec x = v < 0.0f ? -v : v;
  x = x > 10.0f ? Vec{} + 10.0f : x; // tanh rounds to 1 from 9.01 on
  Vec twice = x + x, scale, reduced;
  reduceExp(twice, scale, reduced);
  Vec e = scale * reduced + (scale - 1.0f);
  Vec result = e / (e + 2.0f);
  v = v < 0.0f ? -result : result;
}

} // namespace tenon::library

#endif
