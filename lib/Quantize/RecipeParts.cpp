// What the recipes of one model are made of (see the header).

#include "lib/Quantize/RecipeParts.h"

namespace tenon::quantize {

llvm::Expected<RecipeParts> RecipeParts::create(const std::shared_ptr<ModelFile> &model,
                                                const ImportOptions &import) {
  llvm::Expected<LightModel> light = LightModel::create(model);
  if (!light)
    return light.takeError();
  RecipeParts parts(std::move(*light));
  if (llvm::Error error = parts.editor.sortNodes())
    return std::move(error);
  llvm::Expected<ValueTypes> types = inferValueTypes(parts.getModel(), import);
  if (!types)
    return types.takeError();
  parts.types = std::move(*types);
  parts.plan = planQuantization(parts.editor, parts.types);
  if (parts.plan.products.empty())
    return makeError(model->name() + ": has no products of f32 to lower");
  parts.decisions = findDecisions(parts.editor, parts.types, parts.plan);
  return std::move(parts);
}

Evaluator::Decisions RecipeParts::countDecisions() const {
  Evaluator::Decisions counts;
  for (const auto &entry : decisions)
    counts[entry.first()] = entry.second.count.value_or(OutputLosses::asManyAsNumbers);
  return counts;
}

llvm::Error RecipeParts::calibrate(DataSource &data, const CalibrateOptions &options,
                                   const TensorOptions &tensors) {
  auto seen = quantize::calibrate(model.get(), plan.tensors, data, options);
  if (!seen)
    return seen.takeError();
  histograms = std::move(*seen);
  activations = describeActivations(plan, histograms, tensors);
  return describeWeights(tensors);
}

llvm::Error RecipeParts::describeWeights(const TensorOptions &tensors) {
  llvm::Expected<TensorRecipes> described = quantize::describeWeights(editor, plan, activations);
  if (!described)
    return described.takeError();
  weights = std::move(*described);
  packedWeights = describePackedWeights(plan, tensors);
  return llvm::Error::success();
}

Recipe RecipeParts::makeRecipe(llvm::ArrayRef<NodePrecision> precisions) const {
  Recipe recipe =
      quantize::makeRecipe(editor, plan, precisions, activations, weights, packedWeights);
  recipe.adjustments = adjustments;
  if (!shortcutsAreBytes)
    removeShortcuts(recipe, plan);
  return recipe;
}

Recipe RecipeParts::makeUniformRecipe(NodePrecision precision) const {
  std::vector<NodePrecision> precisions;
  for (const Product &product : plan.products)
    precisions.push_back(product.canHave(precision) ? precision : NodePrecision::F32);
  return makeRecipe(precisions);
}

void RecipeParts::adopt(const Recipe &repaired, NodePrecision precision) {
  adjustments = repaired.adjustments;
  if (precision == NodePrecision::Int8)
    shortcutsAreBytes = llvm::any_of(
        repaired.nodes, [&](const NodeRecipe &node) { return isShortcut(node, plan); });
  for (const TensorRecipe &entry : repaired.tensors) {
    if (!editor.isConstant(entry.name))
      activations[entry.name] = entry;
    else if (precision == NodePrecision::Int4Weights)
      packedWeights[entry.name] = entry;
    else
      weights[entry.name] = entry;
  }
}

} // namespace tenon::quantize
