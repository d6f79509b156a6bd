// Where channels can be scaled (see the header): from a tensor back through nodes that keep
// positive factors, to the constants that can take them.

#include "lib/Quantize/ChannelScaling.h"
#include "lib/Editing/Attributes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

namespace tenon::quantize {

namespace {

/// The search for the constants in front of one tensor.
class ProducerSearch {
public:
  ProducerSearch(const ModelEditor &model, ScalableTensor &result) : model(model), result(result) {}

  /// Whether all that computes `value` can be made smaller.
  bool absorb(llvm::StringRef value);

private:
  bool absorbNode(const onnx::NodeProto &node);
  bool absorbProduct(const onnx::NodeProto &node);
  bool absorbNorm(const onnx::NodeProto &node);
  bool absorbAddition(const onnx::NodeProto &node);
  bool absorbFactor(const onnx::NodeProto &node);
  bool addConstant(llvm::StringRef name, int64_t axisFromEnd);
  bool isReadOnce(llvm::StringRef value) const {
    return model.getUses(value).size() == 1 && !model.isOutput(value) &&
           !model.isReadBySubgraph(value);
  }
  std::optional<llvm::SmallVector<int64_t>> dimsOf(llvm::StringRef constant) const;

  const ModelEditor &model;
  ScalableTensor &result;
};

} // namespace

std::optional<llvm::SmallVector<int64_t>> ProducerSearch::dimsOf(llvm::StringRef constant) const {
  llvm::Expected<Tensor> tensor = model.readConstant(constant);
  if (!tensor) {
    llvm::consumeError(tensor.takeError());
    return std::nullopt;
  }
  if (tensor->dtype != TENON_FLOAT)
    return std::nullopt;
  return llvm::SmallVector<int64_t>(tensor->dims.begin(), tensor->dims.end());
}

/// Adds a constant with all channels along a dimension, counted from the end, where all others are
/// 1: what broadcasts along the tensor's other dimensions.
bool ProducerSearch::addConstant(llvm::StringRef name, int64_t axisFromEnd) {
  if (!model.isConstant(name) || !isReadOnce(name))
    return false;
  std::optional<llvm::SmallVector<int64_t>> dims = dimsOf(name);
  if (!dims)
    return false;
  int64_t axis = static_cast<int64_t>(dims->size()) - axisFromEnd;
  for (auto [number, dim] : llvm::enumerate(*dims))
    if (dim != (static_cast<int64_t>(number) == axis ? result.channels : 1))
      return false;
  if (axis < 0)
    return false;
  result.producers.push_back({name.str(), axis});
  return true;
}

bool ProducerSearch::absorbProduct(const onnx::NodeProto &node) {
  bool isConv = node.op_type() == "Conv";
  if (node.input_size() < 2 || isConv != (result.axis == 1))
    return false;
  if (getFloat(node, "alpha", 1) != 1 || getFloat(node, "beta", 1) != 1 ||
      getInt(node, "transA", 0))
    return false;
  std::string weight = node.input(1);
  if (!model.isConstant(weight) || !isReadOnce(weight))
    return false;
  std::optional<llvm::SmallVector<int64_t>> dims = dimsOf(weight);
  int64_t axis = isConv || getInt(node, "transB", 0) ? 0 : 1;
  if (!dims || (!isConv && dims->size() != 2) || (*dims)[axis] != result.channels)
    return false;
  if (node.input_size() > 2 && !node.input(2).empty() && !addConstant(node.input(2), 1))
    return false;
  result.producers.push_back({weight, axis});
  result.producingWeight = result.producers.back();
  return true;
}

bool ProducerSearch::absorbNorm(const onnx::NodeProto &node) {
  // Over the last dimension alone; others scale more than channels.
  int64_t axis = getInt(node, "axis", -1);
  if (result.axis != -1 || axis != -1)
    return false;
  if (node.input_size() > 2 && !node.input(2).empty() && !addConstant(node.input(2), 1))
    return false;
  return addConstant(node.input(1), 1);
}

/// The dimension of channels of what broadcasts with the tensor, from the end.
static int64_t channelFromEnd(const ScalableTensor &tensor) { return tensor.axis == 1 ? 3 : 1; }

bool ProducerSearch::absorbAddition(const onnx::NodeProto &node) {
  for (int constant : {0, 1})
    if (model.isConstant(node.input(constant)))
      return addConstant(node.input(constant), channelFromEnd(result)) &&
             absorb(node.input(1 - constant));
  return false;
}

bool ProducerSearch::absorbFactor(const onnx::NodeProto &node) {
  for (int constant : {0, 1})
    if (model.isConstant(node.input(constant)))
      return addConstant(node.input(constant), channelFromEnd(result));
  return false;
}

bool ProducerSearch::absorbNode(const onnx::NodeProto &node) {
  if (!isStandard(node))
    return false;
  llvm::StringRef type = node.op_type();
  if (type == "Conv" || type == "Gemm" || type == "MatMul")
    return absorbProduct(node);
  if (type == "LayerNormalization" || type == "RMSNormalization")
    return absorbNorm(node);
  if (type == "Add")
    return absorbAddition(node);
  if (type == "Mul")
    return absorbFactor(node);
  if (type == "Relu" || type == "LeakyRelu" || type == "Identity" || type == "Dropout")
    return absorb(node.input(0));
  // What looks at each channel by itself, where these are in dimension 1.
  bool isPool = type == "MaxPool" || type == "AveragePool" || type == "GlobalAveragePool" ||
                type == "GlobalMaxPool";
  return isPool && result.axis == 1 && node.output_size() == 1 && absorb(node.input(0));
}

bool ProducerSearch::absorb(llvm::StringRef value) {
  // Who else reads it would see the change; the tensor itself is read by products.
  if (value != result.tensor && !isReadOnce(value))
    return false;
  const onnx::NodeProto *node = model.findProducer(value);
  return node && node->output(0) == value && absorbNode(*node);
}

/// The dimension of a product's weight that the channels of its first operand multiply, and how
/// many there are; nullopt where channels do not have weights of their own.
static std::optional<std::pair<int64_t, int64_t>> findConsumingAxis(const onnx::NodeProto &node,
                                                                    llvm::ArrayRef<int64_t> dims) {
  if (node.op_type() == "MatMul" && dims.size() == 2)
    return std::pair(int64_t(0), dims[0]);
  if (node.op_type() == "Gemm" && dims.size() == 2 && !getInt(node, "transA", 0)) {
    int64_t axis = getInt(node, "transB", 0);
    return std::pair(axis, dims[axis]);
  }
  if (node.op_type() != "Conv" || dims.size() < 3)
    return std::nullopt;
  int64_t groups = getInt(node, "group", 1);
  if (groups == 1)
    return std::pair(int64_t(1), dims[1]);
  // Depthwise: a channel has a filter.
  if (dims[1] == 1 && dims[0] == groups)
    return std::pair(int64_t(0), dims[0]);
  return std::nullopt;
}

/// Fills in what reads the tensor.
static bool findConsumers(const ModelEditor &model,
                          const llvm::StringMap<const Product *> &products,
                          ScalableTensor &result) {
  if (model.isOutput(result.tensor) || model.isReadBySubgraph(result.tensor))
    return false;
  for (const ModelEditor::Use &use : model.getUses(result.tensor)) {
    const Product *product = products.lookup(getNodeName(*use.node));
    if (!product || use.operand != 0 || product->weight.empty() ||
        use.node->input(1) != product->weight || model.getUses(product->weight).size() != 1)
      return false;
    llvm::Expected<Tensor> weight = model.readConstant(product->weight);
    if (!weight) {
      llvm::consumeError(weight.takeError());
      return false;
    }
    auto axis = findConsumingAxis(*use.node, weight->dims);
    int64_t tensorAxis = use.node->op_type() == "Conv" ? 1 : -1;
    if (!axis || (!result.consumers.empty() &&
                  (axis->second != result.channels || tensorAxis != result.axis)))
      return false;
    result.axis = tensorAxis;
    result.channels = axis->second;
    result.consumers.push_back({product->weight, axis->first});
    result.products.push_back(product);
  }
  return !result.consumers.empty();
}

std::vector<ScalableTensor> findScalableTensors(const ModelEditor &model,
                                                const QuantizationPlan &plan) {
  llvm::StringMap<const Product *> products;
  for (const Product &product : plan.products)
    products[product.node] = &product;
  std::vector<ScalableTensor> tensors;
  llvm::StringSet<> seen;
  for (const Product &product : plan.products)
    for (const std::string &tensor : product.activations) {
      ScalableTensor result{tensor, 0, 0, {}, {}, {}, std::nullopt};
      if (seen.insert(tensor).second && findConsumers(model, products, result) &&
          ProducerSearch(model, result).absorb(tensor))
        tensors.push_back(std::move(result));
    }
  return tensors;
}

std::vector<Adjustment> scaleChannels(const ScalableTensor &tensor, llvm::ArrayRef<float> factors,
                                      llvm::StringRef method) {
  std::vector<float> inverses;
  for (float factor : factors)
    inverses.push_back(1 / factor);
  std::vector<Adjustment> adjustments;
  for (const ConstantAxis &producer : tensor.producers)
    adjustments.push_back({producer.constant, method.str(), producer.axis, inverses, {}});
  for (const ConstantAxis &consumer : tensor.consumers)
    adjustments.push_back({consumer.constant, method.str(), consumer.axis, factors.vec(), {}});
  return adjustments;
}

llvm::Expected<std::vector<float>> findChannelRanges(const ModelEditor &model,
                                                     const ConstantAxis &axis) {
  llvm::Expected<Tensor> tensor = model.readConstant(axis.constant);
  if (!tensor)
    return tensor.takeError();
  int64_t inner = 1, channels = tensor->dims[axis.axis];
  for (int64_t dim : llvm::ArrayRef(tensor->dims).drop_front(axis.axis + 1))
    inner *= dim;
  std::vector<float> ranges(channels, 0);
  llvm::ArrayRef<float> values(reinterpret_cast<const float *>(tensor->bytes.data()),
                               tensor->bytes.size() / sizeof(float));
  for (auto [i, value] : llvm::enumerate(values)) {
    float &range = ranges[i / inner % channels];
    range = std::max(range, std::abs(value));
  }
  return ranges;
}

} // namespace tenon::quantize
