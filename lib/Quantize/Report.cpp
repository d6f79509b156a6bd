// What quantization found (see the header).

#include "lib/Quantize/Report.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include <cmath>

namespace json = llvm::json;

namespace tenon::quantize {

/// Noise for a signal of 1, in dB.
static double toDecibels(double noise) { return 10 * std::log10(noise); }

/// The option that says most about a group: what it has or, if that is fp32, the fastest one.
static const GroupReport::Option &getTelling(const GroupReport &group) {
  const GroupReport::Option &chosen = group.getChosen();
  if (chosen.precision != NodePrecision::F32 || group.options.size() == 1)
    return chosen;
  auto faster = [](const GroupReport::Option &a, const GroupReport::Option &b) {
    return a.time < b.time;
  };
  return *std::min_element(group.options.begin() + 1, group.options.end(), faster);
}

static std::string formatNoise(const GroupReport::Option &option) {
  if (option.precision == NodePrecision::F32 || !std::isfinite(option.noise))
    return "";
  if (option.noise == 0)
    return "none";
  return llvm::formatv("{0:F1} dB", toDecibels(option.noise)).str();
}

/// The first of the names, and how many there are besides.
static std::string shorten(llvm::ArrayRef<std::string> names) {
  return names.front() +
         (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

std::string formatReport(const QuantizeResult &result, const Budget &budget) {
  std::string text;
  llvm::raw_string_ostream out(text);
  const Recipe &recipe = result.recipe;
  out << recipe.calibrationSamples << " samples to calibrate with, " << recipe.heldBackSamples
      << " held back to judge by\n";
  // The rule of three: 95% of the sets of so many samples have such a kind among them.
  if (int64_t kinds = (recipe.calibrationSamples + recipe.heldBackSamples) / 3; kinds > 1)
    out << "what fewer than one in " << kinds << " samples does may not be among them\n";
  out << "budget " << budget.str() << ": " << (result.holds ? "kept, " : "not kept, ")
      << budget.format(result.evaluation.loss);
  if (result.evaluation.bound != result.evaluation.loss)
    out << ", " << budget.format(result.evaluation.bound) << " to be sure of other samples,";
  out << " after " << result.validations << " comparisons\n";
  for (const OutputLoss &output : result.evaluation.outputs)
    out << "  " << output.name << ": "
        << llvm::formatv("{0:F1} dB, cosine {1:F6}, largest error {2:F2}% of the largest number\n",
                         output.sqnr, output.cosine, 100 * output.relative);
  for (const OutputLoss &output : result.evaluation.outputs)
    if (auto found = result.decisions.find(output.name); found != result.decisions.end())
      out << "  " << output.name << " follows " << found->second.op << " '" << found->second.node
          << "': how often that decides otherwise in other samples, few cannot tell\n";
  out << llvm::formatv("kernels {0:F3} ms -> {1:F3} ms, weights {2:F2} MB -> {3:F2} MB\n",
                       result.timeBefore / 1e6, result.timeAfter / 1e6, result.weightsBefore / 1e6,
                       result.weightsAfter / 1e6);
  for (const RepairReport &repair : result.repairs)
    out << llvm::formatv("{0}: noise {1:F1} dB -> {2:F1} dB ({3:F1} +- {4:F1} dB a sample), {5}\n",
                         repair.name, toDecibels(repair.before), toDecibels(repair.after),
                         toDecibels(std::exp(repair.change.mean)),
                         toDecibels(std::exp(repair.change.standardError)),
                         repair.isKept ? "kept" : "not kept");
  std::vector<const GroupReport *> groups;
  for (const GroupReport &group : result.groups)
    groups.push_back(&group);
  llvm::stable_sort(groups, [](const GroupReport *a, const GroupReport *b) {
    return getTelling(*a).noise > getTelling(*b).noise;
  });
  out << llvm::formatv("{0,-12} {1,10} {2,10} {3,-12} {4,-9} {5}\n", "precision", "fp32 us",
                       "now us", "lowered to", "noise", "tensor (nodes)");
  for (const GroupReport *group : groups) {
    const GroupReport::Option &telling = getTelling(*group);
    out << llvm::formatv("{0,-12} {1,10:F1} {2,10:F1} {3,-12} {4,-9} {5} ({6})",
                         getName(group->precision), group->options.front().time / 1e3,
                         group->getChosen().time / 1e3,
                         telling.precision == NodePrecision::F32 ? "" : getName(telling.precision),
                         formatNoise(telling), group->tensor, shorten(group->nodes));
    out << (group->reason.empty() ? "" : ": " + group->reason) << "\n";
  }
  return text;
}

static json::Object describe(const GroupReport &group) {
  json::Array nodes, options;
  for (const std::string &node : group.nodes)
    nodes.push_back(json::fixUTF8(node));
  for (const GroupReport::Option &option : group.options) {
    json::Object entry{{"precision", getName(option.precision)},
                       {"microseconds", option.time / 1e3}};
    if (std::isfinite(option.noise) && option.noise > 0)
      entry["noise_db"] = toDecibels(option.noise);
    options.push_back(std::move(entry));
  }
  return json::Object{{"nodes", std::move(nodes)},
                      {"tensor", json::fixUTF8(group.tensor)},
                      {"precision", getName(group.precision)},
                      {"reason", json::fixUTF8(group.reason)},
                      {"options", std::move(options)}};
}

std::string formatReportFile(const QuantizeResult &result, const Budget &budget) {
  json::Array outputs, groups;
  for (const OutputLoss &output : result.evaluation.outputs) {
    json::Object entry{
        {"name", json::fixUTF8(output.name)}, {"cosine", output.cosine}, {"top1", output.top1}};
    // JSON has no infinity: an output without any loss has no ratio.
    if (std::isfinite(output.sqnr))
      entry["sqnr"] = output.sqnr;
    if (std::isfinite(output.relative))
      entry["relative"] = output.relative;
    outputs.push_back(std::move(entry));
  }
  for (const GroupReport &group : result.groups)
    groups.push_back(describe(group));
  json::Object file{{"budget", budget.str()},
                    {"holds", result.holds},
                    {"comparisons", result.validations},
                    {"calibration_samples", result.recipe.calibrationSamples},
                    {"held_back_samples", result.recipe.heldBackSamples},
                    {"milliseconds_before", result.timeBefore / 1e6},
                    {"milliseconds_after", result.timeAfter / 1e6},
                    {"weights_bytes_before", result.weightsBefore},
                    {"weights_bytes_after", result.weightsAfter},
                    {"outputs", std::move(outputs)},
                    {"groups", std::move(groups)}};
  if (std::isfinite(result.evaluation.loss))
    file["loss"] = result.evaluation.loss;
  if (std::isfinite(result.evaluation.bound))
    file["bound"] = result.evaluation.bound;
  return llvm::formatv("{0:2}\n", json::Value(std::move(file))).str();
}

} // namespace tenon::quantize
