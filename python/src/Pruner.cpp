// tenon.prune's half in C++: samples and metrics are Python's, all else is the library's.
#include "python/src/Pruner.h"
#include "lib/Driver/Context.h"
#include "lib/MeasuredPruning/Report.h"
#include "lib/Prune/Report.h"
#include "python/src/Samples.h"
#include "llvm/Support/FormatVariadic.h"
#include <nanobind/stl/string.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace tenon::python {

static llvm::Expected<PruneOptions> completeOptions(const PruneArguments &arguments) {
  PruneOptions options = arguments.prune;
  std::optional<Importance> importance = parseImportance(arguments.importance);
  if (!importance)
    return llvm::createStringError("importance: '" + arguments.importance +
                                   "' is none of l1, l2, bn, activation");
  options.importance = *importance;
  if (options.multiple == 0) {
    llvm::Expected<int64_t> multiple = driver::getChannelMultiple(arguments.target);
    if (!multiple)
      return multiple.takeError();
    options.multiple = *multiple;
  }
  return options;
}

static llvm::Expected<MeasuredPruneOptions> makeMeasuredOptions(const PruneArguments &arguments,
                                                                PruneOptions options,
                                                                CaughtException &caught) {
  MeasuredPruneOptions measured;
  measured.prune = std::move(options);
  if (arguments.budget) {
    llvm::Expected<quantize::Budget> budget = quantize::Budget::parse(*arguments.budget);
    if (!budget)
      return budget.takeError();
    measured.budget = *budget;
  }
  std::optional<Compensation> compensation = parseCompensation(arguments.compensate);
  if (!compensation)
    return llvm::createStringError("compensate: '" + arguments.compensate +
                                   "' is none of least-squares, mean, none");
  measured.compensation = *compensation;
  measured.probe.compile.import = arguments.import;
  measured.probe.threads = arguments.threads;
  measured.metric = makeMetric(arguments.metric, caught);
  measured.progress = makeProgress(arguments.progress);
  return measured;
}

/// Writes the smaller model, if there is one.
static llvm::Expected<nb::dict> finish(const ModelEditor *smaller, llvm::json::Object report,
                                       std::string text, const std::string &output) {
  if (smaller)
    if (llvm::Error error = smaller->save(output))
      return std::move(error);
  nb::dict result;
  result["holds"] = smaller != nullptr;
  result["report"] = llvm::formatv("{0}", llvm::json::Value(std::move(report))).str();
  result["text"] = std::move(text);
  return result;
}

static llvm::Expected<nb::dict> pruneByWeights(const std::shared_ptr<ModelFile> &model,
                                               const PruneArguments &arguments,
                                               const PruneOptions &options) {
  auto pruned = [&] {
    nb::gil_scoped_release release;
    return tenon::pruneModel(model, options);
  }();
  if (!pruned)
    return pruned.takeError();
  auto &[smaller, report] = *pruned;
  return finish(smaller.get(), toJson(report), formatPruneTable(report, options.multiple),
                arguments.output);
}

static llvm::Expected<nb::dict>
pruneBySamples(const std::shared_ptr<ModelFile> &model, nb::handle data,
               const std::vector<std::string> &paths, const PruneArguments &arguments,
               const PruneOptions &pruneOptions, CaughtException &caught) {
  auto options = makeMeasuredOptions(arguments, pruneOptions, caught);
  if (!options)
    return options.takeError();
  auto source = openSamples(*model, arguments.import, data, paths, arguments.samples);
  if (!source)
    return source.takeError();
  llvm::Expected<MeasuredPruneResult> result = [&] {
    nb::gil_scoped_release release;
    return pruneWithData(model, **source, *options);
  }();
  if (!result)
    return result.takeError();
  std::string text = result->model ? formatMeasuredReport(*result, *options)
                                   : describeBrokenBudget(*result, *options);
  return finish(result->model.get(), toJson(*result, *options), std::move(text), arguments.output);
}

nb::dict pruneModel(const std::shared_ptr<ModelFile> &model, nb::object data,
                    const std::vector<std::string> &paths, const PruneArguments &arguments) {
  CaughtException caught;
  llvm::Expected<PruneOptions> options = completeOptions(arguments);
  if (!options)
    caught.raise(options.takeError());
  bool hasSamples = !data.is_none() || !paths.empty();
  llvm::Expected<nb::dict> result =
      hasSamples ? pruneBySamples(model, data, paths, arguments, *options, caught)
                 : pruneByWeights(model, arguments, *options);
  if (!result)
    caught.raise(result.takeError());
  return std::move(*result);
}

} // namespace tenon::python
