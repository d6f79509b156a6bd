// Repairs that are kept where they help (see the header).

#include "lib/Quantize/Improve.h"
#include "lib/Quantize/RangeSearch.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace tenon::quantize {

DataSplit splitForRepairs(DataSource &calibration) {
  constexpr int64_t few = 8, mostToJudge = 16;
  int64_t count = calibration.size();
  if (count >= few)
    return splitData(calibration, std::min(1.0 / 3, double(mostToJudge) / double(count)));
  auto all = llvm::to_vector(llvm::seq<int64_t>(0, count));
  return {DataSubset(calibration, {all.begin(), all.end()}),
          DataSubset(calibration, {all.begin(), all.end()})};
}

namespace {

/// One use of improveRecipe.
class Improvement {
public:
  Improvement(Recipe &recipe, const RepairContext &context, DataSource &fitted,
              MeasureRecipe measure)
      : recipe(recipe), all(context),
        some{context.model,   context.plan, fitted,          context.calibrate,
             context.tensors, &histograms,  context.progress},
        measure(measure) {}

  llvm::Expected<std::vector<RepairReport>> run(llvm::ArrayRef<std::unique_ptr<Repair>> repairs);

private:
  llvm::Error measureAgain();
  llvm::Error chooseRanges();
  llvm::Error fitRanges();
  llvm::Error tryRepair(const Repair &repair);

  Recipe &recipe;
  /// With all samples, and with those that repairs are fitted to.
  const RepairContext &all;
  llvm::StringMap<Histogram> histograms;
  RepairContext some;
  MeasureRecipe measure;
  Evaluation evaluation;
  std::vector<RepairReport> reports;
};

} // namespace

llvm::Error Improvement::measureAgain() {
  llvm::Expected<Evaluation> found = measure(recipe);
  if (!found)
    return found.takeError();
  evaluation = std::move(*found);
  return llvm::Error::success();
}

/// The search judges itself, by all samples.
llvm::Error Improvement::chooseRanges() {
  llvm::Expected<std::optional<RangeSearchReport>> found =
      searchRanges(recipe, all, evaluation.noise);
  if (!found || !*found)
    return found.takeError();
  const RangeSearchReport &report = **found;
  reports.push_back(
      {"ranges by outputs", report.before, report.after, report.change, report.isBetter});
  return llvm::Error::success();
}

/// Finds ranges from the samples that repairs are fitted to.
llvm::Error Improvement::fitRanges() {
  std::vector<std::string> activations;
  ModelEditor model(all.model);
  for (const TensorRecipe &entry : recipe.tensors)
    if (!model.isConstant(entry.name))
      activations.push_back(entry.name);
  if (activations.empty())
    return llvm::Error::success();
  auto seen =
      calibrate(all.model, activations, some.data, all.showCalibration("calibrating for repairs"));
  if (!seen)
    return seen.takeError();
  histograms = std::move(*seen);
  return some.recalibrate(recipe);
}

llvm::Error Improvement::tryRepair(const Repair &repair) {
  Recipe repaired = recipe;
  RepairContext fitted = some;
  fitted.calibrate = some.showCalibration(("fitting " + repair.getName()).str());
  llvm::Expected<bool> changed = repair.apply(repaired, fitted);
  if (!changed || !*changed)
    return changed.takeError();
  llvm::Expected<Evaluation> found = measure(repaired);
  if (!found)
    return found.takeError();
  RepairReport &report = reports.emplace_back(
      RepairReport{repair.getName().str(), evaluation.noise, found->noise,
                   NoiseChange::find(evaluation.sampleNoise, found->sampleNoise), false});
  if (!(report.after < report.before) || !report.change.leaves(repair.getMostNoiseLeft()))
    return llvm::Error::success();
  report.isKept = true;
  evaluation = std::move(*found);
  recipe = std::move(repaired);
  return llvm::Error::success();
}

llvm::Expected<std::vector<RepairReport>>
Improvement::run(llvm::ArrayRef<std::unique_ptr<Repair>> repairs) {
  if (llvm::Error error = measureAgain())
    return std::move(error);
  if (llvm::Error error = chooseRanges())
    return std::move(error);
  if (llvm::Error error = fitRanges())
    return std::move(error);
  if (llvm::Error error = measureAgain())
    return std::move(error);
  for (auto [number, repair] : llvm::enumerate(repairs)) {
    if (all.progress)
      all.progress("trying repairs", number, repairs.size());
    if (llvm::Error error = tryRepair(*repair))
      return std::move(error);
  }
  if (llvm::Error error = all.recalibrate(recipe, RepairContext::Codes::Keep))
    return std::move(error);
  return std::move(reports);
}

llvm::Expected<std::vector<RepairReport>>
improveRecipe(Recipe &recipe, llvm::ArrayRef<std::unique_ptr<Repair>> repairs,
              const RepairContext &context, DataSource &fitted, MeasureRecipe measure) {
  return Improvement(recipe, context, fitted, measure).run(repairs);
}

} // namespace tenon::quantize
