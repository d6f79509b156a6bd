// What of a model may be quantized (see the header).
//
// What a product reads is quantized where it is computed, and not behind the nodes that only move
// it: a max pooling between two convolutions pools bytes. So a tensor that is quantized makes those
// quantized that it is moved from, with its scale, up to what computes them.
//
// In a convolutional network, additions of shortcuts and the like read the bytes that are there for
// convolutions, so that activations are in memory once. What only matrix products read is quantized
// for them alone: the residual stream of a transformer stays f32, as in 16 bits
// (passes/Precision/AssignPrecision.cpp).

#include "lib/Quantize/Plan.h"
#include "lib/Quantize/PackedWeights.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

namespace tenon::quantize {

/// The product that a node is, if it may be quantized.
static std::optional<Product> describeProduct(const ModelEditor &model, const ValueTypes &types,
                                              const onnx::NodeProto &node) {
  llvm::SmallVector<QuantizableOperand> operands = getQuantizableOperands(model, types, node);
  if (operands.empty())
    return std::nullopt;
  Product product;
  product.node = getNodeName(node).str();
  product.op = node.op_type();
  for (const QuantizableOperand &operand : operands)
    if (operand.role == OperandRole::Activation)
      product.activations.push_back(node.input(operand.number));
  if (std::optional<QuantizableOperand> weight = findWeight(operands)) {
    product.weight = node.input(weight->number);
    product.weightAxis = weight->axis;
    product.summedAxis = weight->summedAxis;
    product.canPack = weight->number == 1 && canPackWeights(node) &&
                      types.find(product.weight)->second.dims.size() == 2;
  }
  return product;
}

namespace {

class Planner {
public:
  Planner(const ModelEditor &model, const ValueTypes &types) : model(model), types(types) {}

  QuantizationPlan run();

private:
  void addProduct(const onnx::NodeProto &node, Product product);
  void addFollower(const onnx::NodeProto &node, llvm::ArrayRef<int> reads, bool moves);
  bool isFloat(llvm::StringRef value) const {
    auto type = types.find(value);
    return type != types.end() && type->second.dtype == TENON_FLOAT;
  }
  bool isQuantized(llvm::StringRef value) const { return quantized.contains(value); }

  const ModelEditor &model;
  const ValueTypes &types;
  QuantizationPlan plan;
  /// All tensors that get a scale, and those of them that convolutions read.
  llvm::StringSet<> quantized, convolved;
};

} // namespace

void Planner::addProduct(const onnx::NodeProto &node, Product product) {
  QuantizationPlan::Node &entry = plan.nodes[product.node];
  bool isConvolution = product.op == "Conv" || product.op == "ConvTranspose";
  for (const std::string &tensor : product.activations) {
    quantized.insert(tensor);
    if (isConvolution)
      convolved.insert(tensor);
    entry.reads.push_back(tensor);
  }
  entry.writes.assign(node.output().begin(), node.output().end());
  plan.products.push_back(std::move(product));
}

void Planner::addFollower(const onnx::NodeProto &node, llvm::ArrayRef<int> reads, bool moves) {
  std::string name = getNodeName(node).str();
  QuantizationPlan::Node &entry = plan.nodes[name];
  entry.moves = moves;
  for (int operand : reads)
    entry.reads.push_back(node.input(operand));
  entry.writes.assign(node.output().begin(), node.output().end());
  plan.followers.push_back(name);
}

QuantizationPlan Planner::run() {
  llvm::ArrayRef<const onnx::NodeProto *> nodes(model.graph().node().data(),
                                                model.graph().node_size());
  for (const onnx::NodeProto *node : nodes)
    if (std::optional<Product> product = describeProduct(model, types, *node))
      addProduct(*node, std::move(*product));
  // From readers to what they read: nodes are in the order of their dependencies.
  for (const onnx::NodeProto *node : llvm::reverse(nodes)) {
    llvm::SmallVector<int> moved = getMovedOperands(*node);
    auto result =
        llvm::find_if(node->output(), [&](const std::string &value) { return isQuantized(value); });
    if (moved.empty() || result == node->output().end() || !llvm::all_of(moved, [&](int operand) {
          return isFloat(node->input(operand)) && !model.isConstant(node->input(operand));
        }))
      continue;
    for (int operand : moved) {
      quantized.insert(node->input(operand));
      plan.classes.unionSets(*result, node->input(operand));
      if (convolved.contains(*result))
        convolved.insert(node->input(operand));
    }
    addFollower(*node, moved, /*moves=*/true);
  }
  std::reverse(plan.followers.begin(), plan.followers.end());
  llvm::StringSet<> listed;
  for (const onnx::NodeProto *node : nodes) {
    llvm::SmallVector<int> reads;
    for (auto [number, operand] : llvm::enumerate(node->input())) {
      if (isQuantized(operand) && listed.insert(operand).second)
        plan.tensors.push_back(operand);
      if (convolved.contains(operand))
        reads.push_back(static_cast<int>(number));
    }
    if (isPointwise(*node) && !reads.empty())
      addFollower(*node, reads, /*moves=*/false);
  }
  return std::move(plan);
}

QuantizationPlan planQuantization(const ModelEditor &model, const ValueTypes &types) {
  return Planner(model, types).run();
}

std::vector<std::string> findQuantizedTensors(const QuantizationPlan &plan,
                                              llvm::ArrayRef<const Product *> products) {
  llvm::StringSet<> found;
  std::vector<llvm::StringRef> waiting;
  auto add = [&](llvm::StringRef tensor) {
    if (found.insert(tensor).second)
      waiting.push_back(tensor);
  };
  for (const Product *product : products)
    for (const std::string &tensor : product->activations)
      add(tensor);
  llvm::StringMap<const QuantizationPlan::Node *> movers;
  for (const auto &node : plan.nodes)
    if (node.second.moves)
      for (const std::string &result : node.second.writes)
        movers[result] = &node.second;
  while (!waiting.empty()) {
    llvm::StringRef tensor = waiting.back();
    waiting.pop_back();
    if (const QuantizationPlan::Node *mover = movers.lookup(tensor))
      for (const std::string &operand : mover->reads)
        add(operand);
  }
  std::vector<std::string> tensors;
  llvm::copy_if(plan.tensors, std::back_inserter(tensors),
                [&](const std::string &tensor) { return found.contains(tensor); });
  return tensors;
}

} // namespace tenon::quantize
