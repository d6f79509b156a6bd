// Graphs in attributes of nodes, and the names that they use of the graphs around them.

#ifndef TENON_LIB_IMPORTER_SUBGRAPHS_H
#define TENON_LIB_IMPORTER_SUBGRAPHS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"
#include <onnx/onnx_pb.h>

namespace tenon {

/// Visits the graphs in a node's attributes, but not those in their nodes.
void forEachSubgraph(const onnx::NodeProto &node,
                     llvm::function_ref<void(const onnx::GraphProto &)> visit);

/// Adds the names that a graph uses but does not define. Names defined anywhere in the graph hide
/// outer ones, whatever the order.
void collectFreeNames(const onnx::GraphProto &graph, llvm::StringSet<> &names);

} // namespace tenon

#endif
