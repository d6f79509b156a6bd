// How shared memory is permuted so that neither rows nor columns of a tile meet in one bank.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_SWIZZLE_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_SWIZZLE_H

#include <cstdint>

namespace tenon::sim {

/// PTX ISA 5.5.6, "Swizzling modes": the number of the 16-byte chunk within 32, 64 or 128 bytes is
/// changed by the number of the 128-byte line that it is in. The value is the width.
enum class Swizzle : uint8_t { None = 0, Bytes32 = 32, Bytes64 = 64, Bytes128 = 128 };

/// The address where a byte really is. `base` is subtracted from the lines' numbers: where the
/// pattern does not begin at a multiple of its own size.
inline uint64_t swizzle(uint64_t address, Swizzle mode, unsigned base = 0) {
  if (mode == Swizzle::None)
    return address;
  uint64_t chunks = static_cast<uint64_t>(mode) / 16 - 1; // mask of the chunk's number
  return address ^ ((((address >> 7) - base) & chunks) << 4);
}

} // namespace tenon::sim

#endif
