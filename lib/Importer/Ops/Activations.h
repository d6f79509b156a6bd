// Activation functions without an op of their own, for the nodes that are one and for those that
// apply one.

#ifndef TENON_LIB_IMPORTER_OPS_ACTIVATIONS_H
#define TENON_LIB_IMPORTER_OPS_ACTIVATIONS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// alpha x below zero.
mlir::Value buildLeakyRelu(NodeImporter &node, mlir::Value x, double alpha);

/// alpha (e^x - 1) below zero.
mlir::Value buildElu(NodeImporter &node, mlir::Value x, double alpha);

/// alpha x + beta, between 0 and 1.
mlir::Value buildHardSigmoid(NodeImporter &node, mlir::Value x, double alpha, double beta);

/// Zero up to alpha.
mlir::Value buildThresholdedRelu(NodeImporter &node, mlir::Value x, double alpha);

/// x / (|x| + 1).
mlir::Value buildSoftsign(NodeImporter &node, mlir::Value x);

} // namespace tenon

#endif
