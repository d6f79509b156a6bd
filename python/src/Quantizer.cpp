// tenon.quantize's half in C++: samples and metrics are Python's, all else is the library's.
#include "python/src/Quantizer.h"
#include "lib/Quantize/Report.h"
#include "lib/Quantize/Uniform.h"
#include "lib/Quantize/WriteModel.h"
#include "python/src/Samples.h"
#include <nanobind/stl/string.h>

namespace nb = nanobind;
using namespace nb::literals;
using namespace tenon::quantize;

namespace tenon::python {

static Objective parseObjective(const std::string &name) {
  if (name != "time" && name != "size")
    throw nb::value_error(("objective: '" + name + "' is neither time nor size").c_str());
  return name == "time" ? Objective::Time : Objective::Size;
}

static std::vector<NodePrecision> parseAllowed(const std::vector<std::string> &names) {
  std::vector<NodePrecision> allowed;
  for (const std::string &name : names) {
    std::optional<NodePrecision> precision = parseNodePrecision(name);
    if (!precision || *precision == NodePrecision::F32)
      throw nb::value_error(("allow: '" + name +
                             "' is none of int8, bf16, f16, int8-weights, "
                             "int4-weights")
                                .c_str());
    allowed.push_back(*precision);
  }
  return allowed;
}

nb::dict quantizeModel(const std::shared_ptr<ModelFile> &model, nb::object data,
                       const std::vector<std::string> &paths, const QuantizeArguments &arguments) {
  CaughtException caught;
  QuantizeOptions options;
  options.compile = arguments.compile;
  options.threads = arguments.threads;
  options.allow = parseAllowed(arguments.allow);
  options.repair = arguments.repair;
  options.objective = parseObjective(arguments.objective);
  if (!arguments.output.empty())
    if (llvm::Error error = checkOutputPath(arguments.output))
      caught.raise(std::move(error));
  if (arguments.budget) {
    llvm::Expected<Budget> budget = Budget::parse(*arguments.budget);
    if (!budget)
      caught.raise(budget.takeError());
    options.budget = *budget;
  }
  options.metric = makeMetric(arguments.metric, caught);
  options.progress = makeProgress(arguments.progress);
  auto source = openSamples(*model, options.compile.import, data, paths, arguments.samples);
  if (!source)
    caught.raise(source.takeError());
  llvm::Expected<QuantizeResult> result = [&] {
    nb::gil_scoped_release release;
    return arguments.budget ? quantize::quantize(model, **source, options)
                            : quantizeUniformly(model, **source, options);
  }();
  if (!result)
    caught.raise(result.takeError());
  if (result->holds && !arguments.output.empty())
    if (llvm::Error error = writeModel(model, result->recipe, arguments.output, options.compile))
      caught.raise(std::move(error));
  nb::dict report;
  report["holds"] = result->holds;
  report["recipe"] = formatRecipe(result->recipe);
  report["report"] = formatReportFile(*result, options.budget);
  report["text"] = formatReport(*result, options.budget);
  return report;
}

} // namespace tenon::python
