// What of ONNX nodes can be quantized (see the header).

#include "lib/Quantize/QuantizableNodes.h"
#include "lib/Editing/Attributes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"

namespace tenon::quantize {

bool isStandard(const onnx::NodeProto &node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}

bool isProduct(const onnx::NodeProto &node) {
  return isStandard(node) && (node.op_type() == "Conv" || node.op_type() == "ConvTranspose" ||
                              node.op_type() == "Gemm" || node.op_type() == "MatMul");
}

bool isTableLookup(const ModelEditor &model, const onnx::NodeProto &node) {
  return isStandard(node) && node.op_type() == "Gather" && node.input_size() == 2 &&
         model.isConstant(node.input(0)) && !model.isConstant(node.input(1)) &&
         getInt(node, "axis", 0) == 0;
}

/// Where the results of a weight and what they sum lie among its dimensions.
struct WeightAxes {
  std::optional<int64_t> results, summed;
};

static WeightAxes getWeightAxes(const onnx::NodeProto &node, int operand, int64_t rank) {
  if (node.op_type() == "Conv")
    return {0, 1};
  // [C, M / group, ...]: with groups an index of M stands for several results.
  if (node.op_type() == "ConvTranspose")
    return {getInt(node, "group", 1) == 1 ? std::optional<int64_t>(1) : std::nullopt, 0};
  if (node.op_type() == "Gemm") {
    bool isTransposed = getInt(node, operand == 0 ? "transA" : "transB", 0);
    int64_t results = operand == 0 ? isTransposed : !isTransposed;
    return {results, 1 - results};
  }
  if (rank < 2)
    return {};
  int64_t last = rank - 1;
  return operand == 0 ? WeightAxes{last - 1, last} : WeightAxes{last, last - 1};
}

llvm::SmallVector<QuantizableOperand> getQuantizableOperands(const ModelEditor &model,
                                                             const ValueTypes &types,
                                                             const onnx::NodeProto &node) {
  llvm::SmallVector<QuantizableOperand> operands;
  if (isTableLookup(model, node)) {
    auto table = types.find(node.input(0));
    if (table != types.end() && table->second.dtype == TENON_FLOAT &&
        table->second.dims.size() == 2)
      operands.push_back({0, OperandRole::Weight, 1, std::nullopt});
    return operands;
  }
  if (!isProduct(node) || node.input_size() < 2)
    return operands;
  for (int number : {0, 1}) {
    auto type = types.find(node.input(number));
    if (type == types.end() || type->second.dtype != TENON_FLOAT)
      return {};
    if (!model.isConstant(node.input(number))) {
      operands.push_back({number, OperandRole::Activation, std::nullopt, std::nullopt});
      continue;
    }
    WeightAxes axes = getWeightAxes(node, number, type->second.dims.size());
    operands.push_back({number, OperandRole::Weight, axes.results, axes.summed});
  }
  if (llvm::none_of(operands, [](const QuantizableOperand &operand) {
        return operand.role == OperandRole::Activation;
      }))
    return {};
  // A bias that is scaled, or added to each row by itself, stays as it is.
  bool hasBias = node.input_size() > 2 && model.isConstant(node.input(2)) &&
                 getFloat(node, "alpha", 1) == 1 && getFloat(node, "beta", 1) == 1;
  auto bias = hasBias ? types.find(node.input(2)) : types.end();
  if (bias != types.end() && bias->second.dims.size() == 1)
    operands.push_back({2, OperandRole::Bias, 0, std::nullopt});
  return operands;
}

std::optional<QuantizableOperand> findWeight(llvm::ArrayRef<QuantizableOperand> operands) {
  for (const QuantizableOperand &operand : operands)
    if (operand.role == OperandRole::Weight)
      return operand;
  return std::nullopt;
}

llvm::SmallVector<int> getMovedOperands(const onnx::NodeProto &node) {
  if (!isStandard(node))
    return {};
  if (node.op_type() == "Concat")
    return llvm::to_vector(llvm::seq<int>(0, node.input_size()));
  // Zeros that are put beside the elements are a value that every scale has.
  bool padsWithZeros =
      node.op_type() == "Pad" && getString(node, "mode", "constant") == "constant" &&
      (node.input_size() < 3 || node.input(2).empty()) && getFloat(node, "value", 0) == 0;
  bool moves = llvm::StringSwitch<bool>(node.op_type())
                   .Cases({"MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}, true)
                   .Cases({"Transpose", "Slice", "Split", "Gather", "Expand", "Tile"}, true)
                   .Cases({"DepthToSpace", "SpaceToDepth", "Identity"}, true)
                   .Default(padsWithZeros);
  return moves && node.input_size() ? llvm::SmallVector<int>{0} : llvm::SmallVector<int>{};
}

bool isPointwise(const onnx::NodeProto &node) {
  return isStandard(node) && llvm::StringSwitch<bool>(node.op_type())
                                 .Cases({"Add", "Sub", "Mul", "Div", "Max", "Min"}, true)
                                 .Cases({"Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid"}, true)
                                 .Cases({"HardSigmoid", "HardSwish", "Tanh", "Gelu", "Elu"}, true)
                                 .Default(false);
}

} // namespace tenon::quantize
