// See the header.

#include "lib/MeasuredPruning/MeasuredPruning.h"
#include "lib/MeasuredPruning/ActivationImportance.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tenon {

namespace {

/// One call of pruneWithData.
class MeasuredPruner {
public:
  MeasuredPruner(const std::shared_ptr<ModelFile> &file, quantize::DataSource &data,
                 const MeasuredPruneOptions &options)
      : file(file), options(options), split(quantize::splitData(data)) {}

  Expected<MeasuredPruneResult> run();

private:
  Error measureMoments();
  Error judge();
  Expected<bool> tryChoice(const PruneChoice &choice, bool mustHold);
  Error search();

  const std::shared_ptr<ModelFile> &file;
  const MeasuredPruneOptions &options;
  quantize::DataSplit split;
  std::optional<PrunableModel> whole;
  ActivationMoments moments;
  std::optional<ChannelChooser> chooser;
  std::optional<Session> reference;
  std::optional<quantize::Evaluator> evaluator;
  MeasuredPruneResult result;
};

} // namespace

quantize::Budget getBudgetOf(const MeasuredPruneOptions &options) {
  return options.budget.value_or(quantize::Budget{quantize::LossKind::Sqnr, -INFINITY});
}

Error MeasuredPruner::measureMoments() {
  bool isNeeded = options.prune.importance == Importance::Activation ||
                  options.compensation != Compensation::None;
  if (!isNeeded)
    return Error::success();
  quantize::CalibrateOptions calibrate;
  calibrate.probe = options.probe;
  if (options.progress)
    calibrate.progress = [&](int64_t done, int64_t planned) {
      options.progress("looking at channels", done, planned);
    };
  auto measured = ActivationMoments::measure(file, *whole, split.calibration, calibrate,
                                             options.compensation == Compensation::LeastSquares);
  if (!measured)
    return measured.takeError();
  moments = std::move(*measured);
  return Error::success();
}

/// Which channels matter least.
Error MeasuredPruner::judge() {
  auto importance =
      options.prune.importance == Importance::Activation
          ? measureActivationImportance(*whole, moments, options.compensation)
          : measureImportance(whole->getEditor(), whole->getGroups(), options.prune.importance);
  if (!importance)
    return importance.takeError();
  auto made = ChannelChooser::create(whole->getEditor(), whole->getTypes(), whole->getGroups(),
                                     options.prune, std::move(*importance));
  if (!made)
    return made.takeError();
  chooser.emplace(std::move(*made));
  return Error::success();
}

/// Makes the smaller model, compiles and compares it, and keeps it if the budget holds.
Expected<bool> MeasuredPruner::tryChoice(const PruneChoice &choice, bool mustHold) {
  // Finds the same groups again.
  Expected<PrunableModel> model = PrunableModel::create(file, options.probe.compile.import);
  if (!model)
    return model.takeError();
  BitVector removed = selectSets(model->getGroups(), choice.selection);
  if (Error error = compensate(*model, removed, moments, options.compensation))
    return std::move(error);
  Expected<PruneReport> report = model->remove(choice);
  if (!report)
    return report.takeError();
  Expected<std::shared_ptr<ModelFile>> smaller = model->getEditor().toModelFile();
  if (!smaller)
    return smaller.takeError();
  auto loaded = quantize::loadModel(*smaller, options.probe);
  if (!loaded)
    return loaded.takeError();
  Expected<quantize::Evaluation> evaluation = evaluator->evaluate(loaded->first);
  if (!evaluation)
    return evaluation.takeError();
  bool isKept = evaluation->holds || !mustHold;
  result.steps.push_back({choice.part, choice.predictedSpeedup, std::move(*evaluation)});
  if (isKept || !result.model) {
    result.report = std::move(*report);
    result.chosen = result.steps.size() - 1;
  }
  if (isKept)
    result.model = model->takeEditor();
  return isKept;
}

/// Each step is larger than all that have kept the budget, and smaller than all that have not.
Error MeasuredPruner::search() {
  std::vector<PruneChoice> choices = chooser->listChoices();
  size_t held = 0, broken = choices.size();
  while (held < broken) {
    size_t middle = held + (broken - held) / 2;
    if (options.progress)
      options.progress("comparing models", result.steps.size(), Log2_64_Ceil(choices.size() + 1));
    Expected<bool> holds = tryChoice(choices[middle], /*mustHold=*/true);
    if (!holds)
      return holds.takeError();
    if (*holds)
      held = middle + 1;
    else
      broken = middle;
  }
  return Error::success();
}

Expected<MeasuredPruneResult> MeasuredPruner::run() {
  Expected<PrunableModel> model = PrunableModel::create(file, options.probe.compile.import);
  if (!model)
    return model.takeError();
  whole.emplace(std::move(*model));
  if (Error error = measureMoments())
    return std::move(error);
  if (Error error = judge())
    return std::move(error);
  auto loaded = quantize::loadModel(file, options.probe);
  if (!loaded)
    return loaded.takeError();
  reference.emplace(std::move(loaded->first));
  evaluator.emplace(*reference, split.heldBack, getBudgetOf(options), options.metric,
                    &split.calibration);
  result.calibrationSamples = split.calibration.size();
  result.heldBackSamples = split.heldBack.size();
  if (options.prune.channels || options.prune.targetSpeedup) {
    Expected<PruneChoice> choice = chooser->choose();
    if (!choice)
      return choice.takeError();
    Expected<bool> holds = tryChoice(*choice, options.budget.has_value());
    if (!holds)
      return holds.takeError();
  } else if (Error error = search()) {
    return std::move(error);
  }
  if (result.steps.empty())
    return makeError(file->name() + ": no group has so many channels that rounding lets any go");
  return std::move(result);
}

Expected<MeasuredPruneResult> pruneWithData(const std::shared_ptr<ModelFile> &file,
                                            quantize::DataSource &data,
                                            const MeasuredPruneOptions &options) {
  return MeasuredPruner(file, data, options).run();
}

} // namespace tenon
