// `tenon quantize`: lowers the precision of a model as far as a budget allows.

#include "lib/Quantize/Costs.h"
#include "lib/Quantize/Quantize.h"
#include "lib/Quantize/Report.h"
#include "lib/Quantize/WriteModel.h"
#include "lib/Support/Files.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/ProgressLine.h"
#include "tools/tenon/SampleOptions.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

namespace tenon::cli {

using namespace tenon::quantize;

static constexpr Option ownOptions[] = {
    {"-o", true,
     "FILE OUT.so (compiled), OUT.onnx (a standard model with QuantizeLinear and "
     "DequantizeLinear) or OUT.precision.json (the recipe, for tenon compile --precision)"},
    dataOption,
    labelsOption,
    samplesOption,
    {"--budget", true,
     "B what may be lost against fp32: sqnr=30dB (default), cosine=0.999, relative=1%, top1=1% or "
     "top5=1%"},
    {"--allow", true,
     "LIST of int8, bf16, f16, int8-weights, int4-weights; default int8,bf16, without data "
     "int8-weights"},
    {"--objective", true,
     "O time (default): nothing is lowered that does not get faster here; or size: of weights, for "
     "models that run elsewhere"},
    {"--method", true, "M how ranges are found: mse (default), minmax, percentile or entropy"},
    {"--block", true, "N neighbours that share a scale in int4 weights; default 128"},
    {"--times", true,
     "FILE where measured times are kept; default in the user's folder of caches, none: nowhere"},
    {"--report", true, "FILE all that was found, as JSON"},
    {"--target", true, "NAME what the model is compiled for and measured on; this processor"},
    shapeOption,
    threadsOption,
};
static constexpr auto quantizeOptions = joinOptions(ownOptions, imageOptions, helpOptions);

static llvm::Expected<std::vector<NodePrecision>> readAllowed(const Arguments &arguments) {
  std::vector<NodePrecision> allowed;
  std::string list =
      arguments.get("--allow", arguments.has("--data") ? "int8,bf16" : "int8-weights");
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(list).split(names, ',');
  for (llvm::StringRef name : names) {
    std::optional<NodePrecision> precision = parseNodePrecision(name.trim());
    if (!precision || precision == NodePrecision::F32)
      return makeError("option '--allow': '" + name +
                       "' is none of int8, bf16, f16, int8-weights, int4-weights");
    if (!llvm::is_contained(allowed, *precision))
      allowed.push_back(*precision);
  }
  return allowed;
}

static llvm::Expected<QuantizeOptions> readOptions(const Arguments &arguments) {
  QuantizeOptions options;
  llvm::Expected<Budget> budget = Budget::parse(arguments.get("--budget", "sqnr=30dB"));
  if (!budget)
    return budget.takeError();
  options.budget = *budget;
  if (options.budget.kind == LossKind::Metric)
    return makeError("option '--budget': a metric is for Python's tenon.quantize");
  llvm::Expected<std::vector<NodePrecision>> allowed = readAllowed(arguments);
  if (!allowed)
    return allowed.takeError();
  options.allow = std::move(*allowed);
  std::string objective = arguments.get("--objective", "time");
  if (objective != "time" && objective != "size")
    return makeError("option '--objective': '" + objective + "' is neither time nor size");
  options.objective = objective == "time" ? Objective::Time : Objective::Size;
  std::string method = arguments.get("--method", "mse");
  std::optional<RangeMethod> known = parseRangeMethod(method);
  if (!known)
    return makeError("option '--method': '" + method +
                     "' is none of minmax, percentile, mse, entropy");
  options.tensors.range.method = *known;
  llvm::Expected<int64_t> block = arguments.number("--block", 128, 16);
  if (!block)
    return block.takeError();
  options.tensors.blockSize = *block;
  if (llvm::Error error = readCompileOptions(arguments, options.compile))
    return std::move(error);
  llvm::Expected<int64_t> threads = arguments.number("--threads", 0, 1);
  if (!threads)
    return threads.takeError();
  options.threads = static_cast<int32_t>(*threads);
  options.records = arguments.get("--times", CostRecords::getDefaultPath());
  if (options.records == "none")
    options.records.clear();
  return options;
}

/// Without data: weights alone, and nothing is known of the loss.
static llvm::Error quantizeWithoutData(const Arguments &arguments,
                                       const std::shared_ptr<ModelFile> &model,
                                       const QuantizeOptions &options) {
  for (llvm::StringRef option : {"--budget", "--labels", "--samples", "--report"})
    if (arguments.has(option))
      return makeError("option '" + option + "' needs --data: nothing is measured without it");
  llvm::Expected<Recipe> recipe = quantizeWeights(model, options);
  if (!recipe)
    return recipe.takeError();
  if (llvm::Error error = writeModel(model, *recipe, arguments.get("-o"), options.compile))
    return error;
  std::map<llvm::StringRef, int64_t> counts;
  for (const NodeRecipe &node : recipe->nodes)
    ++counts[getName(node.precision)];
  llvm::outs() << "no data: activations stay as they are, and what this loses is not measured\n";
  for (auto [precision, count] : counts)
    llvm::outs() << count << " products in " << precision << "\n";
  return llvm::Error::success();
}

static llvm::Error quantizeWithData(const Arguments &arguments,
                                    const std::shared_ptr<ModelFile> &model,
                                    QuantizeOptions &options) {
  llvm::Expected<std::unique_ptr<DataSource>> data =
      openSamples(arguments, *model, options.compile.import);
  if (!data)
    return data.takeError();
  ProgressLine progress;
  options.progress = [&](llvm::StringRef what, int64_t done, int64_t planned) {
    progress.show(what, done, planned);
  };
  llvm::Expected<QuantizeResult> result = quantize::quantize(model, **data, options);
  progress.clear();
  if (!result)
    return result.takeError();
  result->recipe.data = llvm::join(arguments.all("--data"), ", ");
  if (result->holds)
    if (llvm::Error error = writeModel(model, result->recipe, arguments.get("-o"), options.compile))
      return error;
  llvm::outs() << formatReport(*result, options.budget);
  if (arguments.has("--report"))
    if (llvm::Error error =
            writeFile(arguments.get("--report"), formatReportFile(*result, options.budget)))
      return error;
  if (result->holds)
    return llvm::Error::success();
  return makeError(model->name() + ": budget " + options.budget.str() +
                   " cannot be kept: the best assignment found has " +
                   options.budget.format(result->evaluation.bound) + "; nothing is written");
}

static llvm::Error quantizeModel(const Arguments &arguments) {
  if (arguments.positional().size() != 1)
    return makeError("quantize takes one model, got " + llvm::Twine(arguments.positional().size()));
  if (!arguments.has("-o"))
    return makeError("no output: say -o FILE");
  if (llvm::Error error = checkOutputPath(arguments.get("-o")))
    return error;
  llvm::Expected<QuantizeOptions> options = readOptions(arguments);
  if (!options)
    return options.takeError();
  llvm::Expected<std::shared_ptr<ModelFile>> model =
      ModelFile::open(arguments.positional().front());
  if (!model)
    return model.takeError();
  return arguments.has("--data") ? quantizeWithData(arguments, *model, *options)
                                 : quantizeWithoutData(arguments, *model, *options);
}

int runQuantize(llvm::ArrayRef<const char *> arguments) {
  return runCommand(arguments, quantizeOptions,
                    "usage: tenon quantize MODEL.onnx -o OUT --data PATH [options]\n",
                    quantizeModel);
}

} // namespace tenon::cli
