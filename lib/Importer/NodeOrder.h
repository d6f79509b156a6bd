// An order of a graph's nodes in which every value is computed before it is used.

#ifndef TENON_LIB_IMPORTER_NODEORDER_H
#define TENON_LIB_IMPORTER_NODEORDER_H

#include "mlir/IR/Location.h"
#include <onnx/onnx_pb.h>

namespace tenon {

/// Nodes come in the file's order wherever dependencies leave a choice. Uses inside of subgraphs
/// count as uses by the node that holds them. Reports cycles and values that are defined twice.
llvm::FailureOr<llvm::SmallVector<const onnx::NodeProto *>>
orderNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
           llvm::function_ref<mlir::Location(const onnx::NodeProto &)> locate);

} // namespace tenon

#endif
