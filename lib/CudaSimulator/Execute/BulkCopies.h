// cp.async.bulk and what belongs to it.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_BULKCOPIES_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_BULKCOPIES_H

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include "lib/CudaSimulator/Execute/TensorMap.h"

namespace tenon::sim {

/// From behind `cp.async.bulk` on.
void decodeBulkCopy(Builder &builder);

/// A place in shared memory and in the tensor, or nullptr where the tensor has none.
struct TileElement {
  uint64_t shared; ///< offset, swizzled
  bool inside;
  uint64_t global;
};

/// Calls `visit` for every element of the box at `coordinates` (PTX ISA 5.5.3 and 5.5.4). `offsets`
/// are those of im2col.
void visitBox(const TensorMap &map, uint64_t shared, const int32_t *coordinates,
              const uint16_t *offsets, const std::function<void(const TileElement &)> &visit);

} // namespace tenon::sim

#endif
