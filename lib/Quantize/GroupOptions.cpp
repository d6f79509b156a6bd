// What groups may have (see the header).

#include "lib/Quantize/GroupOptions.h"
#include "lib/Quantize/Conversions.h"
#include "lib/Quantize/Prepare.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

const GroupReport::Option &GroupReport::getChosen() const {
  return *llvm::find_if(options,
                        [&](const Option &option) { return option.precision == precision; });
}

// ---- Measurements

namespace {

/// The whole model in one precision.
struct Variant {
  std::shared_ptr<ModelFile> model;
  MeasuredModel measured;
};

} // namespace

static llvm::Expected<Variant> measureVariant(const RecipeParts &parts, NodePrecision precision,
                                              ModelTimer &timer) {
  llvm::Expected<PreparedModel> prepared =
      prepareModel(parts.getModel(), parts.makeUniformRecipe(precision));
  if (!prepared)
    return prepared.takeError();
  llvm::Expected<MeasuredModel> measured = timer.measure(prepared->model, prepared->precision);
  if (!measured)
    return measured.takeError();
  return Variant{std::move(prepared->model), std::move(*measured)};
}

/// Measures models that are compared by turns, unless all of them are recorded.
static llvm::Error compareTimes(MeasuredModel &reference, std::vector<Variant> &variants,
                                ModelTimer &timer) {
  constexpr int turns = 2;
  llvm::SmallVector<MeasuredModel *> models{&reference};
  for (Variant &variant : variants)
    models.push_back(&variant.measured);
  if (llvm::all_of(models, [](const MeasuredModel *model) { return model->isRecorded; }))
    return llvm::Error::success();
  for (int turn = 0; turn < turns; ++turn)
    if (llvm::Error error = timer.measureInTurn(models))
      return error;
  return llvm::Error::success();
}

/// As many samples as some thousand runs allow, and some seconds of them: each group is run with
/// each sample.
static int64_t getSensitivitySamples(size_t groups, double runTime) {
  constexpr double runs = 2000, nanoseconds = 10e9;
  double most = std::min(runs, nanoseconds / std::max(runTime, 1.0));
  return std::clamp<int64_t>(std::llround(most / static_cast<double>(groups)), 4, 32);
}

static std::vector<GroupReport> startReports(const RecipeParts &parts, llvm::ArrayRef<Group> groups,
                                             const MeasuredModel &reference) {
  NodeOwners owners(parts.getEditor(), parts.getPlan(), groups);
  std::vector<double> times =
      sumByGroup(reference.kernels, reference.report.launches, owners, groups.size());
  std::vector<GroupReport> reports;
  for (auto [group, time] : llvm::zip_equal(groups, times)) {
    GroupReport &report = reports.emplace_back();
    for (unsigned product : group.products)
      report.nodes.push_back(parts.getPlan().products[product].node);
    report.tensor = parts.getPlan().products[group.products.front()].getMainTensor();
    report.options.push_back({NodePrecision::F32, time, 0});
  }
  return reports;
}

// Times are those of the group's kernels in a model that has the precision everywhere. So they hold
// where neighbours have it, too; conversions between neighbours come on top.
llvm::Expected<GroupOptions> GroupOptions::create(const RecipeParts &parts,
                                                  llvm::ArrayRef<NodePrecision> allow,
                                                  MeasuredModel &reference, ModelTimer &timer) {
  std::vector<Variant> variants;
  std::vector<driver::LaunchReport> launches = reference.report.launches;
  for (NodePrecision precision : allow) {
    llvm::Expected<Variant> variant = measureVariant(parts, precision, timer);
    if (!variant)
      return variant.takeError();
    if (precision == NodePrecision::Int8)
      llvm::append_range(launches, variant->measured.report.launches);
    variants.push_back(std::move(*variant));
  }
  if (llvm::Error error = compareTimes(reference, variants, timer))
    return std::move(error);
  GroupOptions result;
  result.groups = formGroups(parts.getPlan(), launches);
  result.reports = startReports(parts, result.groups, reference);
  for (auto [precision, variant] : llvm::zip_equal(allow, variants)) {
    ModelEditor changed(variant.model);
    NodeOwners owners(changed, parts.getPlan(), result.groups);
    std::vector<double> times = sumByGroup(
        variant.measured.kernels, variant.measured.report.launches, owners, result.groups.size());
    for (auto [report, time] : llvm::zip_equal(result.reports, times))
      report.options.push_back({precision, time, 0});
  }
  return std::move(result);
}

llvm::Error GroupOptions::measureNoise(const RecipeParts &parts,
                                       const std::shared_ptr<ModelFile> &adjusted, DataSource &data,
                                       const NoiseMeasurement &measurement) {
  SensitivityOptions sensitivity;
  sensitivity.probe = measurement.probe;
  sensitivity.samples = getSensitivitySamples(groups.size(), measurement.runTime);
  sensitivity.shortcutsAreBytes = parts.areShortcutsBytes();
  for (size_t number = 1; number < reports.front().options.size(); ++number) {
    NodePrecision precision = reports.front().options[number].precision;
    std::string what = "noise of each group in " + getName(precision).str();
    sensitivity.progress = [&](int64_t done, int64_t planned) {
      measurement.progress(what, done, planned);
    };
    llvm::Expected<std::vector<double>> noise =
        measureSensitivity(adjusted, parts.getPlan(), groups, precision, parts.getActivations(),
                           parts.getWeights(precision), data, sensitivity);
    if (!noise)
      return noise.takeError();
    for (auto [report, each] : llvm::zip_equal(reports, *noise))
      report.options[number].noise = each;
  }
  return llvm::Error::success();
}

// ---- The problem

/// Why a tensor whose largest number is this cannot be f16; empty if it can.
static std::string refuseHalf(const std::string &tensor, double largest) {
  constexpr double mostOfHalf = 65504, leastNormal = 6.1035e-5;
  if (largest > mostOfHalf)
    return "'" + tensor + "' reaches " + formatNumber(largest) + ", beyond f16";
  if (largest > 0 && largest < leastNormal)
    return "'" + tensor + "' stays below " + formatNumber(leastNormal) +
           ", where f16 has few digits";
  return "";
}

/// The largest number of a weight.
static llvm::Expected<double> findLargest(const RecipeParts &parts, const std::string &weight) {
  llvm::Expected<Tensor> constant = parts.getEditor().readConstant(weight);
  if (!constant)
    return constant.takeError();
  float largest = 0;
  for (float value : floatsOf(*constant))
    largest = std::max(largest, std::abs(value));
  return largest;
}

/// Why a group cannot have f16; empty if it can.
static llvm::Expected<std::string> refuseHalf(const RecipeParts &parts, const Group &group) {
  std::string why;
  for (unsigned number : group.products) {
    const Product &product = parts.getPlan().products[number];
    for (const std::string &tensor : product.activations)
      if (auto seen = parts.getHistograms().find(tensor);
          why.empty() && seen != parts.getHistograms().end())
        why = refuseHalf(tensor, std::max(-double(seen->second.min()), double(seen->second.max())));
    if (!why.empty() || product.weight.empty())
      continue;
    llvm::Expected<double> largest = findLargest(parts, product.weight);
    if (!largest)
      return largest.takeError();
    why = refuseHalf(product.weight, *largest);
  }
  return why;
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

/// How many elements a tensor has, each dimension that inputs decide counted as one.
static double countElements(const ValueType &type) {
  double elements = 1;
  for (int64_t dim : type.dims)
    elements *= static_cast<double>(std::max<int64_t>(dim, 1));
  return elements;
}

/// The bytes of a group's weights in a precision.
static double sizeOf(const RecipeParts &parts, const Group &group, NodePrecision precision) {
  double bytes = 0;
  for (unsigned number : group.products) {
    const Product &product = parts.getPlan().products[number];
    auto type = parts.getTypes().find(product.weight);
    if (type == parts.getTypes().end())
      continue;
    bool isPacked = precision == NodePrecision::Int4Weights && product.canPack;
    bytes += countElements(type->second) * (isPacked ? 0.5 : getWeightBytes(precision));
  }
  return bytes;
}

/// A nanosecond in bytes where bytes count, so that time decides between equal ones: products
/// without weights, above all.
static constexpr double bytesOfTime = 1e-3;

/// What a group takes with an option. One that is not clearly faster counts as no faster at all: it
/// is still to be had where it saves conversions.
static double getTimeCost(const GroupReport::Option &option, const GroupReport::Option &original) {
  return isFaster(option.time, original.time) ? option.time : std::max(option.time, original.time);
}

llvm::Expected<AssignmentProblem> GroupOptions::formProblem(const RecipeParts &parts,
                                                            Objective objective,
                                                            const KernelCosts &reference) {
  AssignmentProblem problem;
  for (auto [group, report] : llvm::zip_equal(groups, reports)) {
    auto &choices = problem.groups.emplace_back();
    for (const GroupReport::Option &option : report.options) {
      if (option.precision == NodePrecision::F16) {
        llvm::Expected<std::string> refusal = refuseHalf(parts, group);
        if (!refusal)
          return refusal.takeError();
        report.reason = std::move(*refusal);
      }
      bool isRefused = option.precision == NodePrecision::F16 && !report.reason.empty();
      bool isPossible = std::isfinite(option.noise) && !isRefused;
      double cost = objective == Objective::Time
                        ? getTimeCost(option, report.options.front())
                        : sizeOf(parts, group, option.precision) + bytesOfTime * option.time;
      choices.push_back({isPossible ? cost : INFINITY, isPossible ? option.noise : 0,
                         option.precision == NodePrecision::Int8});
    }
  }
  if (objective == Objective::Size)
    return problem;
  double byteTime = estimateByteTime(reference);
  NodeOwners owners(parts.getEditor(), parts.getPlan(), groups);
  for (const NodeOwners::Edge &edge : owners.getEdges())
    if (auto type = parts.getTypes().find(edge.value); type != parts.getTypes().end())
      // Written and read as f32 besides.
      problem.neighbours.push_back(
          {edge.producer, edge.consumer, 2 * 4 * countElements(type->second) * byteTime});
  return problem;
}

} // namespace tenon::quantize
