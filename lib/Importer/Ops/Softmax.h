// Softmax's logarithm, for ops that contain one.

#ifndef TENON_LIB_IMPORTER_OPS_SOFTMAX_H
#define TENON_LIB_IMPORTER_OPS_SOFTMAX_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// x - max - log(sum(e^(x - max))) along `axis`.
mlir::Value buildLogSoftmax(NodeImporter &node, mlir::Value x, int64_t axis);

} // namespace tenon

#endif
