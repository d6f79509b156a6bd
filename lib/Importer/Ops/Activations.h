// Activation functions without an op of their own, for the nodes that are one and for those that
// apply one.

#ifndef TENON_LIB_IMPORTER_OPS_ACTIVATIONS_H
#define TENON_LIB_IMPORTER_OPS_ACTIVATIONS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// The parameters of an activation that is fused to another operator; the activation's own where it
/// has none.
struct ActivationParameters {
  std::optional<double> alpha, beta, gamma;
};

/// The activation that a fused node names as ONNX does. Null after an error.
mlir::Value buildActivation(NodeImporter &node, mlir::Value x, llvm::StringRef name,
                            const ActivationParameters &parameters);

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
