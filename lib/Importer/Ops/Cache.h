// Caches of keys and values, which nodes write into.

#ifndef TENON_LIB_IMPORTER_OPS_CACHE_H
#define TENON_LIB_IMPORTER_OPS_CACHE_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// The cache with `update` in it along `axis`, from a position for each row of dimension 0 on: i64
/// `starts` [B], or null for 0. With `isCircular`, positions go on at the beginning.
mlir::Value writeCache(NodeImporter &node, mlir::Value cache, mlir::Value update,
                       mlir::Value starts, int64_t axis, bool isCircular = false);

} // namespace tenon

#endif
