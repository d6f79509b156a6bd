// What repairs have in common (see the header).

#include "lib/Quantize/Repair.h"
#include "lib/Quantize/ApplyRecipe.h"

namespace tenon::quantize {

llvm::Expected<std::shared_ptr<ModelFile>> RepairContext::adjust(const Recipe &recipe) const {
  ModelEditor editor(model);
  Recipe adjustments;
  adjustments.model = recipe.model;
  adjustments.digest = recipe.digest;
  adjustments.adjustments = recipe.adjustments;
  llvm::Expected<std::vector<std::string>> unmatched = applyRecipe(editor, adjustments);
  if (!unmatched)
    return unmatched.takeError();
  return editor.toModelFile();
}

/// Takes over how a tensor is quantized.
static void replaceEntry(TensorRecipe &entry, const TensorRecipes &entries) {
  if (auto found = entries.find(entry.name); found != entries.end())
    entry = found->second;
}

llvm::Error RepairContext::recalibrate(Recipe &recipe) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor editor(*adjusted);
  std::vector<std::string> names;
  for (const TensorRecipe &entry : recipe.tensors)
    if (!editor.isConstant(entry.name))
      names.push_back(entry.name);
  TensorRecipes activations;
  if (!names.empty()) {
    auto histograms = quantize::calibrate(*adjusted, names, data, calibrate);
    if (!histograms)
      return histograms.takeError();
    activations = describeActivations(plan, *histograms, tensors);
  }
  llvm::Expected<TensorRecipes> weights = describeWeights(editor, plan, activations);
  if (!weights)
    return weights.takeError();
  for (TensorRecipe &entry : recipe.tensors) {
    if (!editor.isConstant(entry.name)) {
      replaceEntry(entry, activations);
    } else if (entry.blockSize) {
      // They follow from the weights again.
      entry.codes.clear();
      entry.scales.clear();
      entry.zeroPoints.clear();
    } else {
      replaceEntry(entry, *weights);
    }
  }
  return llvm::Error::success();
}

std::vector<std::unique_ptr<Repair>> makeRepairs() {
  std::vector<std::unique_ptr<Repair>> repairs;
  repairs.push_back(makeEqualization());
  repairs.push_back(makeSmoothing());
  repairs.push_back(makeActivationAwareScaling());
  repairs.push_back(makeOutlierSplit());
  repairs.push_back(makeCompensatedRounding());
  repairs.push_back(makeAdaptiveRounding());
  repairs.push_back(makeBiasCorrection());
  return repairs;
}

} // namespace tenon::quantize
