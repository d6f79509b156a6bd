// Where an op came from: the ONNX node and its file.
//
// The importer gives every op the location `fused<"Conv">["conv1"("model.onnx":0:0)]`. Passes keep
// it, so that errors and profiles can name the node at any stage.

#ifndef TENON_DIALECTS_TENON_NODELOCATION_H
#define TENON_DIALECTS_TENON_NODELOCATION_H

#include "mlir/IR/Location.h"
#include <string>

namespace tenon {

/// The location of things that belong to no node.
mlir::Location makeFileLocation(llvm::StringRef file, mlir::MLIRContext *context);

/// The location of an ONNX node. `opType` may be empty for values that are not computed by a node.
mlir::Location makeNodeLocation(llvm::StringRef file, llvm::StringRef node, llvm::StringRef opType,
                                mlir::MLIRContext *context);

/// What a location says about its origin. For an op fused from several nodes, the first one.
struct NodeOrigin {
  llvm::StringRef file, node, opType;
  /// Of a file of text, from 1; 0 in models.
  unsigned line = 0, column = 0;
};
NodeOrigin getNodeOrigin(mlir::Location location);

/// "model.onnx: node 'conv1' (Conv)" or "kernels.mlir:3:7", as far as it is known; else an empty
/// string.
std::string describeOrigin(mlir::Location location);

} // namespace tenon

#endif
