// Functions of lanes as handlers of instructions.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_LANES_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_LANES_H

#include "lib/CudaSimulator/Execute/Warp.h"
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

namespace tenon::sim {

/// The value that a lane of a row has as a T.
template <typename T> inline T unpack(uint64_t bits) {
  if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<float>(static_cast<uint32_t>(bits));
  else if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(bits);
  else
    return static_cast<T>(bits);
}

/// The lane of a row that holds a T: zero-extended.
template <typename T> inline uint64_t pack(T value) {
  if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<uint32_t>(value);
  else if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<uint64_t>(value);
  else
    return static_cast<std::make_unsigned_t<T>>(value);
}

/// Calls f(lane) for every lane of a mask.
template <typename F> inline void forLanes(LaneMask mask, F &&f) {
  if (mask == allLanes) {
    for (unsigned lane = 0; lane < warpSize; ++lane)
      f(lane);
    return;
  }
  for (; mask; mask &= mask - 1)
    f(static_cast<unsigned>(std::countr_zero(mask)));
}

template <auto F, typename R, typename... A, size_t... N>
inline Outcome applyLanes(Warp &warp, const Instruction &instruction, LaneMask mask, R (*)(A...),
                          std::index_sequence<N...>) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *sources[] = {warp.row(instruction.operands[N + 1])...};
  if (mask == allLanes) {
    // A destination may be a source, but then lane by lane.
#pragma clang loop vectorize(assume_safety)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      result[lane] = pack<R>(F(unpack<A>(sources[N][lane])...));
    return Outcome::Next;
  }
  for (; mask; mask &= mask - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(mask));
    result[lane] = pack<R>(F(unpack<A>(sources[N][lane])...));
  }
  return Outcome::Next;
}

/// The handler of an instruction `d = F(a, …)` that every lane computes for itself.
template <auto F> Outcome lanes(Warp &warp, const Instruction &instruction, LaneMask mask) {
  constexpr auto function = +F;
  return [&]<typename R, typename... A>(R (*pointer)(A...)) {
    return applyLanes<F>(warp, instruction, mask, pointer, std::index_sequence_for<A...>());
  }(function);
}

} // namespace tenon::sim

#endif
