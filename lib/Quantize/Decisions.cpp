// Outputs that follow decisions (see the header).

#include "lib/Quantize/Decisions.h"
#include "lib/Editing/Attributes.h"
#include "llvm/ADT/StringSwitch.h"

namespace tenon::quantize {

namespace {

/// Goes through a graph in its order.
class Search {
public:
  Search(const ValueTypes &types, const QuantizationPlan &plan) : types(types) {
    for (const Product &product : plan.products)
      products.insert(product.node);
  }

  void visit(const onnx::NodeProto &node);
  const Decision *find(llvm::StringRef value) const {
    auto found = decided.find(value);
    return found == decided.end() ? nullptr : &found->second;
  }

private:
  Decision describe(const onnx::NodeProto &node) const;

  const ValueTypes &types;
  llvm::StringSet<> products;
  /// What products may change.
  llvm::StringSet<> computed;
  llvm::StringMap<Decision> decided;
};

} // namespace

static bool isDecision(const onnx::NodeProto &node) {
  return llvm::StringSwitch<bool>(node.op_type())
      .Cases({"ArgMax", "ArgMin", "Hardmax", "NonMaxSuppression"}, true)
      .Default(false);
}

/// Calls with each node inside of a node's graphs.
static void visitInner(const onnx::NodeProto &node,
                       llvm::function_ref<void(const onnx::NodeProto &)> call) {
  for (const onnx::AttributeProto &attribute : node.attribute())
    for (const onnx::NodeProto &inner : attribute.g().node()) {
      call(inner);
      visitInner(inner, call);
    }
}

/// With one decision for each vector along the axis that is searched; one of a whole list of boxes.
Decision Search::describe(const onnx::NodeProto &node) const {
  Decision decision{getNodeName(node).str(), node.op_type(), 1};
  if (!isDecision(node) || node.op_type() == "NonMaxSuppression")
    return decision;
  auto type = types.find(node.input(0));
  if (type == types.end())
    return {decision.node, decision.op, std::nullopt};
  llvm::ArrayRef<int64_t> dims = type->second.dims;
  int64_t axis = getInt(node, "axis", node.op_type() == "Hardmax" ? -1 : 0);
  if (axis < 0)
    axis += static_cast<int64_t>(dims.size());
  for (auto [i, dim] : llvm::enumerate(dims))
    if (static_cast<int64_t>(i) != axis)
      decision.count =
          dim < 0 || !decision.count ? std::nullopt : std::optional(*decision.count * dim);
  return decision;
}

/// Fewer ones say less of others; of an unknown number there are mostly many.
static bool isMadeLessOften(const Decision &a, const Decision &b) {
  return a.count && (!b.count || *a.count < *b.count);
}

void Search::visit(const onnx::NodeProto &node) {
  bool isComputed = products.contains(getNodeName(node)), decides = isDecision(node);
  std::optional<Decision> followed;
  auto read = [&](const onnx::NodeProto &reader) {
    for (const std::string &value : reader.input()) {
      isComputed |= computed.contains(value);
      if (const Decision *decision = find(value))
        if (!followed || isMadeLessOften(*decision, *followed))
          followed = *decision;
    }
  };
  read(node);
  visitInner(node, [&](const onnx::NodeProto &inner) {
    read(inner);
    decides |= isDecision(inner);
  });
  if (!isComputed)
    return;
  if (Decision own = describe(node); decides && (!followed || isMadeLessOften(own, *followed)))
    followed = std::move(own);
  for (const std::string &value : node.output()) {
    computed.insert(value);
    if (followed)
      decided[value] = *followed;
  }
}

llvm::StringMap<Decision> findDecisions(const ModelEditor &model, const ValueTypes &types,
                                        const QuantizationPlan &plan) {
  Search search(types, plan);
  for (const onnx::NodeProto &node : model.graph().node())
    search.visit(node);
  llvm::StringMap<Decision> found;
  for (const onnx::ValueInfoProto &output : model.graph().output())
    if (const Decision *decision = search.find(output.name()))
      found[output.name()] = *decision;
  return found;
}

} // namespace tenon::quantize
