// Tensor maps: what cuTensorMapEncode* write and bulk copies read. The 128 bytes are opaque to
// programs; these are the simulator's own.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_TENSORMAP_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_TENSORMAP_H

#include "lib/CudaSimulator/Execute/Swizzle.h"
#include <cstdint>

namespace tenon::sim {

/// PTX ISA 5.5, "Tensors".
struct TensorMap {
  static constexpr uint32_t validMark = 0x7e9502d7;

  uint32_t mark;
  uint8_t rank;
  uint8_t elementBytes;
  Swizzle swizzle;
  uint8_t isIm2col : 1;
  uint8_t fillsWithNaN : 1;
  uint64_t address;
  uint64_t strides[4]; ///< bytes; of dimensions 1 and up
  uint32_t lengths[5]; ///< minus one, since a length may be 2^32
  uint8_t elementStrides[5];
  uint8_t type;               ///< CUtensorMapDataType
  uint16_t box[5];            ///< tiled: elements in each dimension
  int16_t lower[3], upper[3]; ///< im2col: corners of the box of pixels, W first
  uint16_t channelsPerPixel, pixelsPerColumn;

  /// Bytes that a copy moves.
  uint64_t boxBytes() const;
};
static_assert(sizeof(TensorMap) <= 128);

inline uint64_t TensorMap::boxBytes() const {
  if (isIm2col)
    return uint64_t(channelsPerPixel) * pixelsPerColumn * elementBytes;
  uint64_t count = elementBytes;
  for (unsigned i = 0; i < rank; ++i) {
    // The innermost dimension is always dense.
    unsigned stride = i ? elementStrides[i] : 1;
    count *= (box[i] + stride - 1) / stride;
  }
  return count;
}

} // namespace tenon::sim

#endif
