// Ordering nodes (see the header): Kahn's algorithm with the lowest ready node first, so that a
// sorted file stays as it is.

#include "lib/Importer/NodeOrder.h"
#include "lib/Importer/Subgraphs.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"
#include <queue>

using namespace mlir;

namespace tenon {

namespace {
/// Nodes by number, with edges from each node to its users.
struct Dependencies {
  SmallVector<SmallVector<int, 2>> users, producers;
};
} // namespace

static Dependencies
findDependencies(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
                 const llvm::StringMap<int> &producerOf) {
  Dependencies result;
  result.users.resize(nodes.size());
  result.producers.resize(nodes.size());
  for (int number = 0; number < nodes.size(); ++number) {
    llvm::StringSet<> names;
    names.insert(nodes[number].input().begin(), nodes[number].input().end());
    forEachSubgraph(nodes[number],
                    [&](const onnx::GraphProto &graph) { collectFreeNames(graph, names); });
    for (const auto &name : names) {
      auto producer = producerOf.find(name.getKey());
      if (producer == producerOf.end())
        continue;
      result.users[producer->second].push_back(number);
      result.producers[number].push_back(producer->second);
    }
  }
  return result;
}

/// Some node on a cycle, given that every node in `isStuck` has a producer in `isStuck`.
static int findNodeOnCycle(const Dependencies &dependencies, ArrayRef<bool> isStuck) {
  int node = llvm::find(isStuck, true) - isStuck.begin();
  SmallVector<bool> seen(isStuck.size());
  while (!seen[node]) {
    seen[node] = true;
    node = *llvm::find_if(dependencies.producers[node], [&](int p) { return isStuck[p]; });
  }
  return node;
}

FailureOr<SmallVector<const onnx::NodeProto *>>
orderNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
           function_ref<Location(const onnx::NodeProto &)> locate) {
  llvm::StringMap<int> producerOf;
  SmallVector<bool> isDropped(nodes.size(), false);
  for (int number = 0; number < nodes.size(); ++number)
    for (const std::string &output : nodes[number].output()) {
      if (output.empty())
        continue;
      auto [entry, isNew] = producerOf.try_emplace(output, number);
      int first = entry->second;
      if (isNew)
        continue;
      // Careless edits of models add constants of the same name; as elsewhere, the last one counts.
      if (first != number && nodes[first].op_type() == "Constant" &&
          nodes[number].op_type() == "Constant") {
        isDropped[first] = true;
        entry->second = number;
        continue;
      }
      InFlightDiagnostic error = emitError(locate(nodes[number]));
      error << "output '" << output << "' is already defined by another node";
      error.attachNote(locate(nodes[first])) << "it is defined here first";
      return error;
    }

  Dependencies dependencies = findDependencies(nodes, producerOf);
  SmallVector<int> missing;
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int number = 0; number < nodes.size(); ++number) {
    missing.push_back(dependencies.producers[number].size());
    if (missing.back() == 0)
      ready.push(number);
  }
  SmallVector<const onnx::NodeProto *> order;
  SmallVector<bool> isStuck(nodes.size(), true);
  while (!ready.empty()) {
    int number = ready.top();
    ready.pop();
    isStuck[number] = false;
    if (!isDropped[number])
      order.push_back(&nodes[number]);
    for (int user : dependencies.users[number])
      if (--missing[user] == 0)
        ready.push(user);
  }
  if (llvm::is_contained(isStuck, true)) {
    const onnx::NodeProto &node = nodes[findNodeOnCycle(dependencies, isStuck)];
    return emitError(locate(node)) << "the graph has a cycle through this node: it needs its own "
                                      "output";
  }
  return order;
}

} // namespace tenon
