// What ranges do to samples that had no part in them (see the header).

#include "lib/Quantize/CrossValidation.h"
#include "lib/Quantize/Prepare.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

/// With those held back as one more, parts of about the same size.
constexpr size_t mostParts = 3;

llvm::Expected<CrossValidation> CrossValidation::create(const Recipe &all,
                                                        const RepairContext &context,
                                                        DataSource &data, const DataSplit &split) {
  CrossValidation validation;
  llvm::ArrayRef<int64_t> calibration = split.calibration.getIndices();
  size_t parts = std::min(mostParts, calibration.size());
  if (data.size() < 2)
    return validation;
  for (size_t part = 0; part < parts; ++part) {
    if (context.progress)
      context.progress("finding ranges for other samples", static_cast<int64_t>(part),
                       static_cast<int64_t>(parts));
    std::vector<int64_t> judges, others = split.heldBack.getIndices().vec();
    for (auto [position, index] : llvm::enumerate(calibration))
      (position % parts == part ? judges : others).push_back(index);
    DataSubset samples(data, std::move(others));
    RepairContext own{context.model,   context.plan, samples, context.calibrate,
                      context.tensors, nullptr,      {}};
    Recipe recipe = all;
    if (llvm::Error error = own.recalibrate(recipe, RepairContext::Codes::Keep))
      return std::move(error);
    TensorRecipes ranges;
    // Channels that are split off have left a range of their own.
    for (const std::string &tensor : context.plan.tensors)
      if (const TensorRecipe *entry = recipe.findTensor(tensor); entry && entry->outliers.empty())
        ranges[tensor] = *entry;
    validation.folds.push_back({DataSubset(data, std::move(judges)), std::move(ranges)});
  }
  return validation;
}

bool CrossValidation::concerns(const Recipe &recipe, const QuantizationPlan &plan) {
  return llvm::any_of(plan.tensors,
                      [&](const std::string &tensor) { return recipe.findTensor(tensor); });
}

llvm::Error CrossValidation::run(const Recipe &recipe, const std::shared_ptr<ModelFile> &model,
                                 const ProbeOptions &probe, Evaluator::Judge judge) {
  for (Fold &fold : folds) {
    Recipe own = recipe;
    for (TensorRecipe &entry : own.tensors)
      if (auto found = fold.ranges.find(entry.name); found != fold.ranges.end())
        entry = found->second;
    auto loaded = loadRecipe(model, own, probe);
    if (!loaded)
      return loaded.takeError();
    if (llvm::Error error = judge(loaded->first, fold.judges))
      return error;
  }
  return llvm::Error::success();
}

} // namespace tenon::quantize
