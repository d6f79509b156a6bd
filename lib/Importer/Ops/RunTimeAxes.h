// Axes that only a run tells. Ranks are known at compile time, from the number of axes or what the
// model declares; which dimensions they are is followed by arithmetic on small tensors, and sizes
// become new symbols.

#ifndef TENON_LIB_IMPORTER_OPS_RUNTIMEAXES_H
#define TENON_LIB_IMPORTER_OPS_RUNTIMEAXES_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// Whether operand `number` is there, has elements, and they depend on data.
bool hasRunTimeAxes(NodeImporter &node, unsigned number);

/// `values` [k] belong to the k `axes`: an i64 tensor [rank] with each dimension's value, or its
/// element of `otherwise` [rank] where it is no axis. Null after an error.
mlir::Value spreadOverAxes(NodeImporter &node, mlir::Value axes, mlir::Value values, int64_t rank,
                           mlir::Value otherwise);

/// Drops dimensions of size 1: those with 1 in `flags` [rank], of which there are `numFlagged`.
mlir::Value squeezeFlagged(NodeImporter &node, mlir::Value x, mlir::Value flags,
                           int64_t numFlagged);

/// Inserts dimensions of size 1 at `axes` of the result.
mlir::Value unsqueezeAtRunTime(NodeImporter &node, mlir::Value x, mlir::Value axes);

} // namespace tenon

#endif
