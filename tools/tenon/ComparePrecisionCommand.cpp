// `tenon compare-precision`: where along the network a lowered model goes away from fp32.

#include "lib/Quantize/ComparePrecision.h"
#include "lib/Quantize/PrecisionPage.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Support/Files.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/ProgressLine.h"
#include "tools/tenon/SampleOptions.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

using namespace tenon::quantize;

static constexpr Option ownOptions[] = {
    {"--precision", true,
     "P what is compared with fp32: fp32-fast, fp32-split, bf16, f16, int8, a file of rules, or a "
     "recipe "
     "(.precision.json); not needed with a second model"},
    {"--html", true, "FILE a page with charts; it needs no other file"},
    {"--top", true, "N print the worst N tensors; default 20, 0 is all"},
    dataOption,
    samplesOption,
    {"--target", true, "NAME what both are compiled for; this processor"},
    shapeOption,
    threadsOption,
};
static constexpr auto compareOptions = joinOptions(ownOptions, imageOptions, helpOptions);

/// What is compared with the model: another file, or the model as --precision says.
static llvm::Expected<ComparedModel> openLowered(const Arguments &arguments,
                                                 const std::shared_ptr<ModelFile> &model,
                                                 std::string &description) {
  std::string precision = arguments.get("--precision");
  if (arguments.positional().size() == 2) {
    if (arguments.has("--precision"))
      return makeError("option '--precision' is for one model; two are compared as they are");
    description = arguments.positional().back();
    llvm::Expected<std::shared_ptr<ModelFile>> file = ModelFile::open(description);
    if (!file)
      return file.takeError();
    return ComparedModel{std::move(*file), {}};
  }
  if (precision.empty())
    return makeError("say what is compared with fp32: --precision P, or a second model");
  description = precision;
  llvm::Expected<PreparedModel> prepared = prepareModelFor(model, precision);
  if (!prepared)
    return prepared.takeError();
  return ComparedModel{std::move(prepared->model), std::move(prepared->precision)};
}

static llvm::Error compareModels(const Arguments &arguments) {
  size_t count = arguments.positional().size();
  if (count != 1 && count != 2)
    return makeError("compare-precision takes one model or two, got " + llvm::Twine(count));
  if (!arguments.has("--data"))
    return makeError("there is nothing to compare with: say --data PATH");
  llvm::Expected<int64_t> top = arguments.number("--top", 20, 0),
                          threads = arguments.number("--threads", 0, 1);
  if (!top || !threads)
    return llvm::joinErrors(top.takeError(), threads.takeError());
  CalibrateOptions options;
  options.probe.threads = static_cast<int32_t>(*threads);
  if (llvm::Error error = readCompileOptions(arguments, options.probe.compile))
    return error;
  options.probe.compile.precision = {};
  llvm::Expected<std::shared_ptr<ModelFile>> model =
      ModelFile::open(arguments.positional().front());
  if (!model)
    return model.takeError();
  std::string description;
  llvm::Expected<ComparedModel> lowered = openLowered(arguments, *model, description);
  if (!lowered)
    return lowered.takeError();
  llvm::Expected<std::unique_ptr<DataSource>> data =
      openSamples(arguments, **model, options.probe.compile.import);
  if (!data)
    return data.takeError();
  ProgressLine progress;
  options.progress = [&](int64_t done, int64_t planned) {
    progress.show("comparing", done, planned);
  };
  llvm::Expected<PrecisionComparison> comparison =
      comparePrecision(*model, *lowered, **data, options);
  progress.clear();
  if (!comparison)
    return comparison.takeError();
  comparison->precision = description;
  llvm::outs() << formatComparison(*comparison, *top);
  if (arguments.has("--html"))
    return writeFile(arguments.get("--html"), formatPage(*comparison));
  return llvm::Error::success();
}

int runComparePrecision(llvm::ArrayRef<const char *> arguments) {
  return runCommand(arguments, compareOptions,
                    "usage: tenon compare-precision MODEL.onnx {--precision P | OTHER.onnx} --data "
                    "PATH [options]\n",
                    compareModels);
}

} // namespace tenon::cli
