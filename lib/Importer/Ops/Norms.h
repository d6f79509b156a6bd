// Normalizations that several nodes have in them.

#ifndef TENON_LIB_IMPORTER_OPS_NORMS_H
#define TENON_LIB_IMPORTER_OPS_NORMS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// Normalizes x [N, C, spatial...] as [N, groups, rest]; scale and bias [C] go along the channels.
mlir::Value buildGroupNorm(NodeImporter &node, mlir::Value x, mlir::AffineExpr groups,
                           mlir::Value scale, mlir::Value bias, double epsilon);

} // namespace tenon

#endif
