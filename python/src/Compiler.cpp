// The extension module tenon._compiler, which holds LLVM: tenon.compile loads it when it is called.
#include "lib/Driver/Driver.h"
#include "python/src/Pruner.h"
#include "python/src/Quantizer.h"
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;
using namespace tenon;

namespace {

using States = std::vector<std::pair<std::string, std::string>>; // inputs, outputs
using Shape = std::pair<std::string, std::vector<std::optional<int64_t>>>;

[[noreturn]] void raise(llvm::Error error) {
  throw nb::value_error(llvm::toString(std::move(error)).c_str());
}

llvm::Expected<std::shared_ptr<ModelFile>> openModel(const std::string &path,
                                                     const std::optional<nb::bytes> &bytes) {
  if (!bytes)
    return ModelFile::open(path);
  llvm::StringRef text(bytes->c_str(), bytes->size());
  nb::gil_scoped_release release;
  return ModelFile::parse(text);
}

/// Compiles to a shared library at `output`; returns milliseconds by step and sizes in bytes.
void addShapes(ImportOptions &options, const std::vector<Shape> &shapes) {
  for (const Shape &shape : shapes)
    options.shapes.push_back({shape.first, {shape.second.begin(), shape.second.end()}});
}

nb::dict compile(const std::string &path, std::optional<nb::bytes> bytes, const std::string &output,
                 std::vector<std::string> targets, std::vector<Shape> shapes, const States &states,
                 bool quantExact, const std::string &precision, bool placeByCost,
                 bool keepDeadChannels, unsigned threads) {
  driver::CompileOptions options;
  options.output = output;
  options.threads = threads;
  options.quantExact = quantExact;
  options.placeByCost = placeByCost;
  options.keepDeadChannels = keepDeadChannels;
  auto parsed = driver::PrecisionOption::parse(precision);
  if (!parsed)
    raise(parsed.takeError());
  options.precision = std::move(*parsed);
  if (!targets.empty())
    options.targets = std::move(targets);
  addShapes(options.import, shapes);
  for (const auto &[input, next] : states)
    options.states.push_back({input, next});
  llvm::Expected<std::shared_ptr<ModelFile>> file = openModel(path, bytes);
  if (!file)
    raise(file.takeError());
  auto compiled = [&] {
    nb::gil_scoped_release release;
    return driver::compile(*file, options);
  }();
  if (!compiled)
    raise(compiled.takeError());
  nb::dict report;
  report["kernels"] = compiled->kernels.size();
  report["arena_bytes"] = compiled->arenaBytes;
  report["arena_lower_bound"] = compiled->arenaLowerBound;
  report["weights_bytes"] = compiled->weightsBytes;
  report["import_ms"] = compiled->importTime;
  report["passes_ms"] = compiled->passesTime;
  report["total_ms"] = compiled->totalTime;
  return report;
}

nb::list quantizeFile(const std::string &path, std::optional<nb::bytes> bytes, nb::object data,
                      const std::vector<std::string> &paths, std::vector<std::string> outputs,
                      std::vector<std::string> budgets, std::vector<std::string> allow,
                      nb::object metric, nb::object progress, const std::string &labels,
                      int64_t samples, std::vector<std::string> targets, std::vector<Shape> shapes,
                      int32_t threads, bool repair, const std::string &objective) {
  python::QuantizeArguments arguments;
  arguments.budgets = std::move(budgets);
  arguments.allow = std::move(allow);
  arguments.metric = std::move(metric);
  arguments.progress = std::move(progress);
  arguments.samples.labels = labels;
  arguments.samples.limit = samples;
  arguments.threads = threads;
  arguments.repair = repair;
  arguments.objective = objective;
  arguments.outputs = std::move(outputs);
  if (!targets.empty())
    arguments.compile.targets = std::move(targets);
  addShapes(arguments.compile.import, shapes);
  llvm::Expected<std::shared_ptr<ModelFile>> file = openModel(path, bytes);
  if (!file)
    raise(file.takeError());
  return python::quantizeModel(*file, std::move(data), paths, arguments);
}

nb::dict pruneFile(const std::string &path, std::optional<nb::bytes> bytes,
                   const std::string &output, nb::object data,
                   const std::vector<std::string> &paths, std::optional<double> channels,
                   std::optional<double> speedup, std::optional<std::string> budget,
                   const std::string &importance, bool isGlobal, std::vector<std::string> keep,
                   int64_t multiple, const std::string &compensate, nb::object metric,
                   nb::object progress, const std::string &labels, int64_t samples,
                   const std::string &target, std::vector<Shape> shapes, int32_t threads) {
  python::PruneArguments arguments;
  arguments.prune.channels = channels;
  arguments.prune.targetSpeedup = speedup;
  arguments.prune.isGlobal = isGlobal;
  arguments.prune.kept = std::move(keep);
  arguments.prune.multiple = multiple;
  arguments.importance = importance;
  arguments.target = target;
  arguments.budget = std::move(budget);
  arguments.compensate = compensate;
  arguments.metric = std::move(metric);
  arguments.progress = std::move(progress);
  arguments.samples.labels = labels;
  arguments.samples.limit = samples;
  arguments.threads = threads;
  arguments.output = output;
  addShapes(arguments.import, shapes);
  llvm::Expected<std::shared_ptr<ModelFile>> file = openModel(path, bytes);
  if (!file)
    raise(file.takeError());
  return python::pruneModel(*file, std::move(data), paths, arguments);
}

} // namespace

NB_MODULE(_compiler, m) {
  m.doc() = "Compiles ONNX models; tenon.compile is the interface.";
  m.def("compile", compile, "path"_a, "bytes"_a.none(), "output"_a, "targets"_a, "shapes"_a,
        "states"_a, "quant_exact"_a, "precision"_a, "place_by_cost"_a, "keep_dead_channels"_a,
        "threads"_a);
  m.def("quantize", quantizeFile, "path"_a, "bytes"_a.none(), "data"_a.none(), "paths"_a,
        "outputs"_a, "budgets"_a, "allow"_a, "metric"_a.none(), "progress"_a.none(), "labels"_a,
        "samples"_a, "targets"_a, "shapes"_a, "threads"_a, "repair"_a, "objective"_a);
  m.def("prune", pruneFile, "path"_a, "bytes"_a.none(), "output"_a, "data"_a.none(), "paths"_a,
        "channels"_a.none(), "speedup"_a.none(), "budget"_a.none(), "importance"_a, "is_global"_a,
        "keep"_a, "multiple"_a, "compensate"_a, "metric"_a.none(), "progress"_a.none(), "labels"_a,
        "samples"_a, "target"_a, "shapes"_a, "threads"_a);
}
