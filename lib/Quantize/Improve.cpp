// Repairs that are kept where they help (see the header).

#include "lib/Quantize/Improve.h"

namespace tenon::quantize {

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
    // What helps by less than a few percent may be luck.
    constexpr double leastGain = 0.97;
    if (evaluation->noise > leastGain * noise)
      continue;
    report.isKept = true;
    noise = evaluation->noise;
    recipe = std::move(repaired);
  }
  return reports;
}

} // namespace tenon::quantize
