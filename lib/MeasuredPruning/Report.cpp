// See the header.

#include "lib/MeasuredPruning/Report.h"
#include "lib/Prune/Report.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace tenon {

std::string formatMeasuredReport(const MeasuredPruneResult &result,
                                 const MeasuredPruneOptions &options) {
  std::string text = formatPruneTable(result.report, options.prune.multiple);
  const quantize::Evaluation &found = result.getChosen().evaluation;
  for (const quantize::OutputLoss &output : found.outputs)
    text += formatv("{0}: {1} dB, cosine {2:F6}, largest difference {3:F2}%\n", output.name,
                    formatNumber(output.sqnr), output.cosine, output.relative * 100);
  text += formatv("judged by {0} samples that {1} others had no part in\n", result.heldBackSamples,
                  result.calibrationSamples);
  if (options.budget)
    text += formatv("budget {0}: {1}, {2} models compared\n", options.budget->str(),
                    quantize::Budget{options.budget->kind, found.loss}.str(), result.steps.size());
  return text;
}

/// JSON has no infinities: a loss is null where nothing or everything is lost.
static json::Value toJson(double number) {
  return std::isfinite(number) ? json::Value(number) : json::Value(nullptr);
}

json::Object toJson(const MeasuredPruneResult &result, const MeasuredPruneOptions &options) {
  json::Array steps, outputs;
  for (const PruneStep &step : result.steps)
    steps.push_back(json::Object{{"part", step.part},
                                 {"predicted_speedup", step.predictedSpeedup},
                                 {"loss", toJson(step.evaluation.loss)},
                                 {"holds", step.evaluation.holds}});
  for (const quantize::OutputLoss &output : result.getChosen().evaluation.outputs)
    outputs.push_back(json::Object{{"name", json::fixUTF8(output.name)},
                                   {"sqnr", toJson(output.sqnr)},
                                   {"cosine", toJson(output.cosine)},
                                   {"relative", toJson(output.relative)}});
  json::Object json = toJson(result.report);
  json["measured"] =
      json::Object{{"budget", options.budget ? json::Value(options.budget->str()) : nullptr},
                   {"holds", result.getChosen().evaluation.holds},
                   {"loss", toJson(result.getChosen().evaluation.loss)},
                   {"outputs", std::move(outputs)},
                   {"steps", std::move(steps)},
                   {"calibration_samples", result.calibrationSamples},
                   {"held_back_samples", result.heldBackSamples}};
  return json;
}

std::string describeBrokenBudget(const MeasuredPruneResult &result,
                                 const MeasuredPruneOptions &options) {
  const PruneStep &step = result.getChosen();
  return formatv("budget {0} cannot be kept: without {1:P0} of the channels it is {2}; nothing is "
                 "written",
                 options.budget->str(), step.part,
                 quantize::Budget{options.budget->kind, step.evaluation.loss}.str());
}

} // namespace tenon
