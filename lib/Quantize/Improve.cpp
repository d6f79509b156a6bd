// Repairs that are kept where they help (see the header).

#include "lib/Quantize/Improve.h"

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

llvm::Expected<std::vector<RepairReport>>
improveRecipe(Recipe &recipe, llvm::ArrayRef<std::unique_ptr<Repair>> repairs,
              const RepairContext &context, MeasureRecipe measure) {
  std::vector<RepairReport> reports;
  llvm::Expected<Evaluation> evaluation = measure(recipe);
  if (!evaluation)
    return evaluation.takeError();
  double noise = evaluation->noise;
  if (evaluation->holds)
    return reports;
  for (const std::unique_ptr<Repair> &repair : repairs) {
    Recipe repaired = recipe;
    llvm::Expected<bool> changed = repair->apply(repaired, context);
    if (!changed)
      return changed.takeError();
    if (!*changed)
      continue;
    evaluation = measure(repaired);
    if (!evaluation)
      return evaluation.takeError();
    RepairReport &report = reports.emplace_back(
        RepairReport{repair->getName().str(), noise, evaluation->noise, false});
    if (evaluation->noise > repair->getMostNoiseLeft() * noise)
      continue;
    report.isKept = true;
    noise = evaluation->noise;
    recipe = std::move(repaired);
  }
  return reports;
}

} // namespace tenon::quantize
