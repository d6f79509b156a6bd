// Products whose weights have codes (see the header).

#include "lib/Quantize/CodedProducts.h"

namespace tenon::quantize {

llvm::Expected<std::vector<CodedProduct>>
CodedProducts::collect(llvm::ArrayRef<NodePrecision> precisions) {
  llvm::StringMap<const onnx::NodeProto *> nodes;
  for (const onnx::NodeProto &node : model.graph().node())
    nodes[getNodeName(node)] = &node;
  std::vector<CodedProduct> products;
  for (const Product &product : context.plan.products) {
    const NodeRecipe *choice = recipe.findNode(product.node);
    const onnx::NodeProto *node = nodes.lookup(product.node);
    TensorRecipe *entry = product.weight.empty() ? nullptr : recipe.findTensor(product.weight);
    if (!choice || !node || !entry || !llvm::is_contained(precisions, choice->precision) ||
        node->input(1) != product.weight || model.getUses(product.weight).size() != 1)
      continue;
    llvm::Expected<Tensor> constant = model.readConstant(product.weight);
    if (!constant)
      return constant.takeError();
    if (std::optional<WeightLayout> layout = WeightLayout::find(*node, constant->dims))
      products.push_back(
          {product, *node, std::move(*constant), *layout, *entry, choice->precision});
  }
  return products;
}

llvm::Error CodedProducts::visitRound(llvm::MutableArrayRef<CodedProduct> round,
                                      const ProductInputs::Options &options, Visitor visitor) {
  std::vector<std::unique_ptr<ProductInputs>> inputs;
  std::vector<Observed> observed;
  for (CodedProduct &product : round) {
    inputs.push_back(std::make_unique<ProductInputs>(product.node, product.constant.dims,
                                                     product.layout, options));
    product.inputs = inputs.back().get();
    observed.push_back({product.node.input(0), product.inputs});
  }
  llvm::Expected<std::shared_ptr<ModelFile>> file = model.toModelFile();
  if (!file)
    return file.takeError();
  if (llvm::Error error = observeTensors(*file, observed, context.data, context.calibrate))
    return error;
  for (CodedProduct &product : round)
    if (llvm::Error error = visitor(product))
      return error;
  return llvm::Error::success();
}

/// What the sums of a product take.
static int64_t countBytes(const WeightLayout &layout, const ProductInputs::Options &options) {
  int64_t each = layout.columns * (options.products ? layout.columns * 4 : 8);
  return each * layout.groups;
}

llvm::Error CodedProducts::visit(llvm::ArrayRef<NodePrecision> precisions,
                                 const ProductInputs::Options &options, Visitor visitor) {
  llvm::Expected<std::vector<CodedProduct>> products = collect(precisions);
  if (!products)
    return products.takeError();
  llvm::MutableArrayRef<CodedProduct> left = *products;
  while (!left.empty()) {
    size_t count = 1;
    int64_t bytes = countBytes(left.front().layout, options);
    while (count < left.size()) {
      bytes += countBytes(left[count].layout, options);
      if (bytes > context.calibrate.bytesPerRound)
        break;
      ++count;
    }
    if (llvm::Error error = visitRound(left.take_front(count), options, visitor))
      return error;
    left = left.drop_front(count);
  }
  return llvm::Error::success();
}

} // namespace tenon::quantize
