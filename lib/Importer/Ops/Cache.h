// Caches of keys and values, which nodes write into.

#ifndef TENON_LIB_IMPORTER_OPS_CACHE_H
#define TENON_LIB_IMPORTER_OPS_CACHE_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// The cache with `update` in it along `axis`, from a position for each row of dimension 0 on: i64
/// `starts` [B], or null for 0. With `isCircular`, positions go on at the beginning.
mlir::Value writeCache(NodeImporter &node, mlir::Value cache, mlir::Value update,
                       mlir::Value starts, int64_t axis, bool isCircular = false);

/// Which of `keys` keys a query at each position, i64 [B, 1, S, 1], may look at: i1 [B, H, S, T].
using KeyRule = llvm::function_ref<mlir::Value(mlir::Value position, mlir::AffineExpr keys)>;

/// GroupQueryAttention with the node's attributes and its operands, of which the first eight keep
/// their meaning: those of GroupQueryAttention. Keys that the rule forbids do not count.
Results buildGroupQueryAttention(NodeImporter &node, KeyRule rule);

} // namespace tenon

#endif
