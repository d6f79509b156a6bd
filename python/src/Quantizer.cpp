// tenon.quantize's half in C++: samples and metrics are Python's, all else is the library's.
#include "python/src/Quantizer.h"
#include "lib/Quantize/Report.h"
#include "lib/Quantize/Uniform.h"
#include "lib/Quantize/WriteModel.h"
#include "python/src/Samples.h"
#include "llvm/ADT/STLExtras.h"
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

static std::vector<Budget> parseBudgets(const std::vector<std::string> &texts,
                                        CaughtException &caught) {
  std::vector<Budget> budgets;
  for (const std::string &text : texts) {
    llvm::Expected<Budget> budget = Budget::parse(text);
    if (!budget)
      caught.raise(budget.takeError());
    budgets.push_back(*budget);
  }
  return budgets;
}

/// Writes what was found, and says it.
static llvm::Expected<nb::dict> finish(const std::shared_ptr<ModelFile> &model,
                                       const QuantizeResult &result, const Budget &budget,
                                       const std::string &output,
                                       const driver::CompileOptions &compile) {
  if (result.holds && !output.empty())
    if (llvm::Error error = writeModel(model, result.recipe, output, compile))
      return std::move(error);
  nb::dict report;
  report["holds"] = result.holds;
  report["recipe"] = formatRecipe(result.recipe);
  report["report"] = formatReportFile(result, budget);
  report["text"] = formatReport(result, budget);
  return report;
}

nb::list quantizeModel(const std::shared_ptr<ModelFile> &model, nb::object data,
                       const std::vector<std::string> &paths, const QuantizeArguments &arguments) {
  CaughtException caught;
  QuantizeOptions options;
  options.compile = arguments.compile;
  options.threads = arguments.threads;
  options.allow = parseAllowed(arguments.allow);
  options.repair = arguments.repair;
  options.objective = parseObjective(arguments.objective);
  for (const std::string &output : arguments.outputs)
    if (!output.empty())
      if (llvm::Error error = checkOutputPath(output))
        caught.raise(std::move(error));
  std::vector<Budget> budgets = parseBudgets(arguments.budgets, caught);
  options.metric = makeMetric(arguments.metric, caught);
  options.progress = makeProgress(arguments.progress);
  auto source = openSamples(*model, options.compile.import, data, paths, arguments.samples);
  if (!source)
    caught.raise(source.takeError());
  std::vector<llvm::Expected<QuantizeResult>> results;
  {
    nb::gil_scoped_release release;
    if (budgets.empty()) {
      budgets.push_back(options.budget);
      results.push_back(quantizeUniformly(model, **source, options));
    } else {
      results = quantizeEach(model, **source, options, budgets);
    }
  }
  nb::list found;
  for (auto [result, budget, output] : llvm::zip_equal(results, budgets, arguments.outputs)) {
    llvm::Expected<nb::dict> report =
        result ? finish(model, *result, budget, output, options.compile) : result.takeError();
    if (report)
      found.append(*report);
    else
      found.append(caught.translate(report.takeError()));
  }
  return found;
}

} // namespace tenon::python
