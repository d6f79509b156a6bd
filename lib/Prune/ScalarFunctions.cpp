// Operators on numbers, of the kinds that stand between convolutions and products.

#include "lib/Prune/ScalarFunctions.h"
#include "lib/Editing/Attributes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace llvm;

namespace tenon {

using Operands = ArrayRef<std::optional<double>>;
using Function = double (*)(const onnx::NodeProto &, ArrayRef<double>);

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

static double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

static double hardSigmoid(const onnx::NodeProto &node, ArrayRef<double> x) {
  double alpha = getFloat(node, "alpha", 0.2F), beta = getFloat(node, "beta", 0.5F);
  return std::clamp(alpha * x[0] + beta, 0.0, 1.0);
}

/// Bounds are attributes before version 11; those that are left out have no operand.
static double clip(const onnx::NodeProto &node, ArrayRef<double> x) {
  double low = getFloat(node, "min", -INFINITY), high = getFloat(node, "max", INFINITY);
  size_t next = 1;
  if (node.input_size() > 1 && !node.input(1).empty())
    low = x[next++];
  if (node.input_size() > 2 && !node.input(2).empty())
    high = x[next];
  return std::min(std::max(x[0], low), high);
}

static const StringMap<Function> &getFunctions() {
  using Node = const onnx::NodeProto &;
  using X = ArrayRef<double>;
  static const StringMap<Function> functions = {
      {"Identity", [](Node, X x) { return x[0]; }},
      {"Cast", [](Node, X x) { return x[0]; }},
      {"Relu", [](Node, X x) { return std::max(x[0], 0.0); }},
      {"LeakyRelu",
       [](Node n, X x) { return x[0] < 0 ? getFloat(n, "alpha", 0.01F) * x[0] : x[0]; }},
      {"Elu",
       [](Node n, X x) { return x[0] < 0 ? getFloat(n, "alpha", 1) * std::expm1(x[0]) : x[0]; }},
      {"PRelu", [](Node, X x) { return x[0] < 0 ? x[0] * x[1] : x[0]; }},
      {"Sigmoid", [](Node, X x) { return sigmoid(x[0]); }},
      {"Tanh", [](Node, X x) { return std::tanh(x[0]); }},
      {"Erf", [](Node, X x) { return std::erf(x[0]); }},
      {"Exp", [](Node, X x) { return std::exp(x[0]); }},
      {"Softplus", [](Node, X x) { return std::log1p(std::exp(x[0])); }},
      {"HardSigmoid", hardSigmoid},
      {"HardSwish", [](Node, X x) { return x[0] * std::clamp(x[0] / 6 + 0.5, 0.0, 1.0); }},
      {"Abs", [](Node, X x) { return std::fabs(x[0]); }},
      {"Neg", [](Node, X x) { return -x[0]; }},
      {"Sqrt", [](Node, X x) { return std::sqrt(x[0]); }},
      {"Clip", clip},
      {"Add", [](Node, X x) { return x[0] + x[1]; }},
      {"Sub", [](Node, X x) { return x[0] - x[1]; }},
      {"Mul", [](Node, X x) { return x[0] * x[1]; }},
      {"Div", [](Node, X x) { return x[0] / x[1]; }},
      {"Pow", [](Node, X x) { return std::pow(x[0], x[1]); }},
  };
  return functions;
}

std::optional<double> evaluateScalar(const onnx::NodeProto &node, Operands operands) {
  StringRef type = node.op_type();
  if (!node.domain().empty() && node.domain() != "ai.onnx")
    return std::nullopt;
  // Zero times anything is zero, as zero weights are (docs/numerics.md).
  if (type == "Mul" && is_contained(operands, std::optional(0.0)))
    return 0;
  if (type == "Gelu" && operands[0] && getString(node, "approximate", "none") == "none")
    return gelu(*operands[0]);
  auto function = getFunctions().find(type);
  if (function == getFunctions().end() ||
      !all_of(operands, [](auto each) { return each.has_value(); }))
    return std::nullopt;
  SmallVector<double> numbers;
  for (const std::optional<double> &each : operands)
    numbers.push_back(*each);
  double result = function->second(node, numbers);
  return std::isfinite(result) ? std::optional(result) : std::nullopt;
}

} // namespace tenon
