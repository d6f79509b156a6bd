// Products that change their precision together (see the header).

#include "lib/Quantize/Groups.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

std::vector<Group> formGroups(const QuantizationPlan &plan,
                              llvm::ArrayRef<driver::LaunchReport> launches) {
  llvm::StringMap<unsigned> productOf, readerOf;
  unsigned count = plan.products.size();
  llvm::IntEqClasses classes(count);
  for (auto [number, product] : llvm::enumerate(plan.products)) {
    productOf[product.node] = number;
    auto join = [&](const std::string &tensor) {
      auto [reader, isFirst] = readerOf.try_emplace(tensor, number);
      if (!isFirst)
        classes.join(reader->second, number);
    };
    for (const std::string &tensor : product.activations)
      join(tensor);
    if (!product.weight.empty())
      join(product.weight);
  }
  for (const driver::LaunchReport &launch : launches) {
    std::optional<unsigned> first;
    for (const std::string &node : launch.products)
      if (auto product = productOf.find(node); product != productOf.end()) {
        first = first.value_or(product->second);
        classes.join(*first, product->second);
      }
  }
  classes.compress();
  std::vector<Group> groups(classes.getNumClasses());
  for (unsigned product = 0; product < count; ++product)
    groups[classes[product]].products.push_back(product);
  llvm::sort(groups, [](const Group &a, const Group &b) { return a.products < b.products; });
  return groups;
}

// A node that is no product belongs to the group that reads its result, through any nodes of this
// kind, since that group's precision says in which form the result is made; behind the last product
// it belongs to the group in front.
NodeOwners::NodeOwners(const ModelEditor &model, const QuantizationPlan &plan,
                       llvm::ArrayRef<Group> groups) {
  for (auto [number, group] : llvm::enumerate(groups))
    for (unsigned product : group.products)
      groupOfProduct[plan.products[product].node] = number;
  llvm::ArrayRef<const onnx::NodeProto *> nodes(model.graph().node().data(),
                                                model.graph().node_size());
  llvm::StringMap<unsigned> ownerOfValue;
  for (const onnx::NodeProto *node : llvm::reverse(nodes)) {
    std::optional<unsigned> owner;
    if (auto product = groupOfProduct.find(getNodeName(*node)); product != groupOfProduct.end())
      owner = product->second;
    for (const std::string &result : node->output())
      if (auto reader = ownerOfValue.find(result); !owner && reader != ownerOfValue.end())
        owner = reader->second;
    if (!owner)
      continue;
    ownerOfNode[getNodeName(*node)] = *owner;
    for (const std::string &operand : node->input())
      ownerOfValue.try_emplace(operand, *owner);
  }
  // The last group in front of each value.
  llvm::StringMap<unsigned> makers;
  for (const onnx::NodeProto *node : nodes) {
    llvm::StringRef name = getNodeName(*node);
    auto product = groupOfProduct.find(name);
    std::optional<unsigned> maker;
    for (const std::string &operand : node->input())
      if (auto made = makers.find(operand); made != makers.end()) {
        if (product != groupOfProduct.end() && made->second != product->second)
          edges.push_back({made->second, product->second, operand});
        maker = maker.value_or(made->second);
      }
    if (product != groupOfProduct.end())
      maker = product->second;
    if (!maker)
      continue;
    ownerOfNode.try_emplace(name, *maker);
    for (const std::string &result : node->output())
      makers[result] = *maker;
  }
}

llvm::SmallVector<unsigned> NodeOwners::find(const driver::LaunchReport &launch) const {
  llvm::SmallVector<unsigned> owners;
  for (const std::string &node : launch.products)
    if (auto product = groupOfProduct.find(node); product != groupOfProduct.end())
      owners.push_back(product->second);
  for (const std::string &node : llvm::reverse(launch.nodes))
    if (auto owner = ownerOfNode.find(node); owners.empty() && owner != ownerOfNode.end())
      owners.push_back(owner->second);
  return owners;
}

} // namespace tenon::quantize
