// Products that change their precision together (see the header).

#include "lib/Quantize/Groups.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

/// The names in a comma-separated list. Names may contain commas: those that `isName` knows are
/// put together again.
static llvm::SmallVector<std::string> splitNames(llvm::StringRef list,
                                                 llvm::function_ref<bool(llvm::StringRef)> isName) {
  llvm::SmallVector<llvm::StringRef> parts;
  list.split(parts, ',', -1, /*KeepEmpty=*/false);
  llvm::SmallVector<std::string> names;
  for (size_t first = 0; first < parts.size(); ++first) {
    size_t last = parts.size() - 1;
    auto join = [&] {
      return llvm::StringRef(parts[first].data(), parts[last].end() - parts[first].data());
    };
    while (last > first && !isName(join()))
      --last;
    names.push_back(join().str());
    first = last;
  }
  return names;
}

std::vector<Group> formGroups(const QuantizationPlan &plan, llvm::ArrayRef<std::string> kernels) {
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
  auto isProduct = [&](llvm::StringRef node) { return productOf.contains(node); };
  for (const std::string &kernel : kernels) {
    std::optional<unsigned> first;
    for (const std::string &node : splitNames(kernel, isProduct)) {
      if (!isProduct(node))
        continue;
      if (first)
        classes.join(*first, productOf.lookup(node));
      else
        first = productOf.lookup(node);
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

llvm::SmallVector<unsigned> NodeOwners::find(llvm::StringRef kernelNodes) const {
  llvm::SmallVector<std::string> names =
      splitNames(kernelNodes, [&](llvm::StringRef name) { return ownerOfNode.contains(name); });
  llvm::SmallVector<unsigned> owners;
  for (const std::string &name : names)
    if (auto product = groupOfProduct.find(name); product != groupOfProduct.end())
      owners.push_back(product->second);
  for (const std::string &name : llvm::reverse(names))
    if (auto owner = ownerOfNode.find(name); owners.empty() && owner != ownerOfNode.end())
      owners.push_back(owner->second);
  return owners;
}

} // namespace tenon::quantize
