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
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

/// Whether a product multiplies what the model dequantizes: kernels multiply the integers then.
static bool isQuantizedAlready(const ModelEditor &model, const onnx::NodeProto &node,
                               llvm::ArrayRef<QuantizableOperand> operands) {
  return llvm::all_of(operands, [&](const QuantizableOperand &operand) {
    const onnx::NodeProto *producer = model.findProducer(node.input(operand.number));
    return operand.role == OperandRole::Bias ||
           (producer && producer->op_type() == "DequantizeLinear");
  });
}

/// The product that a node is, if it may be quantized.
static std::optional<Product> describeProduct(const ModelEditor &model, const ValueTypes &types,
                                              const onnx::NodeProto &node) {
  llvm::SmallVector<QuantizableOperand> operands = getQuantizableOperands(model, types, node);
  if (operands.empty() || isQuantizedAlready(model, node, operands))
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
  Planner(const ModelEditor &model, const ValueTypes &types)
      : model(model), types(types), nodes(model.graph().node().data(), model.graph().node_size()) {}

  QuantizationPlan run();

private:
  void addProduct(const onnx::NodeProto &node, Product product);
  void addMovers();
  void addPointwise();
  void formClasses();
  void addFollower(const onnx::NodeProto &node, llvm::ArrayRef<int> reads, bool moves);
  bool isFloat(llvm::StringRef value) const {
    auto type = types.find(value);
    return type != types.end() && type->second.dtype == TENON_FLOAT;
  }

  const ModelEditor &model;
  const ValueTypes &types;
  /// In the order of their dependencies.
  llvm::ArrayRef<const onnx::NodeProto *> nodes;
  QuantizationPlan plan;
  /// All tensors that get a scale, and those of them that convolutions read.
  llvm::StringSet<> quantized, convolved;
  /// Pairs of tensors of one class.
  std::vector<std::pair<std::string, std::string>> moves;
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
  for (const std::string &result : entry.writes) {
    entry.isReadElsewhere |= model.isOutput(result) || model.isReadBySubgraph(result);
    for (const ModelEditor::Use &use : model.getUses(result))
      entry.readers.push_back(getNodeName(*use.node).str());
  }
  plan.followers.push_back(name);
}

/// From readers to what they read.
void Planner::addMovers() {
  for (const onnx::NodeProto *node : llvm::reverse(nodes)) {
    llvm::SmallVector<int> moved = getMovedOperands(*node);
    auto result = llvm::find_if(
        node->output(), [&](const std::string &value) { return quantized.contains(value); });
    bool movesActivations = !moved.empty() && llvm::all_of(moved, [&](int operand) {
      return isFloat(node->input(operand)) && !model.isConstant(node->input(operand));
    });
    if (result == node->output().end() || !movesActivations)
      continue;
    for (int operand : moved) {
      quantized.insert(node->input(operand));
      moves.emplace_back(*result, node->input(operand));
      if (convolved.contains(*result))
        convolved.insert(node->input(operand));
    }
    addFollower(*node, moved, /*moves=*/true);
  }
  std::reverse(plan.followers.begin(), plan.followers.end());
}

void Planner::addPointwise() {
  for (const onnx::NodeProto *node : nodes) {
    llvm::SmallVector<int> reads;
    for (int operand = 0; operand < node->input_size(); ++operand)
      if (convolved.contains(node->input(operand)))
        reads.push_back(operand);
    if (isPointwise(*node) && !reads.empty())
      addFollower(*node, reads, /*moves=*/false);
  }
}

/// Lists the tensors, and numbers their classes.
void Planner::formClasses() {
  llvm::StringMap<unsigned> numbers;
  for (const onnx::NodeProto *node : nodes)
    for (const std::string &operand : node->input())
      if (quantized.contains(operand) && numbers.try_emplace(operand, plan.tensors.size()).second)
        plan.tensors.push_back(operand);
  llvm::IntEqClasses classes(plan.tensors.size());
  for (const auto &[to, from] : moves)
    classes.join(numbers.lookup(to), numbers.lookup(from));
  classes.compress();
  for (unsigned number = 0; number < plan.tensors.size(); ++number)
    plan.classes.push_back(classes[number]);
}

QuantizationPlan Planner::run() {
  for (const onnx::NodeProto *node : nodes)
    if (std::optional<Product> product = describeProduct(model, types, *node))
      addProduct(*node, std::move(*product));
  addMovers();
  addPointwise();
  formClasses();
  return std::move(plan);
}

QuantizationPlan planQuantization(const ModelEditor &model, const ValueTypes &types) {
  return Planner(model, types).run();
}

llvm::StringSet<> findByteMovers(const QuantizationPlan &plan,
                                 llvm::ArrayRef<const Product *> products) {
  llvm::StringSet<> readsBytes, movers;
  for (const Product *product : products)
    readsBytes.insert(product->node);
  for (const std::string &follower : plan.followers)
    if (!plan.nodes.find(follower)->second.moves)
      readsBytes.insert(follower);
  // Readers come behind what they read.
  for (const std::string &follower : llvm::reverse(plan.followers)) {
    const QuantizationPlan::Node &node = plan.nodes.find(follower)->second;
    if (!node.moves || node.isReadElsewhere ||
        !llvm::all_of(node.readers,
                      [&](const std::string &reader) { return readsBytes.contains(reader); }))
      continue;
    readsBytes.insert(follower);
    movers.insert(follower);
  }
  return movers;
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
  for (const auto &mover : findByteMovers(plan, products)) {
    const QuantizationPlan::Node &node = plan.nodes.find(mover.first())->second;
    for (const std::string &result : node.writes)
      movers[result] = &node;
  }
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
