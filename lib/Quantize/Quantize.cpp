// Lowers the precision of a model as far as a budget allows (see the header).

#include "lib/Quantize/Quantize.h"
#include "lib/Quantize/CrossValidation.h"
#include "lib/Quantize/LimitSearch.h"
#include "lib/Quantize/MeasureTensors.h"
#include "lib/Quantize/OtherBudgets.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/RepairJudge.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <map>

namespace tenon::quantize {

namespace {

/// One call of quantize. What is found within one budget serves for the next.
class Quantizer {
public:
  Quantizer(RecipeParts parts, DataSource &data, const QuantizeOptions &options)
      : parts(std::move(parts)), options(options), data(data), split(splitData(data)),
        probe(keepCode({options.compile, options.threads})),
        timer(probe, split.calibration, options.records) {}

  llvm::Expected<QuantizeResult> run(const Budget &budget);
  /// Whether the last budget found nothing that gains.
  bool hasFailedToGain() const { return failedToGain; }

private:
  llvm::Error start();
  llvm::Expected<bool> keepsBudget(const Recipe &recipe, DataSource &samples, const Budget &budget);
  llvm::Error repair(const Budget &budget);
  llvm::Error timeGroups();
  llvm::Error measureNoise();
  llvm::Error formProblem();
  llvm::Error search(const Budget &budget);
  llvm::Expected<Validation> validate(const Choices &choices, const Budget &budget,
                                      Evaluator &evaluator);
  llvm::Expected<Evaluation> crossValidate(const Recipe &recipe, Session &session,
                                           Evaluator &evaluator);
  llvm::Error compareTimes(MeasuredModel &lowered);
  bool gains(double time) const {
    return options.objective == Objective::Size || time < totalTime(reference->kernels);
  }
  llvm::Error measureTensors();
  void report(const Budget &budget);

  llvm::Error failToGain(const std::string &details = "");
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
  DataSource &data;
  DataSplit split;
  ProbeOptions probe;
  ModelTimer timer;
  std::optional<MeasuredModel> reference;
  bool isRepaired = false;
  /// Those that were tried.
  std::vector<RepairReport> repairs;
  /// The model with what repairs change in its constants.
  std::shared_ptr<ModelFile> adjusted;
  /// Corrects biases of a recipe, if that helps; null if not.
  std::unique_ptr<Repair> lastRepair;
  /// None where the next budget has to measure them.
  std::optional<GroupOptions> groups;
  AssignmentProblem problem;
  bool hasNoise = false;
  /// Of the groups as they are, with the kind of budget that they were judged by.
  std::vector<std::pair<LossKind, Validation>> known;
  /// Of the model with what repairs changed.
  std::optional<CrossValidation> crossValidation;
  /// The tensors of assignments that were measured.
  std::map<Choices, std::vector<TensorRecipe>> measuredTensors;
  Choices chosen;
  bool failedToGain = false;
  QuantizeResult result;
};

} // namespace

// ---- Repairs

/// Whether repairs make a difference where all is in this precision.
static bool isRepairable(NodePrecision precision) {
  return precision == NodePrecision::Int8 || precision == NodePrecision::Int4Weights ||
         precision == NodePrecision::Int8Weights;
}

/// Whether a recipe is good enough as it is.
llvm::Expected<bool> Quantizer::keepsBudget(const Recipe &recipe, DataSource &samples,
                                            const Budget &budget) {
  auto loaded = loadRecipe(parts.getModel(), recipe, probe);
  if (!loaded)
    return loaded.takeError();
  llvm::Expected<Evaluation> found =
      Evaluator(reference->session, samples, budget, options.metric).evaluate(loaded->first);
  return found ? llvm::Expected<bool>(found->holds) : found.takeError();
}

// Repairs are fitted to, and judged by, the samples to calibrate with: those that are held back say
// what is left in the end, and must not have had a part in it.
llvm::Error Quantizer::repair(const Budget &budget) {
  auto allowed = llvm::find_if(options.allow, isRepairable);
  if (isRepaired || !options.repair || allowed == options.allow.end())
    return llvm::Error::success();
  DataSplit samples = splitForRepairs(split.calibration);
  Recipe recipe = parts.makeUniformRecipe(*allowed);
  llvm::Expected<bool> holds = keepsBudget(recipe, samples.heldBack, budget);
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
  isRepaired = true;
  groups.reset();
  crossValidation.reset();
  repairs = std::move(*reports);
  // Biases are corrected by what is quantized in the end, each time anew.
  std::unique_ptr<Repair> correction = makeBiasCorrection();
  llvm::erase_if(recipe.adjustments, [&](const Adjustment &adjustment) {
    return adjustment.method == correction->getName();
  });
  if (llvm::any_of(repairs, [&](const RepairReport &report) {
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

/// Groups with times, and the problem without noise. An error if nothing gains even so.
llvm::Error Quantizer::timeGroups() {
  llvm::Expected<GroupOptions> found =
      GroupOptions::create(parts, options.allow, *reference, timer);
  if (!found)
    return found.takeError();
  groups = std::move(*found);
  hasNoise = false;
  known.clear();
  measuredTensors.clear();
  if (llvm::Error error = formProblem())
    return error;
  Choices fastest = assignPrecisions(problem, INFINITY);
  bool gains = llvm::any_of(fastest, [](unsigned choice) { return choice != 0; });
  if (gains)
    return llvm::Error::success();
  // Another budget must not go on with them to repairs.
  groups.reset();
  return failToGain();
}

llvm::Error Quantizer::measureNoise() {
  auto progress = [&](const std::string &what, int64_t done, int64_t planned) {
    progressOf(what)(done, planned);
  };
  NoiseMeasurement measurement{probe, totalTime(reference->kernels), progress};
  if (llvm::Error error = groups->measureNoise(parts, adjusted, split.calibration, measurement))
    return error;
  hasNoise = true;
  return formProblem();
}

llvm::Error Quantizer::formProblem() {
  llvm::Expected<AssignmentProblem> formed =
      groups->formProblem(parts, options.objective, reference->kernels);
  if (!formed)
    return formed.takeError();
  problem = std::move(*formed);
  return llvm::Error::success();
}

llvm::Error Quantizer::failToGain(const std::string &details) {
  failedToGain = true;
  return makeError(parts.getModel()->name() + ": nothing of it gets " +
                   (options.objective == Objective::Time ? "faster on " : "smaller on ") +
                   llvm::join(options.compile.targets, ", ") +
                   " in the precisions that are allowed" + details);
}

llvm::Expected<Recipe> Quantizer::makeRecipeOf(const Choices &choices) {
  std::vector<NodePrecision> precisions(parts.getPlan().products.size(), NodePrecision::F32);
  for (auto [group, report, choice] : llvm::zip_equal(groups->groups, groups->reports, choices))
    for (unsigned product : group.products)
      precisions[product] = report.options[choice].precision;
  Recipe recipe = parts.makeRecipe(precisions);
  if (lastRepair)
    if (llvm::Expected<bool> changed = lastRepair->apply(recipe, getRepairContext()); !changed)
      return changed.takeError();
  return recipe;
}

/// What is left to be sure of where samples that calibrate judge by ranges of others.
llvm::Expected<Evaluation> Quantizer::crossValidate(const Recipe &recipe, Session &session,
                                                    Evaluator &evaluator) {
  if (!crossValidation) {
    llvm::Expected<CrossValidation> made = CrossValidation::create(
        parts.makeUniformRecipe(NodePrecision::Int8), getRepairContext(), data, split);
    if (!made)
      return made.takeError();
    crossValidation = std::move(*made);
  }
  return evaluator.evaluate(session, [&](Evaluator::Judge judge) {
    return crossValidation->run(recipe, parts.getModel(), probe, judge);
  });
}

/// Measures an assignment that takes no less time than fp32 again, by turns, until it does.
llvm::Error Quantizer::compareTimes(MeasuredModel &lowered) {
  constexpr int mostTurns = 10;
  for (int turn = 0; turn < mostTurns && !gains(totalTime(lowered.kernels)); ++turn)
    if (llvm::Error error = timer.measureInTurn({&*reference, &lowered}))
      return error;
  return llvm::Error::success();
}

/// Compiles and runs an assignment, unless another budget of this kind has had it done.
llvm::Expected<Validation> Quantizer::validate(const Choices &choices, const Budget &budget,
                                               Evaluator &evaluator) {
  for (auto &[kind, validation] : known)
    if (kind == budget.kind && validation.choices == choices) {
      Validation again = validation;
      again.evaluation.holds = budget.holds(again.evaluation.bound);
      // One that did not hold was not looked at closely.
      if (validation.evaluation.holds || !again.evaluation.holds)
        return again;
    }
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
  llvm::Expected<Evaluation> evaluation = evaluator.evaluate(measured->session);
  if (evaluation && evaluation->holds && evaluator.canUseOthers() &&
      CrossValidation::concerns(*recipe, parts.getPlan()))
    evaluation = crossValidate(*recipe, measured->session, evaluator);
  if (!evaluation)
    return evaluation.takeError();
  if (evaluation->holds)
    if (llvm::Error error = compareTimes(*measured))
      return std::move(error);
  double time = totalTime(measured->kernels);
  int64_t bytes = measured->report.weightsBytes;
  double cost = options.objective == Objective::Time ? time : static_cast<double>(bytes);
  Validation validation{choices, std::move(*recipe),           std::move(*evaluation), cost, time,
                        bytes,   totalTime(reference->kernels)};
  llvm::erase_if(known, [&](const auto &entry) {
    return entry.first == budget.kind && entry.second.choices == choices;
  });
  known.emplace_back(budget.kind, validation);
  return validation;
}

llvm::Error Quantizer::search(const Budget &budget) {
  Evaluator evaluator(reference->session, split.heldBack, budget, options.metric,
                      &split.calibration);
  evaluator.setDecisions(parts.countDecisions());
  LimitSearch search(problem, budget, options.maxValidations);
  llvm::Expected<std::optional<Validation>> found =
      search.run([&](const Choices &choices) { return validate(choices, budget, evaluator); });
  if (!found)
    return found.takeError();
  if (!*found)
    return failToGain();
  // Kernels that gain each may take longer together, with the conversions between them.
  if ((*found)->evaluation.holds && !gains((*found)->time))
    return failToGain(llvm::formatv(": all together it takes {0:f3} ms, and {1:f3} ms in fp32",
                                    (*found)->time / 1e6, totalTime(reference->kernels) / 1e6)
                          .str());
  result.holds = (*found)->evaluation.holds;
  result.evaluation = std::move((*found)->evaluation);
  result.timeAfter = (*found)->time;
  result.weightsAfter = (*found)->weightsBytes;
  result.groups = groups->reports;
  for (auto [report, choice] : llvm::zip_equal(result.groups, (*found)->choices))
    report.precision = report.options[choice].precision;
  result.recipe = std::move((*found)->recipe);
  chosen = std::move((*found)->choices);
  double noise = totalNoise(problem, chosen);
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
    else if (!isFaster(option.time, original.time))
      why += " is not faster";
    else
      why += " costs " + formatNumber(std::round(100 * std::log10(option.noise)) / 10) + " dB";
  }
  return why;
}

/// What rounding does to tensors in the samples that are held back.
llvm::Error Quantizer::measureTensors() {
  if (auto measured = measuredTensors.find(chosen); measured != measuredTensors.end()) {
    result.recipe.tensors = measured->second;
    return llvm::Error::success();
  }
  llvm::Expected<std::shared_ptr<ModelFile>> changed = getRepairContext().adjust(result.recipe);
  if (!changed)
    return changed.takeError();
  CalibrateOptions options = getCalibrateOptions();
  options.progress = progressOf("measuring tensors");
  if (llvm::Error error =
          quantize::measureTensors(result.recipe, *changed, split.heldBack, options))
    return error;
  measuredTensors[chosen] = result.recipe.tensors;
  return llvm::Error::success();
}

void Quantizer::report(const Budget &budget) {
  Recipe &recipe = result.recipe;
  recipe.target = llvm::join(options.compile.targets, ",");
  recipe.budget = budget.str();
  recipe.calibrationSamples = split.calibration.size();
  recipe.heldBackSamples = split.heldBack.size();
  recipe.measured = result.evaluation.outputs;
  result.decisions = parts.getDecisions();
  for (auto [number, report] : llvm::enumerate(result.groups)) {
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
  result.repairs = repairs;
  result.timeBefore = totalTime(reference->kernels);
  result.weightsBefore = reference->report.weightsBytes;
}

/// What no budget has to do with.
llvm::Error Quantizer::start() {
  llvm::Expected<MeasuredModel> measured = timer.measure(parts.getModel());
  if (!measured)
    return measured.takeError();
  CalibrateOptions calibration = getCalibrateOptions();
  calibration.progress = progressOf("calibrating");
  if (llvm::Error error = parts.calibrate(split.calibration, calibration, options.tensors))
    return error;
  adjusted = parts.getModel();
  reference = std::move(*measured);
  return llvm::Error::success();
}

// Repairs take longest, so they are not tried where nothing gains without them.
llvm::Expected<QuantizeResult> Quantizer::run(const Budget &budget) {
  result = {};
  failedToGain = false;
  if (!reference)
    if (llvm::Error error = start())
      return error;
  if (!groups)
    if (llvm::Error error = timeGroups())
      return error;
  if (llvm::Error error = repair(budget))
    return error;
  if (!groups)
    if (llvm::Error error = timeGroups())
      return error;
  if (!hasNoise)
    if (llvm::Error error = measureNoise())
      return error;
  if (llvm::Error error = search(budget))
    return error;
  if (llvm::Error error = measureTensors())
    return error;
  report(budget);
  return std::move(result);
}

/// Takes over what was found within another budget.
static void replaceResult(llvm::Expected<QuantizeResult> &result, QuantizeResult better,
                          const Budget &budget) {
  better.validations = 0;
  if (result)
    better.validations = result->validations;
  else
    llvm::consumeError(result.takeError());
  better.recipe.budget = budget.str();
  result = std::move(better);
}

std::vector<llvm::Expected<QuantizeResult>> quantizeEach(const std::shared_ptr<ModelFile> &model,
                                                         DataSource &data,
                                                         const QuantizeOptions &options,
                                                         llvm::ArrayRef<Budget> budgets) {
  std::vector<llvm::Expected<QuantizeResult>> results;
  llvm::Expected<RecipeParts> parts = RecipeParts::create(model, options.compile.import);
  if (!parts) {
    std::string message = llvm::toString(parts.takeError());
    for (size_t i = 0; i < budgets.size(); ++i)
      results.push_back(makeError(message));
    return results;
  }
  Quantizer quantizer(std::move(*parts), data, options);
  std::vector<bool> canChange;
  for (const Budget &budget : budgets) {
    results.push_back(quantizer.run(budget));
    canChange.push_back(results.back() || quantizer.hasFailedToGain());
  }
  std::vector<std::pair<Budget, const QuantizeResult *>> known;
  for (auto [budget, result] : llvm::zip_equal(budgets, results))
    known.emplace_back(budget, result ? &*result : nullptr);
  for (auto [budget, entry, result, change] : llvm::zip_equal(budgets, known, results, canChange))
    if (const QuantizeResult *better =
            change ? findBetter(budget, entry.second, options.objective, known) : nullptr)
      replaceResult(result, *better, budget);
  return results;
}

llvm::Expected<QuantizeResult> quantize(const std::shared_ptr<ModelFile> &model, DataSource &data,
                                        const QuantizeOptions &options) {
  return std::move(quantizeEach(model, data, options, options.budget).front());
}

} // namespace tenon::quantize
