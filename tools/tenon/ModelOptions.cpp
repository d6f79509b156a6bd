// What the options say (see the header); Inputs.cpp makes the inputs.

#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/Devices.h"
#include "tools/tenon/TemporaryDirectory.h"
#include "llvm/Support/FileSystem.h"

namespace tenon::cli {

bool isOnnxFile(llvm::StringRef path) { return path.ends_with_insensitive(".onnx"); }

std::string describeDeadChannels(const DeadChannels &dead) {
  std::string text = std::to_string(dead.count()) + " of " + std::to_string(dead.before) +
                     " channels of " + dead.node + " are dead";
  llvm::StringRef separator = ": ";
  for (auto [count, what] : {std::pair(dead.unread, "unread"),
                             {dead.constant, "constant"},
                             {dead.duplicate, "duplicates"}}) {
    if (!count)
      continue;
    text += separator.str() + std::to_string(count) + " " + what;
    separator = ", ";
  }
  return text;
}

llvm::Error readCompileOptions(const Arguments &arguments, driver::CompileOptions &options) {
  if (arguments.has("--target")) {
    options.targets.clear();
    llvm::SmallVector<llvm::StringRef> names;
    std::string list = arguments.get("--target");
    llvm::StringRef(list).split(names, ',', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef name : names)
      options.targets.push_back(name.str());
    if (options.targets.empty())
      return makeError("option '--target' names no target");
  }
  for (const std::string &text : arguments.all("--shape")) {
    llvm::Expected<ShapeOverride> shape = ShapeOverride::parse(text);
    if (!shape)
      return shape.takeError();
    options.import.shapes.push_back(*shape);
  }
  std::string place = arguments.get("--place", "device");
  if (place != "device" && place != "auto")
    return makeError("option '--place' is device or auto, not '" + place + "'");
  options.placeByCost = place == "auto";
  options.quantExact = arguments.has("--quant-exact");
  options.keepDeadChannels = arguments.has("--keep-dead-channels");
  if (arguments.has("--precision") && !quantize::isRecipePath(arguments.get("--precision"))) {
    auto precision = driver::PrecisionOption::parse(arguments.get("--precision"));
    if (!precision)
      return precision.takeError();
    options.precision = std::move(*precision);
  }
  return llvm::Error::success();
}

llvm::Expected<quantize::PreparedModel> prepareModelFor(const std::shared_ptr<ModelFile> &model,
                                                        const std::string &precision) {
  if (!quantize::isRecipePath(precision)) {
    auto option = driver::PrecisionOption::parse(precision);
    if (!option)
      return option.takeError();
    return quantize::PreparedModel{model, std::move(*option), {}};
  }
  llvm::Expected<quantize::Recipe> recipe = quantize::readRecipe(precision);
  if (!recipe)
    return recipe.takeError();
  llvm::Expected<quantize::PreparedModel> prepared = quantize::prepareModel(model, *recipe);
  if (!prepared)
    return makeError(precision + ": " + llvm::toString(prepared.takeError()));
  for (const std::string &unmatched : prepared->unmatched)
    llvm::errs() << "tenon: warning: " << precision << ": " << unmatched << "\n";
  return prepared;
}

/// Kernels have been formed for a target, and nothing but how they are written can be chosen.
static llvm::Expected<driver::CompileReport> compileKernels(llvm::StringRef path,
                                                            const Arguments &arguments,
                                                            const driver::CompileOptions &options) {
  for (llvm::StringRef name : {"--target", "--shape", "--state", "--precision", "--quant-exact",
                               "--place", "--keep-dead-channels"})
    if (arguments.has(name))
      return makeError("option '" + name + "' is for models, and '" + path +
                       "' is a program of kernels");
  return driver::compileKernels(path, options);
}

llvm::Expected<driver::CompileReport> compileModel(llvm::StringRef path, const Arguments &arguments,
                                                   driver::CompileOptions options) {
  if (path.ends_with(".mlir"))
    return compileKernels(path, arguments, options);
  std::string precision = arguments.get("--precision");
  if (!quantize::isRecipePath(precision))
    return driver::compileFile(path, options);
  llvm::Expected<std::shared_ptr<ModelFile>> model = ModelFile::open(path);
  if (!model)
    return model.takeError();
  llvm::Expected<quantize::PreparedModel> prepared = prepareModelFor(*model, precision);
  if (!prepared)
    return prepared.takeError();
  options.precision = std::move(prepared->precision);
  return driver::compile(prepared->model, options);
}

llvm::Expected<Session> openModel(const Arguments &arguments, const tenon_context_options &options,
                                  driver::CompileReport *report) {
  if (arguments.positional().size() != 1)
    return makeError("one model is needed, got " + llvm::Twine(arguments.positional().size()));
  const std::string &path = arguments.positional().front();
  if (llvm::Error error = useDevice(arguments))
    return std::move(error);
  if (!isOnnxFile(path)) {
    for (llvm::StringRef option : {"--target", "--precision", "--place"})
      if (arguments.has(option))
        return makeError("option '" + option + "' is for ONNX models; " + path +
                         " is compiled already");
    tenon_load_options loadOptions{};
    loadOptions.check_weights = arguments.has("--check");
    return Session::load(path, options, loadOptions);
  }
  driver::CompileOptions compile;
  compile.targets = {getDefaultTarget(arguments)};
  if (llvm::Error error = readCompileOptions(arguments, compile))
    return std::move(error);
  TemporaryDirectory directory;
  if (std::error_code error = directory.create())
    return makeError("cannot make a temporary directory: " + error.message());
  compile.output = directory.file("model.so");
  llvm::Expected<driver::CompileReport> compiled = compileModel(path, arguments, compile);
  if (!compiled)
    return compiled.takeError();
  if (report)
    *report = std::move(*compiled);
  // The file may go once it is mapped.
  return Session::load(compile.output, options);
}

llvm::Expected<tenon_context_options> readContextOptions(const Arguments &arguments) {
  llvm::Expected<int64_t> threads = arguments.number("--threads", 0, 1);
  if (!threads)
    return threads.takeError();
  if (*threads > 4096)
    return makeError("option '--threads': " + llvm::Twine(*threads) + " threads are too many");
  tenon_context_options options{};
  options.threads = static_cast<int32_t>(*threads);
  options.pin_threads = arguments.has("--pin");
  return options;
}

static llvm::Expected<std::vector<double>> readNumbers(const Arguments &arguments,
                                                       llvm::StringRef option) {
  std::vector<double> numbers;
  std::string list = arguments.get(option);
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(list).split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    double number = 0;
    if (part.trim().getAsDouble(number))
      return makeError("option '" + option + "' needs numbers, got '" + part + "'");
    numbers.push_back(number);
  }
  if (arguments.has(option) && numbers.empty())
    return makeError("option '" + option + "' needs numbers");
  return numbers;
}

llvm::Expected<ImageOptions> readImageOptions(const Arguments &arguments) {
  ImageOptions options;
  std::string layout = arguments.get("--layout");
  if (layout == "nchw")
    options.layout = ImageLayout::ChannelsFirst;
  else if (layout == "nhwc")
    options.layout = ImageLayout::ChannelsLast;
  else if (!layout.empty())
    return makeError("option '--layout' is nchw or nhwc, not '" + layout + "'");
  llvm::Expected<std::vector<double>> mean = readNumbers(arguments, "--mean"),
                                      deviation = readNumbers(arguments, "--std"),
                                      scale = readNumbers(arguments, "--scale");
  if (!mean || !deviation || !scale)
    return llvm::joinErrors(llvm::joinErrors(mean.takeError(), deviation.takeError()),
                            scale.takeError());
  if (llvm::is_contained(*deviation, 0.0))
    return makeError("option '--std' must not be 0");
  options.mean = std::move(*mean);
  options.deviation = std::move(*deviation);
  if (!scale->empty())
    options.scale = scale->front();
  options.bgr = arguments.has("--bgr");
  return options;
}

} // namespace tenon::cli
