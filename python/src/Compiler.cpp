// The extension module tenon._compiler, which holds LLVM: tenon.compile loads it when it is called.
#include "lib/Driver/Driver.h"
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
nb::dict compile(const std::string &path, std::optional<nb::bytes> bytes, const std::string &output,
                 std::vector<std::string> targets, std::vector<Shape> shapes, const States &states,
                 bool quantExact, const std::string &precision, bool placeByCost,
                 unsigned threads) {
  driver::CompileOptions options;
  options.output = output;
  options.threads = threads;
  options.quantExact = quantExact;
  options.placeByCost = placeByCost;
  auto parsed = driver::PrecisionOption::parse(precision);
  if (!parsed)
    raise(parsed.takeError());
  options.precision = std::move(*parsed);
  if (!targets.empty())
    options.targets = std::move(targets);
  for (Shape &shape : shapes)
    options.import.shapes.push_back({shape.first, {shape.second.begin(), shape.second.end()}});
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

} // namespace

NB_MODULE(_compiler, m) {
  m.doc() = "Compiles ONNX models; tenon.compile is the interface.";
  m.def("compile", compile, "path"_a, "bytes"_a.none(), "output"_a, "targets"_a, "shapes"_a,
        "states"_a, "quant_exact"_a, "precision"_a, "place_by_cost"_a, "threads"_a);
}
