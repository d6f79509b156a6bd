// `tenon prune`: an ONNX model with fewer channels, which is an ONNX model again.

#include "lib/Driver/Context.h"
#include "lib/MeasuredPruning/Report.h"
#include "lib/Prune/Report.h"
#include "lib/Support/Files.h"
#include "tools/tenon/Arguments.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/PatternPruning.h"
#include "tools/tenon/ProgressLine.h"
#include "tools/tenon/SampleOptions.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

static constexpr Option ownOptions[] = {
    {"-o", true, "FILE where to write the smaller model; required"},
    {"--channels", true, "PART of the channels to remove: 50% or 0.5"},
    {"--target-speedup", true,
     "FACTOR remove as much as the model needs to become so many times as fast, by prediction: 2x"},
    {"--pattern", true,
     "2:4 leave the channels, and keep two of each four weights that are multiplied for a result: "
     "those of the largest magnitude"},
    {"--importance", true,
     "NORM what tells how much a channel matters: l1 or l2 of all weights that go with it; bn, the "
     "scales of batch normalizations; or activation, what it adds to sums by the samples. By "
     "default l1, with data activation"},
    {"--global", false, "remove the channels that matter least anywhere"},
    {"--per-layer", false, "remove the same part of each group of channels (default)"},
    {"--keep", true, "PATTERN nodes whose channels stay; may be repeated"},
    {"--round", true,
     "N keep a multiple of so many channels; by default what vectors or tiles of the target hold"},
    dataOption,
    labelsOption,
    samplesOption,
    {"--budget", true,
     "B what may be lost: sqnr=30dB, cosine=0.999, relative=1%, top1=1% or top5=1%. Without an "
     "amount as many channels go as it allows; with one it must hold"},
    {"--compensate", true,
     "HOW what is kept makes up for what goes: least-squares (default with data), of the weights "
     "that read it; mean, in biases alone; or none"},
    {"--target", true, "NAME the target whose vectors count, cpu:native by default"},
    {"--report", true, "FILE what was removed from which weights, as JSON"},
    shapeOption,
    threadsOption,
};
static constexpr auto pruneOptions = joinOptions(ownOptions, imageOptions, helpOptions);

/// A number with a suffix that may be left out: "50%" is a half then, "2x" is 2.
static llvm::Expected<double> readFactor(const Arguments &arguments, llvm::StringRef option,
                                         llvm::StringRef suffix) {
  std::string text = arguments.get(option);
  llvm::StringRef digits = text;
  bool isPercent = digits.consume_back(suffix) && suffix == "%";
  double value = 0;
  if (digits.getAsDouble(value))
    return makeError("option '" + option + "' needs a number, got '" + text + "'");
  return isPercent ? value / 100 : value;
}

static llvm::Error readAmount(const Arguments &arguments, PruneOptions &options) {
  bool isGiven = arguments.has("--channels") || arguments.has("--target-speedup");
  if (!isGiven && arguments.has("--budget"))
    return llvm::Error::success();
  if (arguments.has("--channels") == arguments.has("--target-speedup"))
    return makeError("say how much to remove with --channels or --target-speedup, and not both");
  bool isPart = arguments.has("--channels");
  llvm::StringRef option = isPart ? "--channels" : "--target-speedup";
  llvm::Expected<double> amount = readFactor(arguments, option, isPart ? "%" : "x");
  if (!amount)
    return amount.takeError();
  if (isPart && !(*amount > 0 && *amount < 1))
    return makeError("option '--channels' needs a part between 0% and 100%, got '" +
                     arguments.get(option) + "'");
  if (!isPart && !(*amount > 1 && *amount < 1e6))
    return makeError("option '--target-speedup' needs a factor above 1, got '" +
                     arguments.get(option) + "'");
  if (isPart)
    options.channels = *amount;
  else
    options.targetSpeedup = *amount;
  return llvm::Error::success();
}

static llvm::Expected<int64_t> readMultiple(const Arguments &arguments) {
  if (arguments.has("--round"))
    return arguments.number("--round", 1, 1);
  return driver::getChannelMultiple(arguments.get("--target", "native"));
}

static llvm::Expected<PruneOptions> readOptions(const Arguments &arguments) {
  PruneOptions options;
  if (arguments.get("-o").empty())
    return makeError("no output: say -o FILE");
  if (llvm::Error error = readAmount(arguments, options))
    return std::move(error);
  std::string norm = arguments.get("--importance", arguments.has("--data") ? "activation" : "l1");
  std::optional<Importance> importance = parseImportance(norm);
  if (!importance)
    return makeError("unknown --importance '" + norm + "': l1, l2, bn or activation");
  if (importance == Importance::Activation && !arguments.has("--data"))
    return makeError("option '--importance' activation needs --data");
  options.importance = *importance;
  if (arguments.has("--global") && arguments.has("--per-layer"))
    return makeError("options '--global' and '--per-layer' exclude each other");
  options.isGlobal = arguments.has("--global");
  options.kept = arguments.all("--keep");
  llvm::Expected<int64_t> multiple = readMultiple(arguments);
  if (!multiple)
    return multiple.takeError();
  options.multiple = *multiple;
  return options;
}

static llvm::Error writeReport(const Arguments &arguments, llvm::json::Object report) {
  if (!arguments.has("--report"))
    return llvm::Error::success();
  return writeFile(arguments.get("--report"),
                   llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report))).str());
}

/// By weights alone.
static llvm::Error pruneWithoutData(const Arguments &arguments,
                                    const std::shared_ptr<ModelFile> &file,
                                    const PruneOptions &options) {
  auto pruned = pruneModel(file, options);
  if (!pruned)
    return pruned.takeError();
  auto &[model, report] = *pruned;
  if (llvm::Error error = model->save(arguments.get("-o")))
    return error;
  llvm::outs() << formatPruneTable(report, options.multiple);
  return writeReport(arguments, toJson(report));
}

static llvm::Expected<MeasuredPruneOptions> readMeasuredOptions(const Arguments &arguments,
                                                                PruneOptions options) {
  MeasuredPruneOptions measured;
  measured.prune = std::move(options);
  if (arguments.has("--budget")) {
    llvm::Expected<quantize::Budget> budget = quantize::Budget::parse(arguments.get("--budget"));
    if (!budget)
      return budget.takeError();
    if (budget->kind == quantize::LossKind::Metric)
      return makeError("option '--budget': a metric is for Python's tenon.prune");
    measured.budget = *budget;
  }
  std::string name = arguments.get("--compensate", "least-squares");
  std::optional<Compensation> compensation = parseCompensation(name);
  if (!compensation)
    return makeError("unknown --compensate '" + name + "': least-squares, mean or none");
  measured.compensation = *compensation;
  if (llvm::Error error = readCompileOptions(arguments, measured.probe.compile))
    return std::move(error);
  measured.probe.compile.targets = driver::CompileOptions().targets; // samples run here
  llvm::Expected<int64_t> threads = arguments.number("--threads", 0, 1);
  if (!threads)
    return threads.takeError();
  measured.probe.threads = static_cast<int32_t>(*threads);
  return measured;
}

static llvm::Error pruneWithSamples(const Arguments &arguments,
                                    const std::shared_ptr<ModelFile> &file,
                                    const PruneOptions &pruneOptions) {
  auto options = readMeasuredOptions(arguments, pruneOptions);
  if (!options)
    return options.takeError();
  auto data = openSamples(arguments, *file, options->probe.compile.import);
  if (!data)
    return data.takeError();
  ProgressLine progress;
  options->progress = [&](llvm::StringRef what, int64_t done, int64_t planned) {
    progress.show(what, done, planned);
  };
  llvm::Expected<MeasuredPruneResult> result = pruneWithData(file, **data, *options);
  progress.clear();
  if (!result)
    return result.takeError();
  if (!result->model)
    return makeError(file->name() + ": " + describeBrokenBudget(*result, *options));
  if (llvm::Error error = result->model->save(arguments.get("-o")))
    return error;
  llvm::outs() << formatMeasuredReport(*result, *options);
  return writeReport(arguments, toJson(*result, *options));
}

static llvm::Error prune(const Arguments &arguments) {
  if (arguments.positional().size() != 1)
    return makeError("prune takes one model, got " + llvm::Twine(arguments.positional().size()));
  if (arguments.has("--pattern"))
    return prunePattern(arguments);
  if (!arguments.has("--data"))
    for (llvm::StringRef option :
         {"--budget", "--labels", "--samples", "--compensate", "--shape", "--threads"})
      if (arguments.has(option))
        return makeError("option '" + option + "' needs --data: nothing is measured without it");
  llvm::Expected<PruneOptions> options = readOptions(arguments);
  if (!options)
    return options.takeError();
  llvm::Expected<std::shared_ptr<ModelFile>> file = ModelFile::open(arguments.positional().front());
  if (!file)
    return file.takeError();
  return arguments.has("--data") ? pruneWithSamples(arguments, *file, *options)
                                 : pruneWithoutData(arguments, *file, *options);
}

int runPrune(llvm::ArrayRef<const char *> arguments) {
  return runCommand(arguments, pruneOptions,
                    "usage: tenon prune MODEL.onnx -o SMALLER.onnx [options]\n", prune);
}

} // namespace tenon::cli
