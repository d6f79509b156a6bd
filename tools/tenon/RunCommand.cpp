// `tenon run`: runs a model on files and shows what comes out.

#include "lib/Support/Stopwatch.h"
#include "lib/Tensors/Npy.h"
#include "lib/Tensors/ProtoFile.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/Devices.h"
#include "tools/tenon/ModelOptions.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

namespace tenon::cli {

static constexpr Option ownOptions[] = {
    inputOption,
    {"--random", false, "make up the inputs that are not given"},
    {"--output-dir", true,
     "DIR where outputs are written to, as NAME.npy, or NAME.pb if they are no tensors"},
    threadsOption,
    checkOption,
    {"--runs", true, "N run as often; default 1"},
    {"--profile", true, "FILE a Chrome trace of all runs (chrome://tracing, Perfetto)"},
};
static constexpr auto runOptions = joinOptions(ownOptions, openOptions, imageOptions, helpOptions);

/// Tensors of up to this many elements are printed whole.
static constexpr int64_t maxPrinted = 16;

static std::string formatElement(const Tensor &tensor, int64_t index) {
  if (tensor.dtype == TENON_STRING)
    return "\"" + tensor.strings[index] + "\"";
  if (tensor.dtype == TENON_BOOL)
    return tensor.element(index) != 0 ? "true" : "false";
  if (tensor.dtype == TENON_INT64 || tensor.dtype == TENON_UINT64) {
    int64_t value = 0;
    std::memcpy(&value, &tensor.bytes[8 * index], 8);
    return tensor.dtype == TENON_INT64 ? std::to_string(value)
                                       : std::to_string(static_cast<uint64_t>(value));
  }
  return formatNumber(tensor.element(index));
}

static std::string formatElements(const Tensor &tensor, int64_t count) {
  std::string text = "[";
  for (int64_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + formatElement(tensor, i);
  return text + (count < tensor.numElements() ? ", …]" : "]");
}

static std::string formatRange(const Tensor &tensor) {
  double low = INFINITY, high = -INFINITY, sum = 0;
  int64_t count = tensor.numElements(), nans = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = tensor.element(i);
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (nans == count)
    return "all NaN";
  std::string text = "min " + formatNumber(low) + ", max " + formatNumber(high) + ", mean " +
                     formatNumber(sum / static_cast<double>(count - nans));
  return nans ? text + ", " + std::to_string(nans) + " NaN" : text;
}

/// For a vector of scores: the classes with the highest ones.
static std::string formatTop(const Tensor &tensor) {
  std::vector<int64_t> order(tensor.numElements());
  for (auto [i, position] : llvm::enumerate(order))
    position = static_cast<int64_t>(i);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    double first = tensor.element(a), second = tensor.element(b);
    // NaN is no score: it goes last.
    if (std::isnan(first) || std::isnan(second))
      return std::isnan(second) && (!std::isnan(first) || a < b);
    return first != second ? first > second : a < b;
  });
  std::string text = "top 5:";
  for (int64_t i : llvm::ArrayRef(order).take_front(5))
    text += " " + std::to_string(i) + " (" + formatElement(tensor, i) + ")";
  return text;
}

static void printTensor(llvm::StringRef name, const Tensor &tensor) {
  llvm::outs() << name << ": " << describeTensorType(tensor) << " ";
  int64_t count = tensor.numElements();
  bool isComplex = tensor.dtype == TENON_COMPLEX64 || tensor.dtype == TENON_COMPLEX128;
  if (count <= maxPrinted || tensor.dtype == TENON_STRING) {
    llvm::outs() << formatElements(tensor, std::min(count, maxPrinted)) << "\n";
    return;
  }
  llvm::outs() << (isComplex ? formatElements(tensor, 4) : formatRange(tensor)) << "\n";
  bool isVector = tensor.dims.back() == count && count <= 100000;
  if (isVector && isFloatingPoint(tensor.dtype))
    llvm::outs() << "  " << formatTop(tensor) << "\n";
}

static std::string formatMap(const Value &map) {
  std::string text = "{";
  int64_t count = map.keys.numElements(), shown = std::min(count, maxPrinted);
  for (int64_t i = 0; i < shown; ++i)
    text += (i ? ", " : "") + formatElement(map.keys, i) + ": " + formatElement(map.tensor, i);
  return text + (shown < count ? ", …}" : "}");
}

/// Elements of lists are printed like outputs, called by their positions.
static void printOutput(llvm::StringRef name, const Value &value) {
  if (value.isTensor())
    return printTensor(name, value.tensor);
  if (value.kind == TENON_MAP) {
    llvm::outs() << name << ": " << formatMap(value) << "\n";
    return;
  }
  llvm::outs() << name << ": " << describeValue(value) << "\n";
  for (auto [i, element] : llvm::enumerate(llvm::ArrayRef(value.elements).take_front(maxPrinted)))
    printOutput((name + "[" + llvm::Twine(i) + "]").str(), element);
  if (static_cast<int64_t>(value.elements.size()) > maxPrinted)
    llvm::outs() << name << "[…]\n";
}

/// Names of values may hold what a file's name must not.
static std::string fileNameOf(llvm::StringRef output, llvm::StringRef extension) {
  std::string name = output.str();
  for (char &c : name)
    if (c == '/' || c == '\0')
      c = '_';
  if (name.empty() || name == "." || name == "..")
    name = "output";
  return name + extension.str();
}

static llvm::Error writeOutputs(const Session &session, const std::vector<Value> &outputs,
                                const std::string &directory) {
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return makeError(directory + ": cannot be made: " + error.message());
  for (auto [i, output] : llvm::enumerate(outputs)) {
    llvm::SmallString<256> path(directory);
    llvm::StringRef name = session.output(i).name;
    llvm::sys::path::append(path, fileNameOf(name, output.isTensor() ? ".npy" : ".pb"));
    if (llvm::Error error = output.isTensor() ? writeNpyFile(path, output.tensor)
                                              : writeProtoFile(path, {name.str(), output}))
      return error;
  }
  return llvm::Error::success();
}

static llvm::Error run(const Arguments &arguments) {
  llvm::Expected<int64_t> runs = arguments.number("--runs", 1, 1);
  if (!runs)
    return runs.takeError();
  if (arguments.has("--shape") && !arguments.has("--random") &&
      !llvm::any_of(arguments.positional(), isOnnxFile))
    return makeError("option '--shape' is for ONNX models and for --random inputs");
  llvm::Expected<tenon_context_options> options = readContextOptions(arguments);
  if (!options)
    return options.takeError();
  llvm::Expected<Session> session = openModel(arguments, *options);
  if (!session)
    return session.takeError();
  llvm::Expected<std::vector<Value>> inputs =
      makeInputs(*session, arguments, arguments.has("--random"));
  if (!inputs)
    return inputs.takeError();
  if (arguments.has("--profile") && tenon_profile_start(session->context()) != TENON_OK)
    return runtimeError();
  std::vector<Value> outputs;
  std::vector<double> times;
  for (int64_t i = 0; i < *runs; ++i) {
    Stopwatch watch;
    llvm::Expected<std::vector<Value>> results = session->run(*inputs);
    if (!results)
      return results.takeError();
    times.push_back(watch.milliseconds());
    outputs = std::move(*results);
  }
  if (arguments.has("--profile") &&
      tenon_profile_write(session->context(), arguments.get("--profile").c_str()) != TENON_OK)
    return runtimeError();
  for (auto [i, output] : llvm::enumerate(outputs))
    printOutput(session->output(i).name, output);
  if (*runs > 1) {
    llvm::sort(times);
    llvm::outs() << *runs << " runs: min " << formatNumber(times.front()) << " ms, median "
                 << formatNumber(times[times.size() / 2]) << " ms\n";
  }
  if (arguments.has("--output-dir"))
    return writeOutputs(*session, outputs, arguments.get("--output-dir"));
  return llvm::Error::success();
}

int runRun(llvm::ArrayRef<const char *> arguments) {
  return runCommand(arguments, runOptions,
                    "usage: tenon run MODEL.{so,onnx} [--input NAME=FILE]... [options]\n", run);
}

} // namespace tenon::cli
