// Free names of graphs (see the header).

#include "lib/Importer/Subgraphs.h"

namespace tenon {

void forEachSubgraph(const onnx::NodeProto &node,
                     llvm::function_ref<void(const onnx::GraphProto &)> visit) {
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      visit(attribute.g());
    for (const onnx::GraphProto &graph : attribute.graphs())
      visit(graph);
  }
}

void collectFreeNames(const onnx::GraphProto &graph, llvm::StringSet<> &names) {
  llvm::StringSet<> used, defined;
  for (const onnx::ValueInfoProto &input : graph.input())
    defined.insert(input.name());
  for (const onnx::TensorProto &initializer : graph.initializer())
    defined.insert(initializer.name());
  for (const onnx::SparseTensorProto &initializer : graph.sparse_initializer())
    defined.insert(initializer.values().name());
  for (const onnx::NodeProto &node : graph.node()) {
    used.insert(node.input().begin(), node.input().end());
    defined.insert(node.output().begin(), node.output().end());
    forEachSubgraph(node, [&](const onnx::GraphProto &inner) { collectFreeNames(inner, used); });
  }
  for (const onnx::ValueInfoProto &output : graph.output())
    used.insert(output.name());
  for (const auto &entry : used)
    if (!defined.contains(entry.getKey()))
      names.insert(entry.getKey());
}

} // namespace tenon
