// Without data: what can be said of weights alone (Quantize.h).

#include "lib/Quantize/Quantize.h"
#include "lib/Quantize/RecipeParts.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

/// The narrowest of the allowed precisions that a product's weight may be stored in.
static NodePrecision chooseNarrowest(const Product &product, llvm::ArrayRef<NodePrecision> allow) {
  auto isAllowed = [&](NodePrecision precision) { return llvm::is_contained(allow, precision); };
  if (product.canPack && isAllowed(NodePrecision::Int4Weights))
    return NodePrecision::Int4Weights;
  bool isMatrix = product.canPack || product.isTable();
  if (isMatrix && (isAllowed(NodePrecision::Int8Weights) || isAllowed(NodePrecision::Int8)))
    return NodePrecision::Int8Weights;
  for (NodePrecision half : {NodePrecision::BF16, NodePrecision::F16})
    if (isAllowed(half))
      return half;
  return NodePrecision::F32;
}

llvm::Expected<Recipe> quantizeWeights(const std::shared_ptr<ModelFile> &model,
                                       const QuantizeOptions &options) {
  llvm::Expected<RecipeParts> parts = RecipeParts::create(model, options.compile.import);
  if (!parts)
    return parts.takeError();
  if (llvm::Error error = parts->describeWeights(options.tensors))
    return std::move(error);
  std::vector<NodePrecision> precisions;
  for (const Product &product : parts->getPlan().products)
    precisions.push_back(chooseNarrowest(product, options.allow));
  if (llvm::all_of(precisions, [](NodePrecision each) { return each == NodePrecision::F32; }))
    return makeError(model->name() + ": without data nothing of it can be lowered to what is "
                                     "allowed: weights of matrix products to int8 or int4, tables "
                                     "to int8, and products to bf16 or f16");
  return parts->makeRecipe(precisions);
}

} // namespace tenon::quantize
