// Forward through the graph (see the header). Numbers are rounded to f32 after each step, as the
// model's are.

#include "lib/Prune/ChannelConstants.h"
#include "lib/Prune/ScalarFunctions.h"
#include "lib/Prune/Slices.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>

using namespace llvm;

namespace tenon {

/// What a DequantizeLinear makes of constants; nullopt for blocks.
static std::optional<Tensor> dequantize(const onnx::NodeProto &node,
                                        ArrayRef<const Tensor *> from) {
  const Tensor &values = *from[0], &scales = *from[1], *zeros = from.size() > 2 ? from[2] : nullptr;
  int64_t rank = values.dims.size(), axis = getInt(node, "axis", 1), inner = 1;
  axis += axis < 0 ? rank : 0;
  bool isPerChannel = scales.numElements() != 1;
  if (isPerChannel && (axis >= rank || scales.dims.size() != 1 ||
                       scales.dims.front() != values.dims[axis] || getInt(node, "block_size", 0)))
    return std::nullopt;
  if (zeros && zeros->numElements() != scales.numElements())
    return std::nullopt;
  for (int64_t each = axis + 1; each < rank; ++each)
    inner *= values.dims[each];
  Expected<Tensor> result = Tensor::create(scales.dtype, values.dims);
  if (!result) {
    consumeError(result.takeError());
    return std::nullopt;
  }
  for (int64_t element : seq(values.numElements())) {
    int64_t channel = isPerChannel ? element / inner % values.dims[axis] : 0;
    double zero = zeros ? zeros->element(channel) : 0;
    result->setElement(element, (values.element(element) - zero) * scales.element(channel));
  }
  return std::move(*result);
}

std::optional<Tensor> ConstantCache::read(StringRef value) {
  if (editor.isConstant(value)) {
    Expected<Tensor> tensor = editor.readConstant(value);
    if (tensor && tensor->dtype != TENON_STRING)
      return std::move(*tensor);
    if (!tensor)
      consumeError(tensor.takeError()); // whoever imports the model reports it
    return std::nullopt;
  }
  const onnx::NodeProto *producer = editor.findProducer(value);
  if (!producer || producer->op_type() != "DequantizeLinear")
    return std::nullopt;
  SmallVector<const Tensor *> operands;
  for (const std::string &operand : producer->input()) {
    if (!editor.isConstant(operand) || !find(operand))
      return std::nullopt;
    operands.push_back(find(operand));
  }
  return dequantize(*producer, operands);
}

const Tensor *ConstantCache::find(StringRef value) {
  if (value.empty())
    return nullptr;
  auto known = tensors.find(value);
  if (known != tensors.end())
    return known->second.get();
  std::optional<Tensor> tensor = read(value);
  auto &entry = tensors[value];
  if (tensor)
    entry = std::make_unique<Tensor>(std::move(*tensor));
  return entry.get();
}

ChannelConstants::ChannelConstants(const ModelEditor &editor, const ValueTypes &types,
                                   const ChannelGroups &groups, ConstantCache &constants)
    : editor(editor), types(types), groups(groups), sets(groups.getSets()), constants(constants) {
  for (const WeightedSum &sum : groups.getSums())
    sumOfNode[sum.node] = &sum;
  for (const onnx::NodeProto &node : editor.graph().node())
    evaluate(node);
}

bool ChannelConstants::isFloat(StringRef value) const {
  auto type = types.find(value);
  return type != types.end() && isFloatingPoint(type->second.dtype);
}

void ChannelConstants::set(StringRef value, int64_t channel, double number) {
  values[channel] = static_cast<float>(number);
  touched.insert(value);
}

/// Operators that bring each element of a result unchanged from an operand, or choose or mix
/// elements of one channel in a way that leaves a number alone.
static bool movesElements(const onnx::NodeProto &node) {
  static constexpr StringLiteral types[] = {"Concat",
                                            "Split",
                                            "Slice",
                                            "Transpose",
                                            "Reshape",
                                            "Flatten",
                                            "Squeeze",
                                            "Unsqueeze",
                                            "Expand",
                                            "Tile",
                                            "Gather",
                                            "Dropout",
                                            "GlobalAveragePool",
                                            "GlobalMaxPool",
                                            "MaxPool",
                                            "ReduceMean",
                                            "ReduceMax",
                                            "ReduceMin"};
  return (node.domain().empty() || node.domain() == "ai.onnx") &&
         is_contained(types, node.op_type());
}

/// The same, but with zeros around an image.
static bool movesWithZeros(const onnx::NodeProto &node) {
  return (node.domain().empty() || node.domain() == "ai.onnx") && node.op_type() == "AveragePool";
}

void ChannelConstants::evaluate(const onnx::NodeProto &node) {
  if (const WeightedSum *sum = sumOfNode.lookup(&node))
    return evaluateSum(*sum);
  if (node.op_type() == "BatchNormalization")
    return evaluateBatchNormalization(node);
  bool isTouched = any_of(node.input(), [&](const auto &input) { return touched.contains(input); });
  if (movesElements(node) || movesWithZeros(node)) {
    if (isTouched)
      followMovement(node);
  } else if (node.output_size() == 1 && isFloat(node.output(0)) &&
             (isTouched || node.op_type() == "Mul")) {
    evaluateElementwise(node);
  }
}

/// A result whose weights are all zero, or whose inputs are all known, is its bias and what these
/// make.
void ChannelConstants::evaluateSum(const WeightedSum &sum) {
  const Tensor *weights = constants.find(sum.weights);
  bool isConvolution = sum.node->op_type() != "Gemm" && sum.node->op_type() != "MatMul";
  if (!weights || sum.weightsOut < 0 || sum.node->op_type() == "FusedConv")
    return;
  Axis results = sets.getAxes(sum.result)[sum.resultAxis];
  Axis inputs = sets.getAxes(sum.input)[sum.inputAxis];
  StringRef bias = sum.biasOperand >= 0 && sum.biasOperand < sum.node->input_size()
                       ? StringRef(sum.node->input(sum.biasOperand))
                       : StringRef();
  Slices rows(*weights, sum.weightsOut);
  if (!results || !inputs || rows.size() != results.size)
    return;
  double scale = isConvolution ? 1 : getFloat(*sum.node, "beta", 1);
  for (int64_t position : seq(results.size)) {
    double number = 0;
    if (!rows.isZero(position)) {
      // Only of groups, each of which has inputs of its own.
      int64_t members = inputs.size / sum.groups, group = position / (results.size / sum.groups);
      std::optional<double> input = find(inputs.first + group * members);
      bool isKnown = sum.weightsIn < 0 && members == 1 && input && (*input == 0 || !sum.isPadded);
      if (!isKnown)
        continue;
      rows.forEach(position, [&](int64_t index) { number += weights->element(index) * *input; });
    }
    if (!bias.empty()) {
      std::optional<double> added = findOperand(bias, sum.result, sum.resultAxis, position);
      if (isConvolution) { // whose bias has one axis
        const Tensor *tensor = constants.find(bias);
        added = tensor ? std::optional(tensor->element(position)) : std::nullopt;
      }
      if (!added)
        continue;
      number += *added * scale;
    }
    set(sum.result, results.first + position, number);
  }
}

std::optional<double> ChannelConstants::findOperand(StringRef operand, StringRef result,
                                                    int64_t axis, int64_t position) {
  int64_t rank = types.lookup(result).dims.size();
  if (const Tensor *tensor = constants.find(operand)) {
    int64_t own = axis - (rank - static_cast<int64_t>(tensor->dims.size()));
    int64_t size = own >= 0 ? tensor->dims[own] : 1;
    if (tensor->numElements() != size || (size != 1 && position >= size))
      return std::nullopt;
    return tensor->element(size == 1 ? 0 : position);
  }
  ArrayRef<Axis> axes = sets.getAxes(operand);
  int64_t own = axis - (rank - static_cast<int64_t>(axes.size()));
  if (own < 0 || position >= axes[own].size)
    return std::nullopt;
  return find(axes[own].first + position);
}

void ChannelConstants::evaluateElementwise(const onnx::NodeProto &node) {
  for (auto [axis, channels] : enumerate(sets.getAxes(node.output(0)))) {
    // Other axes than those with known channels tell nothing.
    bool isTouched = node.op_type() == "Mul" && channels.size > 1 && channels.size <= 65536;
    int64_t rank = sets.getAxes(node.output(0)).size();
    for (const std::string &operand : node.input()) {
      ArrayRef<Axis> axes = sets.getAxes(operand);
      int64_t own = static_cast<int64_t>(axis) - (rank - static_cast<int64_t>(axes.size()));
      if (own >= 0 && touched.contains(operand))
        isTouched |= any_of(seq(std::max<int64_t>(axes[own].size, 0)), [&](int64_t position) {
          return find(axes[own].first + position).has_value();
        });
    }
    if (!isTouched)
      continue;
    for (int64_t position : seq(std::max<int64_t>(channels.size, 0))) {
      SmallVector<std::optional<double>> operands;
      for (const std::string &operand : node.input())
        if (!operand.empty())
          operands.push_back(findOperand(operand, node.output(0), axis, position));
      if (std::optional<double> number = evaluateScalar(node, operands))
        set(node.output(0), channels.first + position, *number);
    }
  }
}

void ChannelConstants::evaluateBatchNormalization(const onnx::NodeProto &node) {
  ArrayRef<Axis> inputs = sets.getAxes(node.input(0)), results = sets.getAxes(node.output(0));
  if (getInt(node, "training_mode", 0) || node.input_size() < 5)
    return;
  const Tensor *parameters[4];
  for (int number : seq(4))
    if (!(parameters[number] = constants.find(node.input(number + 1))))
      return;
  auto [scale, bias, mean, variance] = parameters;
  if (inputs.size() < 2 || results.size() < 2 || inputs[1].size != scale->numElements())
    return;
  double epsilon = getFloat(node, "epsilon", 1e-5F);
  for (int64_t position : seq(inputs[1].size)) {
    std::optional<double> input = find(inputs[1].first + position);
    double factor = scale->element(position) / std::sqrt(variance->element(position) + epsilon);
    if (factor == 0)
      set(node.output(0), results[1].first + position, bias->element(position));
    else if (input)
      set(node.output(0), results[1].first + position,
          (*input - mean->element(position)) * factor + bias->element(position));
  }
}

/// A channel of a result is a number where all channels of operands that go with it, by the
/// operator's own rule, are the same number.
void ChannelConstants::followMovement(const onnx::NodeProto &node) {
  ChannelSets local;
  for (const auto &names : {node.input(), node.output()})
    for (const std::string &name : names)
      if (!name.empty() && types.contains(name))
        local.addValue(name, types.lookup(name).dims);
  std::vector<WeightedSum> sums;
  StringSet<> known;
  RegroupingChoices choices = groups.getChoices();
  BitVector opaque(local.size()), mentioned(local.size());
  Coupler coupler(editor, types, node, {local, sums, known, choices, opaque, mentioned});
  CouplingRules::all().find(node)->couple(coupler);

  struct Source {
    std::optional<double> number;
    bool isMixed = false;
  };
  DenseMap<int64_t, Source> sources; // of local sets
  for (const std::string &name : node.input())
    for (auto [axis, global] : zip(local.getAxes(name), sets.getAxes(name)))
      for (int64_t position : seq(std::max<int64_t>(axis.size, 0))) {
        std::optional<double> number = find(global.first + position);
        auto [source, isNew] = sources.try_emplace(local.find(axis.first + position));
        source->second.isMixed |= !number || (!isNew && number != source->second.number);
        source->second.number = number;
      }
  for (const std::string &name : node.output())
    for (auto [axis, global] : zip(local.getAxes(name), sets.getAxes(name)))
      for (int64_t position : seq(std::max<int64_t>(axis.size, 0))) {
        Source source = sources.lookup(local.find(axis.first + position));
        if (source.number && !source.isMixed && isFloat(name) &&
            (*source.number == 0 || !movesWithZeros(node)))
          set(name, global.first + position, *source.number);
      }
}

} // namespace tenon
