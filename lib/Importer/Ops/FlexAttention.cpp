// FlexAttention of ai.onnx.preview: attention whose scores and probabilities pass through graphs of
// the model.

#include "lib/Importer/Ops/Attention.h"

using namespace mlir;

namespace tenon {

/// What the node's graph `name` makes of a tensor, which keeps its type; null if there is no such
/// graph.
static std::function<Value(Value)> getModifier(NodeImporter &node, StringRef name) {
  if (!node.hasAttribute(name))
    return nullptr;
  const onnx::GraphProto *graph = node.getGraph(name);
  return [&node, graph, name](Value x) -> Value {
    if (!graph || !x)
      return nullptr;
    FailureOr<SmallVector<Value>> results = node.inlineGraph(*graph, x);
    if (failed(results))
      return nullptr;
    if (results->size() == 1 && node.rank(results->front()) == node.rank(x) &&
        node.elementType(results->front()) == node.elementType(x))
      return TensorMath(node).sized(results->front(), node.dims(x), "the result of a modifier");
    node.emitAttributeError(name) << "must give one tensor like its input, " << x.getType();
    return nullptr;
  };
}

static Results importFlexAttention(NodeImporter &node) {
  AttentionProblem problem;
  problem.queries = node.operand(0);
  problem.keys = node.operand(1);
  problem.values = node.operand(2);
  problem.scale = node.getFloat("scale", 0);
  problem.softmaxType = node.getElementType("softmax_precision", /*required=*/false);
  if (!problem.softmaxType && !node.elementType(problem.queries).isF64())
    problem.softmaxType = node.builder().getF32Type();
  problem.changeScores = getModifier(node, "score_mod");
  problem.changeProbabilities = getModifier(node, "prob_mod");
  return {{buildAttention(node, problem).result}};
}

void registerFlexAttentionOps(OpRegistry &registry) {
  registry.add("ai.onnx.preview", "FlexAttention", 1, 3, importFlexAttention);
}

} // namespace tenon
