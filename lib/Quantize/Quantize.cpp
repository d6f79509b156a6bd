// Lowers the precision of a model as far as a budget allows (see the header).

#include "lib/Quantize/Quantize.h"
#include "lib/Calibration/Calibrate.h"
#include "lib/Quantize/Assign.h"
#include "lib/Quantize/Costs.h"
#include "lib/Quantize/LimitSearch.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/Sensitivity.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>
#include <numeric>

namespace tenon::quantize {

const GroupReport::Option &GroupReport::getChosen() const {
  return *llvm::find_if(options,
                        [&](const Option &option) { return option.precision == precision; });
}

namespace {

/// One call of quantize.
class Quantizer {
public:
  Quantizer(const std::shared_ptr<ModelFile> &model, DataSource &data,
            const QuantizeOptions &options)
      : model(model), options(options), editor(model), split(splitData(data)),
        records(options.records) {
    probe.compile = options.compile;
    probe.threads = options.threads;
  }

  llvm::Expected<QuantizeResult> run();

private:
  /// A model that runs, and its kernels' times.
  struct Measured {
    Session session;
    driver::CompileReport report;
    KernelCosts kernels;
  };

  llvm::Error plan();
  llvm::Error calibrateTensors();
  llvm::Error repair();
  llvm::Error measureOptions();
  std::string refuseHalf(const Group &group) const;
  double sizeOf(const Group &group, NodePrecision precision) const;
  void formProblem();
  llvm::Error search();
  llvm::Expected<Validation> validate(const Choices &choices);
  llvm::Expected<Measured> measure(const std::shared_ptr<ModelFile> &file,
                                   const driver::PrecisionOption &precision);
  void report();

  Recipe makeRecipeOf(llvm::ArrayRef<NodePrecision> precisions) const;
  llvm::Expected<Recipe> makeRecipeOf(const Choices &choices);
  Recipe makeUniformRecipe(NodePrecision precision) const {
    return makeRecipeOf(std::vector<NodePrecision>(quantizationPlan.products.size(), precision));
  }
  void adopt(const Recipe &recipe, NodePrecision precision);
  RepairContext getRepairContext() {
    return {model, quantizationPlan, split.calibration, getCalibrateOptions(), options.tensors};
  }
  CalibrateOptions getCalibrateOptions() const {
    CalibrateOptions calibration;
    calibration.probe = probe;
    return calibration;
  }
  NodePrecision precisionOf(unsigned group, unsigned choice) const {
    return groupReports[group].options[choice].precision;
  }
  std::function<void(int64_t, int64_t)> progressOf(std::string what) const {
    return [this, what = std::move(what)](int64_t done, int64_t planned) {
      if (options.progress)
        options.progress(what, done, planned);
    };
  }

  const std::shared_ptr<ModelFile> &model;
  const QuantizeOptions &options;
  ModelEditor editor;
  DataSplit split;
  CostRecords records;
  ProbeOptions probe;
  ValueTypes types;
  QuantizationPlan quantizationPlan;
  llvm::StringMap<Histogram> histograms;
  TensorRecipes activations, weights, packedWeights;
  /// What repairs change in the constants of the model, and the model with these changes.
  std::vector<Adjustment> adjustments;
  std::shared_ptr<ModelFile> adjusted;
  /// Corrects biases of a recipe, if that helps; null if not.
  std::unique_ptr<Repair> lastRepair;
  std::optional<Measured> reference;
  std::vector<Group> groups;
  std::vector<GroupReport> groupReports;
  AssignmentProblem problem;
  std::optional<Evaluator> evaluator;
  QuantizeResult result;
};

} // namespace

// ---- What there is

llvm::Error Quantizer::plan() {
  if (llvm::Error error = editor.sortNodes())
    return error;
  llvm::Expected<ValueTypes> found = inferValueTypes(model, options.compile.import);
  if (!found)
    return found.takeError();
  types = std::move(*found);
  quantizationPlan = planQuantization(editor, types);
  if (quantizationPlan.products.empty())
    return makeError(model->name() + ": has no products of f32 to lower");
  return llvm::Error::success();
}

llvm::Error Quantizer::calibrateTensors() {
  CalibrateOptions calibration = getCalibrateOptions();
  calibration.progress = progressOf("calibrating");
  auto seen = calibrate(model, quantizationPlan.tensors, split.calibration, calibration);
  if (!seen)
    return seen.takeError();
  histograms = std::move(*seen);
  activations = describeActivations(quantizationPlan, histograms, options.tensors);
  llvm::Expected<TensorRecipes> described = describeWeights(editor, quantizationPlan, activations);
  if (!described)
    return described.takeError();
  weights = std::move(*described);
  packedWeights = describePackedWeights(quantizationPlan, options.tensors);
  return llvm::Error::success();
}

/// The key of a model's records: what its kernels' times depend on.
static std::string makeRecordKey(const ModelFile &file, const driver::CompileOptions &options,
                                 int32_t threads) {
  std::string key = digestGraph(file.graph()) + " " + llvm::sys::getHostCPUName().str() + " " +
                    llvm::join(options.targets, ",") + " threads=" + std::to_string(threads);
  for (const PrecisionRule &rule : options.precision.getRules())
    key += " " + rule.str();
  for (const ShapeOverride &shape : options.import.shapes) {
    key += " " + shape.name;
    for (std::optional<int64_t> dim : shape.dims)
      key += "," + std::to_string(dim.value_or(-1));
  }
  return llvm::utohexstr(llvm::xxh3_64bits(key), /*LowerCase=*/true);
}

/// Compiles, loads and measures a model.
llvm::Expected<Quantizer::Measured> Quantizer::measure(const std::shared_ptr<ModelFile> &file,
                                                       const driver::PrecisionOption &precision) {
  ProbeOptions own = probe;
  own.compile.precision = precision;
  auto loaded = loadModel(file, own);
  if (!loaded)
    return loaded.takeError();
  Measured measured{std::move(loaded->first), std::move(loaded->second), {}};
  std::string key = makeRecordKey(*file, own.compile, options.threads);
  if (auto known = records.find(key)) {
    measured.kernels = std::move(*known);
  } else {
    llvm::Expected<Sample> sample = split.calibration.read(0);
    if (!sample)
      return sample.takeError();
    llvm::Expected<KernelCosts> kernels = measureKernels(measured.session, *sample);
    if (!kernels)
      return kernels.takeError();
    measured.kernels = std::move(*kernels);
    records.add(key, measured.kernels);
  }
  return std::move(measured);
}

// ---- Repairs

/// Takes over what repairs made of the recipe in which all is in one precision.
void Quantizer::adopt(const Recipe &recipe, NodePrecision precision) {
  adjustments = recipe.adjustments;
  for (const TensorRecipe &entry : recipe.tensors) {
    if (!editor.isConstant(entry.name))
      activations[entry.name] = entry;
    else if (precision == NodePrecision::Int4Weights)
      packedWeights[entry.name] = entry;
    else
      weights[entry.name] = entry;
  }
}

// Repairs are judged by the samples to calibrate with: those that are held back say what is left in
// the end, and must not have had a part in it.
llvm::Error Quantizer::repair() {
  adjusted = model;
  auto allowed = llvm::find_if(options.allow, [](NodePrecision precision) {
    return precision == NodePrecision::Int8 || precision == NodePrecision::Int4Weights ||
           precision == NodePrecision::Int8Weights;
  });
  if (!options.repair || allowed == options.allow.end())
    return llvm::Error::success();
  constexpr int64_t mostSamples = 16;
  std::vector<int64_t> some(std::min(split.calibration.size(), mostSamples));
  std::iota(some.begin(), some.end(), 0);
  DataSubset samples(split.calibration, std::move(some));
  Evaluator judge(reference->session, samples, options.budget, options.metric);
  int64_t done = 0;
  auto measureRecipe = [&](const Recipe &recipe) -> llvm::Expected<Evaluation> {
    progressOf("trying repairs")(done++, 7);
    llvm::Expected<PreparedModel> prepared = prepareModel(model, recipe);
    if (!prepared)
      return prepared.takeError();
    ProbeOptions own = probe;
    own.compile.precision = prepared->precision;
    auto loaded = loadModel(prepared->model, own);
    if (!loaded)
      return loaded.takeError();
    return judge.evaluate(loaded->first);
  };
  Recipe recipe = makeUniformRecipe(*allowed);
  RepairContext context = getRepairContext();
  llvm::Expected<std::vector<RepairReport>> reports =
      improveRecipe(recipe, makeRepairs(), context, measureRecipe);
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
  adopt(recipe, *allowed);
  llvm::Expected<std::shared_ptr<ModelFile>> changed = context.adjust(recipe);
  if (!changed)
    return changed.takeError();
  adjusted = std::move(*changed);
  return llvm::Error::success();
}

// ---- What groups may have

/// Why a group cannot have f16; empty if it can.
std::string Quantizer::refuseHalf(const Group &group) const {
  constexpr double largest = 65504, leastNormal = 6.1035e-5;
  for (unsigned number : group.products)
    for (const std::string &tensor : quantizationPlan.products[number].activations) {
      auto histogram = histograms.find(tensor);
      if (histogram == histograms.end())
        continue;
      double most = std::max(-double(histogram->second.min()), double(histogram->second.max()));
      if (most > largest)
        return "'" + tensor + "' reaches " + formatNumber(most) + ", beyond f16";
      if (most > 0 && most < leastNormal)
        return "'" + tensor + "' stays below " + formatNumber(leastNormal) +
               ", where f16 has few digits";
    }
  return "";
}

/// Of one weight that is not in blocks.
static double getWeightBytes(NodePrecision precision) {
  switch (precision) {
  case NodePrecision::F32:
  case NodePrecision::Int4Weights:
    return 4;
  case NodePrecision::BF16:
  case NodePrecision::F16:
    return 2;
  case NodePrecision::Int8:
  case NodePrecision::Int8Weights:
    return 1;
  }
  llvm_unreachable("no other precisions");
}

/// As many samples as some thousand runs allow.
static int64_t getSensitivitySamples(size_t groups) {
  constexpr size_t runs = 2000;
  return static_cast<int64_t>(std::clamp<size_t>(runs / std::max<size_t>(groups, 1), 4, 32));
}

// Times are those of the group's kernels in a model that has the precision everywhere. So they hold
// where neighbours have it, too; conversions between neighbours come on top.
llvm::Error Quantizer::measureOptions() {
  std::vector<driver::LaunchReport> launches = reference->report.launches;
  struct Variant {
    NodePrecision precision;
    PreparedModel prepared;
    Measured measured;
  };
  std::vector<Variant> variants;
  for (NodePrecision precision : options.allow) {
    llvm::Expected<PreparedModel> prepared = prepareModel(model, makeUniformRecipe(precision));
    if (!prepared)
      return prepared.takeError();
    llvm::Expected<Measured> measured = measure(prepared->model, prepared->precision);
    if (!measured)
      return measured.takeError();
    if (precision == NodePrecision::Int8)
      llvm::append_range(launches, measured->report.launches);
    variants.push_back({precision, std::move(*prepared), std::move(*measured)});
  }
  groups = formGroups(quantizationPlan, launches);
  NodeOwners owners(editor, quantizationPlan, groups);
  std::vector<double> times =
      sumByGroup(reference->kernels, reference->report.launches, owners, groups.size());
  for (auto [group, time] : llvm::zip_equal(groups, times)) {
    GroupReport &report = groupReports.emplace_back();
    for (unsigned product : group.products)
      report.nodes.push_back(quantizationPlan.products[product].node);
    report.tensor = quantizationPlan.products[group.products.front()].activations.front();
    report.options.push_back({NodePrecision::F32, time, 0});
  }
  for (Variant &variant : variants) {
    ModelEditor changed(variant.prepared.model);
    times = sumByGroup(variant.measured.kernels, variant.measured.report.launches,
                       NodeOwners(changed, quantizationPlan, groups), groups.size());
    SensitivityOptions sensitivity;
    sensitivity.probe = probe;
    sensitivity.samples = getSensitivitySamples(groups.size());
    sensitivity.progress = progressOf("noise of each group in " + getName(variant.precision).str());
    const TensorRecipes &own =
        variant.precision == NodePrecision::Int4Weights ? packedWeights : weights;
    llvm::Expected<std::vector<double>> noise =
        measureSensitivity(adjusted, quantizationPlan, groups, variant.precision, activations, own,
                           split.calibration, sensitivity);
    if (!noise)
      return noise.takeError();
    for (auto [report, time, each] : llvm::zip_equal(groupReports, times, *noise))
      report.options.push_back({variant.precision, time, each});
  }
  return llvm::Error::success();
}

/// The bytes of a group's weights in a precision.
double Quantizer::sizeOf(const Group &group, NodePrecision precision) const {
  double bytes = 0;
  for (unsigned number : group.products) {
    const Product &product = quantizationPlan.products[number];
    auto type = types.find(product.weight);
    if (type == types.end())
      continue;
    double elements = 1;
    for (int64_t dim : type->second.dims)
      elements *= static_cast<double>(dim);
    bool isPacked = precision == NodePrecision::Int4Weights && product.canPack;
    bytes += elements * (isPacked ? 0.5 : getWeightBytes(precision));
  }
  return bytes;
}

void Quantizer::formProblem() {
  for (auto [group, report] : llvm::zip_equal(groups, groupReports)) {
    std::string refusal = refuseHalf(group);
    auto &choices = problem.groups.emplace_back();
    for (const GroupReport::Option &option : report.options) {
      bool isRefused = option.precision == NodePrecision::F16 && !refusal.empty();
      if (isRefused)
        report.reason = refusal;
      bool isPossible = std::isfinite(option.noise) && !isRefused;
      double cost =
          options.objective == Objective::Time ? option.time : sizeOf(group, option.precision);
      choices.push_back({isPossible ? cost : INFINITY, isPossible ? option.noise : 0,
                         option.precision == NodePrecision::Int8});
    }
  }
  if (options.objective == Objective::Size)
    return;
  double byteTime = estimateByteTime(reference->kernels);
  NodeOwners owners(editor, quantizationPlan, groups);
  for (const NodeOwners::Edge &edge : owners.getEdges()) {
    auto type = types.find(edge.value);
    if (type == types.end())
      continue;
    double elements = 1;
    for (int64_t dim : type->second.dims)
      elements *= static_cast<double>(std::max<int64_t>(dim, 1));
    // Written and read as f32 besides.
    problem.neighbours.push_back({edge.producer, edge.consumer, 2 * 4 * elements * byteTime});
  }
}

// ---- The search

Recipe Quantizer::makeRecipeOf(llvm::ArrayRef<NodePrecision> precisions) const {
  Recipe recipe =
      makeRecipe(editor, quantizationPlan, precisions, activations, weights, packedWeights);
  recipe.adjustments = adjustments;
  return recipe;
}

llvm::Expected<Recipe> Quantizer::makeRecipeOf(const Choices &choices) {
  std::vector<NodePrecision> precisions(quantizationPlan.products.size(), NodePrecision::F32);
  for (unsigned group = 0; group < groups.size(); ++group)
    for (unsigned product : groups[group].products)
      precisions[product] = precisionOf(group, choices[group]);
  Recipe recipe = makeRecipeOf(precisions);
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
  llvm::Expected<PreparedModel> prepared = prepareModel(model, *recipe);
  if (!prepared)
    return prepared.takeError();
  llvm::Expected<Measured> measured = measure(prepared->model, prepared->precision);
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
    return makeError(model->name() + ": nothing of it gets " +
                     (options.objective == Objective::Time ? "faster on " : "smaller on ") +
                     llvm::join(options.compile.targets, ", ") +
                     " in the precisions that are allowed");
  result.holds = (*found)->evaluation.holds;
  result.evaluation = std::move((*found)->evaluation);
  result.timeAfter = (*found)->time;
  result.weightsAfter = (*found)->weightsBytes;
  for (auto [report, choice] : llvm::zip_equal(groupReports, (*found)->choices))
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

void Quantizer::report() {
  Recipe &recipe = result.recipe;
  recipe.target = llvm::join(options.compile.targets, ",");
  recipe.budget = options.budget.str();
  recipe.calibrationSamples = split.calibration.size();
  recipe.heldBackSamples = split.heldBack.size();
  recipe.measured = result.evaluation.outputs;
  for (auto [number, report] : llvm::enumerate(groupReports)) {
    if (report.precision == NodePrecision::F32)
      report.reason = report.reason.empty() ? explain(report) : report.reason;
    for (const std::string &node : report.nodes) {
      NodeRecipe &entry = *recipe.findNode(node);
      entry.group = static_cast<int64_t>(number);
      entry.reason = report.reason;
    }
  }
  result.groups = std::move(groupReports);
  result.timeBefore = totalTime(reference->kernels);
  result.weightsBefore = reference->report.weightsBytes;
}

llvm::Expected<QuantizeResult> Quantizer::run() {
  if (llvm::Error error = plan())
    return error;
  llvm::Expected<Measured> measured = measure(model, {});
  if (!measured)
    return measured.takeError();
  reference = std::move(*measured);
  evaluator.emplace(reference->session, split.heldBack, options.budget, options.metric);
  if (llvm::Error error = calibrateTensors())
    return error;
  if (llvm::Error error = repair())
    return error;
  if (llvm::Error error = measureOptions())
    return error;
  formProblem();
  if (llvm::Error error = search())
    return error;
  report();
  return std::move(result);
}

llvm::Expected<QuantizeResult> quantize(const std::shared_ptr<ModelFile> &model, DataSource &data,
                                        const QuantizeOptions &options) {
  return Quantizer(model, data, options).run();
}

llvm::Expected<Recipe> quantizeWeights(const std::shared_ptr<ModelFile> &model,
                                       const QuantizeOptions &options) {
  ModelEditor editor(model);
  if (llvm::Error error = editor.sortNodes())
    return error;
  llvm::Expected<ValueTypes> types = inferValueTypes(model, options.compile.import);
  if (!types)
    return types.takeError();
  QuantizationPlan plan = planQuantization(editor, *types);
  llvm::Expected<TensorRecipes> weights = describeWeights(editor, plan, {});
  if (!weights)
    return weights.takeError();
  auto isAllowed = [&](NodePrecision precision) {
    return llvm::is_contained(options.allow, precision);
  };
  std::vector<NodePrecision> precisions;
  for (const Product &product : plan.products) {
    NodePrecision precision = NodePrecision::F32;
    if (product.canPack && isAllowed(NodePrecision::Int4Weights))
      precision = NodePrecision::Int4Weights;
    else if (product.canPack &&
             (isAllowed(NodePrecision::Int8Weights) || isAllowed(NodePrecision::Int8)))
      precision = NodePrecision::Int8Weights;
    else if (isAllowed(NodePrecision::BF16))
      precision = NodePrecision::BF16;
    else if (isAllowed(NodePrecision::F16))
      precision = NodePrecision::F16;
    precisions.push_back(precision);
  }
  if (llvm::all_of(precisions, [](NodePrecision each) { return each == NodePrecision::F32; }))
    return makeError(model->name() + ": without data nothing of it can be lowered to what is "
                                     "allowed: weights of matrix products to int8 or int4, and "
                                     "products to bf16 or f16");
  return makeRecipe(editor, plan, precisions, {}, *weights,
                    describePackedWeights(plan, options.tensors));
}

} // namespace tenon::quantize
