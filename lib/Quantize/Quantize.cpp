// Lowers the precision of a model as far as a budget allows (see the header).

#include "lib/Quantize/Quantize.h"
#include "lib/Quantize/LimitSearch.h"
#include "lib/Quantize/MeasureTensors.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/RepairJudge.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

namespace tenon::quantize {

namespace {

/// One call of quantize.
class Quantizer {
public:
  Quantizer(RecipeParts parts, DataSource &data, const QuantizeOptions &options)
      : parts(std::move(parts)), options(options), split(splitData(data)),
        probe(keepCode({options.compile, options.threads})),
        timer(probe, split.calibration, options.records) {}

  llvm::Expected<QuantizeResult> run();

private:
  llvm::Expected<bool> keepsBudget(const Recipe &recipe, DataSource &samples);
  llvm::Error repair();
  llvm::Error search();
  llvm::Expected<Validation> validate(const Choices &choices);
  llvm::Error measureTensors();
  void report();

  llvm::Expected<Recipe> makeRecipeOf(const Choices &choices);
  RepairContext getRepairContext() {
    return {parts.getModel(), parts.getPlan(),        split.calibration, getCalibrateOptions(),
            options.tensors,  &parts.getHistograms(), options.progress};
  }
  CalibrateOptions getCalibrateOptions() const {
    CalibrateOptions calibration;
    calibration.probe = probe;
    return calibration;
  }
  std::function<void(int64_t, int64_t)> progressOf(std::string what) const {
    return [this, what = std::move(what)](int64_t done, int64_t planned) {
      if (options.progress)
        options.progress(what, done, planned);
    };
  }

  RecipeParts parts;
  const QuantizeOptions &options;
  DataSplit split;
  ProbeOptions probe;
  ModelTimer timer;
  /// The model with what repairs change in its constants.
  std::shared_ptr<ModelFile> adjusted;
  /// Corrects biases of a recipe, if that helps; null if not.
  std::unique_ptr<Repair> lastRepair;
  std::optional<MeasuredModel> reference;
  GroupOptions groups;
  AssignmentProblem problem;
  std::optional<Evaluator> evaluator;
  QuantizeResult result;
};

} // namespace

// ---- Repairs

/// Whether a recipe is good enough as it is.
llvm::Expected<bool> Quantizer::keepsBudget(const Recipe &recipe, DataSource &samples) {
  llvm::Expected<PreparedModel> prepared = prepareModel(parts.getModel(), recipe);
  if (!prepared)
    return prepared.takeError();
  ProbeOptions own = probe;
  own.compile.precision = prepared->precision;
  auto loaded = loadModel(prepared->model, own);
  if (!loaded)
    return loaded.takeError();
  llvm::Expected<Evaluation> found =
      Evaluator(reference->session, samples, options.budget, options.metric)
          .evaluate(loaded->first);
  return found ? llvm::Expected<bool>(found->holds) : found.takeError();
}

// Repairs are fitted to, and judged by, the samples to calibrate with: those that are held back say
// what is left in the end, and must not have had a part in it.
llvm::Error Quantizer::repair() {
  adjusted = parts.getModel();
  auto allowed = llvm::find_if(options.allow, [](NodePrecision precision) {
    return precision == NodePrecision::Int8 || precision == NodePrecision::Int4Weights ||
           precision == NodePrecision::Int8Weights;
  });
  if (!options.repair || allowed == options.allow.end())
    return llvm::Error::success();
  DataSplit samples = splitForRepairs(split.calibration);
  Recipe recipe = parts.makeUniformRecipe(*allowed);
  llvm::Expected<bool> holds = keepsBudget(recipe, samples.heldBack);
  if (!holds || *holds)
    return holds.takeError();
  llvm::Expected<RepairJudge> judge =
      RepairJudge::create(parts.getModel(), samples.heldBack, probe);
  if (!judge)
    return judge.takeError();
  RepairContext context = getRepairContext();
  llvm::Expected<std::vector<RepairReport>> reports =
      improveRecipe(recipe, makeRepairs(), context, samples.calibration,
                    [&](const Recipe &tried) { return judge->measure(tried); });
  if (!reports)
    return reports.takeError();
  result.repairs = std::move(*reports);
  // Biases are corrected by what is quantized in the end, each time anew.
  std::unique_ptr<Repair> correction = makeBiasCorrection();
  llvm::erase_if(recipe.adjustments, [&](const Adjustment &adjustment) {
    return adjustment.method == correction->getName();
  });
  if (llvm::any_of(result.repairs, [&](const RepairReport &report) {
        return report.isKept && report.name == correction->getName();
      }))
    lastRepair = std::move(correction);
  parts.adopt(recipe, *allowed);
  llvm::Expected<std::shared_ptr<ModelFile>> changed = context.adjust(recipe);
  if (!changed)
    return changed.takeError();
  adjusted = std::move(*changed);
  return llvm::Error::success();
}

// ---- The search

llvm::Expected<Recipe> Quantizer::makeRecipeOf(const Choices &choices) {
  std::vector<NodePrecision> precisions(parts.getPlan().products.size(), NodePrecision::F32);
  for (auto [group, report, choice] : llvm::zip_equal(groups.groups, groups.reports, choices))
    for (unsigned product : group.products)
      precisions[product] = report.options[choice].precision;
  Recipe recipe = parts.makeRecipe(precisions);
  if (lastRepair)
    if (llvm::Expected<bool> changed = lastRepair->apply(recipe, getRepairContext()); !changed)
      return changed.takeError();
  return recipe;
}

llvm::Expected<Validation> Quantizer::validate(const Choices &choices) {
  progressOf("comparing whole models")(result.validations++, options.maxValidations);
  llvm::Expected<Recipe> recipe = makeRecipeOf(choices);
  if (!recipe)
    return recipe.takeError();
  llvm::Expected<PreparedModel> prepared = prepareModel(parts.getModel(), *recipe);
  if (!prepared)
    return prepared.takeError();
  llvm::Expected<MeasuredModel> measured = timer.measure(prepared->model, prepared->precision);
  if (!measured)
    return measured.takeError();
  llvm::Expected<Evaluation> evaluation = evaluator->evaluate(measured->session);
  if (!evaluation)
    return evaluation.takeError();
  double time = totalTime(measured->kernels);
  int64_t bytes = measured->report.weightsBytes;
  double cost = options.objective == Objective::Time ? time : static_cast<double>(bytes);
  return Validation{choices, std::move(*recipe), std::move(*evaluation), cost, time, bytes};
}

llvm::Error Quantizer::search() {
  LimitSearch search(problem, options.budget, options.maxValidations);
  llvm::Expected<std::optional<Validation>> found =
      search.run([&](const Choices &choices) { return validate(choices); });
  if (!found)
    return found.takeError();
  if (!*found)
    return makeError(parts.getModel()->name() + ": nothing of it gets " +
                     (options.objective == Objective::Time ? "faster on " : "smaller on ") +
                     llvm::join(options.compile.targets, ", ") +
                     " in the precisions that are allowed");
  result.holds = (*found)->evaluation.holds;
  result.evaluation = std::move((*found)->evaluation);
  result.timeAfter = (*found)->time;
  result.weightsAfter = (*found)->weightsBytes;
  for (auto [report, choice] : llvm::zip_equal(groups.reports, (*found)->choices))
    report.precision = report.options[choice].precision;
  result.recipe = std::move((*found)->recipe);
  double noise = totalNoise(problem, (*found)->choices);
  OutputLoss predicted;
  predicted.name = "all";
  predicted.sqnr = -10 * std::log10(noise);
  result.recipe.predicted = {predicted};
  return llvm::Error::success();
}

/// What there is to say of a group that stays fp32.
static std::string explain(const GroupReport &report) {
  const GroupReport::Option &original = report.options.front();
  std::string why;
  for (const GroupReport::Option &option : llvm::ArrayRef(report.options).drop_front()) {
    why += (why.empty() ? "" : "; ") + getName(option.precision).str();
    if (!std::isfinite(option.noise))
      why += " is not possible";
    else if (option.time >= original.time)
      why += " is not faster";
    else
      why += " costs " + formatNumber(std::round(100 * std::log10(option.noise)) / 10) + " dB";
  }
  return why;
}

/// What rounding does to tensors in the samples that are held back.
llvm::Error Quantizer::measureTensors() {
  llvm::Expected<std::shared_ptr<ModelFile>> changed = getRepairContext().adjust(result.recipe);
  if (!changed)
    return changed.takeError();
  CalibrateOptions options = getCalibrateOptions();
  options.progress = progressOf("measuring tensors");
  return quantize::measureTensors(result.recipe, *changed, split.heldBack, options);
}

void Quantizer::report() {
  Recipe &recipe = result.recipe;
  recipe.target = llvm::join(options.compile.targets, ",");
  recipe.budget = options.budget.str();
  recipe.calibrationSamples = split.calibration.size();
  recipe.heldBackSamples = split.heldBack.size();
  recipe.measured = result.evaluation.outputs;
  for (auto [number, report] : llvm::enumerate(groups.reports)) {
    if (report.precision == NodePrecision::F32)
      report.reason = report.reason.empty() ? explain(report) : report.reason;
    for (const std::string &node : report.nodes) {
      NodeRecipe &entry = *recipe.findNode(node);
      entry.group = static_cast<int64_t>(number);
      entry.reason = report.reason;
      if (report.precision != NodePrecision::F32)
        entry.measuredSqnr = -10 * std::log10(report.getChosen().noise);
    }
  }
  result.groups = std::move(groups.reports);
  result.timeBefore = totalTime(reference->kernels);
  result.weightsBefore = reference->report.weightsBytes;
}

llvm::Expected<QuantizeResult> Quantizer::run() {
  llvm::Expected<MeasuredModel> measured = timer.measure(parts.getModel());
  if (!measured)
    return measured.takeError();
  reference = std::move(*measured);
  evaluator.emplace(reference->session, split.heldBack, options.budget, options.metric,
                    &split.calibration);
  CalibrateOptions calibration = getCalibrateOptions();
  calibration.progress = progressOf("calibrating");
  if (llvm::Error error = parts.calibrate(split.calibration, calibration, options.tensors))
    return error;
  if (llvm::Error error = repair())
    return error;
  auto progress = [&](const std::string &what, int64_t done, int64_t planned) {
    progressOf(what)(done, planned);
  };
  llvm::Expected<GroupOptions> found =
      measureGroups(parts, adjusted, *reference, timer, split.calibration,
                    {options.allow, probe, std::move(progress)});
  if (!found)
    return found.takeError();
  groups = std::move(*found);
  llvm::Expected<AssignmentProblem> formed =
      groups.formProblem(parts, options.objective, reference->kernels);
  if (!formed)
    return formed.takeError();
  problem = std::move(*formed);
  if (llvm::Error error = search())
    return error;
  if (llvm::Error error = measureTensors())
    return error;
  report();
  return std::move(result);
}

llvm::Expected<QuantizeResult> quantize(const std::shared_ptr<ModelFile> &model, DataSource &data,
                                        const QuantizeOptions &options) {
  llvm::Expected<RecipeParts> parts = RecipeParts::create(model, options.compile.import);
  if (!parts)
    return parts.takeError();
  return Quantizer(std::move(*parts), data, options).run();
}

} // namespace tenon::quantize
