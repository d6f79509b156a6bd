// What repairs have in common (see the header).

#include "lib/Quantize/Repair.h"
#include "lib/Quantize/ApplyRecipe.h"

namespace tenon::quantize {

CalibrateOptions RepairContext::showCalibration(std::string work) const {
  CalibrateOptions options = calibrate;
  if (progress)
    options.progress = [progress = progress, work = std::move(work)](
                           int64_t done, int64_t planned) { progress(work, done, planned); };
  return options;
}

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

/// How the range of each class of the plan is found, as a recipe's entries say.
static std::vector<RangeOptions> findRangeOptions(const QuantizationPlan &plan,
                                                  const Recipe &recipe,
                                                  const RangeOptions &otherwise) {
  // The numbers of classes are below that of tensors.
  std::vector<RangeOptions> options(plan.tensors.size(), otherwise);
  for (auto [tensor, number] : llvm::zip_equal(plan.tensors, plan.classes))
    if (const TensorRecipe *entry = recipe.findTensor(tensor); entry && entry->outliers.empty())
      options[number] = otherwise.with(entry->method).value_or(otherwise);
  return options;
}

llvm::Expected<TensorRecipes>
RepairContext::describe(const std::shared_ptr<ModelFile> &adjusted, const Recipe &recipe,
                        llvm::ArrayRef<std::string> activations) const {
  if (activations.empty())
    return TensorRecipes();
  std::vector<RangeOptions> ranges = findRangeOptions(plan, recipe, tensors.range);
  if (histograms && recipe.adjustments.empty())
    return describeActivations(plan, *histograms, tensors, ranges);
  auto seen = quantize::calibrate(adjusted, activations, data, calibrate);
  if (!seen)
    return seen.takeError();
  return describeActivations(plan, *seen, tensors, ranges);
}

llvm::Error RepairContext::recalibrate(Recipe &recipe, Codes codes) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor editor(*adjusted);
  std::vector<std::string> names;
  for (const TensorRecipe &entry : recipe.tensors)
    if (!editor.isConstant(entry.name) && entry.outliers.empty())
      names.push_back(entry.name);
  llvm::Expected<TensorRecipes> activations = describe(*adjusted, recipe, names);
  if (!activations)
    return activations.takeError();
  llvm::Expected<TensorRecipes> weights = describeWeights(editor, plan, *activations);
  if (!weights)
    return weights.takeError();
  for (TensorRecipe &entry : recipe.tensors) {
    bool isKept = codes == Codes::Keep && !entry.codes.empty();
    if (isKept || !entry.outliers.empty())
      continue;
    if (!editor.isConstant(entry.name)) {
      replaceEntry(entry, *activations);
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
  repairs.push_back(makeFullShortcuts());
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
