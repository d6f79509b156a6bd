// Which elements of a tensor a bulk copy moves, and where they are in shared memory.

#include "lib/CudaSimulator/Execute/BulkCopies.h"

namespace tenon::sim {

static uint64_t lengthOf(const TensorMap &map, unsigned dimension) {
  return uint64_t(map.lengths[dimension]) + 1;
}

static bool isInside(const TensorMap &map, const int64_t *position) {
  for (unsigned i = 0; i < map.rank; ++i)
    if (position[i] < 0 || position[i] >= static_cast<int64_t>(lengthOf(map, i)))
      return false;
  return true;
}

static uint64_t addressOf(const TensorMap &map, const int64_t *position) {
  uint64_t address = map.address + static_cast<uint64_t>(position[0]) * map.elementBytes;
  for (unsigned i = 1; i < map.rank; ++i)
    address += static_cast<uint64_t>(position[i]) * map.strides[i - 1];
  return address;
}

static void visitTile(const TensorMap &map, uint64_t shared, const int32_t *coordinates,
                      const std::function<void(const TileElement &)> &visit) {
  unsigned counts[5] = {1, 1, 1, 1, 1}, steps[5] = {1, 1, 1, 1, 1}, index[5] = {};
  for (unsigned i = 0; i < map.rank; ++i) {
    steps[i] = i ? map.elementStrides[i] : 1;
    counts[i] = (map.box[i] + steps[i] - 1) / steps[i];
  }
  uint64_t total = map.boxBytes() / map.elementBytes;
  for (uint64_t n = 0; n < total; ++n) {
    int64_t position[5];
    for (unsigned i = 0; i < map.rank; ++i)
      position[i] = int64_t(coordinates[i]) + int64_t(index[i]) * steps[i];
    bool inside = isInside(map, position);
    visit({swizzle(shared + n * map.elementBytes, map.swizzle), inside,
           inside ? addressOf(map, position) : 0});
    for (unsigned i = 0; i < map.rank && ++index[i] == counts[i]; ++i)
      index[i] = 0;
  }
}

/// Pixels go through the bounding box, W first, from image to image, each displaced by the offsets
/// of the filter's tap. Dimensions are C, W, H, D (as many as there are) and N.
static void visitColumns(const TensorMap &map, uint64_t shared, const int32_t *coordinates,
                         const uint16_t *offsets,
                         const std::function<void(const TileElement &)> &visit) {
  unsigned spatial = map.rank - 2;
  int64_t pixel[5];
  for (unsigned i = 0; i < map.rank; ++i)
    pixel[i] = coordinates[i];
  uint64_t n = 0;
  for (unsigned p = 0; p < map.pixelsPerColumn; ++p) {
    for (unsigned c = 0; c < map.channelsPerPixel; ++c, ++n) {
      int64_t position[5];
      for (unsigned i = 0; i < map.rank; ++i)
        position[i] = pixel[i];
      position[0] += c;
      for (unsigned i = 0; i < spatial; ++i)
        position[1 + i] += offsets[i];
      bool inside = isInside(map, position);
      visit({swizzle(shared + n * map.elementBytes, map.swizzle), inside,
             inside ? addressOf(map, position) : 0});
    }
    unsigned i = 0;
    for (; i < spatial; ++i) {
      pixel[1 + i] += map.elementStrides[1 + i];
      int64_t last = static_cast<int64_t>(lengthOf(map, 1 + i)) - 1 + map.upper[i];
      if (pixel[1 + i] <= last)
        break;
      pixel[1 + i] = map.lower[i];
    }
    if (i == spatial)
      ++pixel[map.rank - 1];
  }
}

void visitBox(const TensorMap &map, uint64_t shared, const int32_t *coordinates,
              const uint16_t *offsets, const std::function<void(const TileElement &)> &visit) {
  if (map.isIm2col)
    visitColumns(map, shared, coordinates, offsets, visit);
  else
    visitTile(map, shared, coordinates, visit);
}

} // namespace tenon::sim
