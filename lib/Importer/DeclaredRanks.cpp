// Ranks from the back of the graph (see the header). Types that a model declares tell a rank where
// operands do not; exporters declare those of the graph's outputs at least.

#include "lib/Importer/DeclaredRanks.h"

namespace tenon {

/// Whether the node's result has the rank of its first operand whatever the others are.
static bool keepsRank(const onnx::NodeProto &node) {
  static const llvm::StringSet<> operators = {
      "Abs",        "Acos",     "Acosh",     "Asin",  "Asinh",    "Atan",     "Atanh",
      "Cast",       "Ceil",     "Celu",      "Clip",  "CastLike", "Cos",      "Cosh",
      "Elu",        "Erf",      "Exp",       "Floor", "Gelu",     "Identity", "LeakyRelu",
      "Log",        "Neg",      "Not",       "Relu",  "Round",    "Selu",     "LogSoftmax",
      "Reciprocal", "Sigmoid",  "Sign",      "Sin",   "Sinh",     "Mish",     "Softmax",
      "Softplus",   "Softsign", "HardSwish", "Sqrt",  "Tan",      "Tanh",     "HardSigmoid"};
  return normalizeDomain(node.domain()).empty() && operators.contains(node.op_type());
}

std::optional<int64_t> findDeclaredRank(const Scope &scope, llvm::StringRef name) {
  if (const onnx::ValueInfoProto *info = scope.declared.lookup(name);
      info && info->type().has_tensor_type() && info->type().tensor_type().has_shape())
    return info->type().tensor_type().shape().dim_size();
  auto inferred = scope.inferredRanks.find(name);
  return inferred == scope.inferredRanks.end() ? std::nullopt : std::optional(inferred->second);
}

void inferDeclaredRanks(const onnx::GraphProto &graph, Scope &scope) {
  for (const onnx::NodeProto &node : llvm::reverse(graph.node())) {
    if (!keepsRank(node) || node.output_size() < 1 || node.input_size() < 1)
      continue;
    if (std::optional<int64_t> rank = findDeclaredRank(scope, node.output(0)))
      scope.inferredRanks.try_emplace(node.input(0), *rank);
  }
}

} // namespace tenon
