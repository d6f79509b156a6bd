// `tenon prune`: an ONNX model with fewer channels, which is an ONNX model again.

#include "dialects/Target/TargetKind.h"
#include "lib/Driver/Context.h"
#include "lib/Prune/Prune.h"
#include "lib/Support/Files.h"
#include "mlir/IR/MLIRContext.h"
#include "tools/tenon/Arguments.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/PatternPruning.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

static constexpr Option pruneOptions[] = {
    {"-o", true, "FILE where to write the smaller model; required"},
    {"--channels", true, "PART of the channels to remove: 50% or 0.5"},
    {"--target-speedup", true,
     "FACTOR remove as much as the model needs to become so many times as fast, by prediction: 2x"},
    {"--pattern", true,
     "2:4 leave the channels, and keep two of each four weights that are multiplied for a result: "
     "those of the largest magnitude"},
    {"--importance", true,
     "NORM what tells how much a channel matters: l1 (default) or l2 of all weights that go with "
     "it, or bn, the scales of batch normalizations"},
    {"--global", false, "remove the channels that matter least anywhere"},
    {"--per-layer", false, "remove the same part of each group of channels (default)"},
    {"--keep", true, "PATTERN nodes whose channels stay; may be repeated"},
    {"--round", true,
     "N keep a multiple of so many channels; by default what vectors or tiles of the target hold"},
    {"--target", true, "NAME the target whose vectors count, cpu:native by default"},
    {"--report", true, "FILE what was removed from which weights, as JSON"},
    {"--help", false, "print this"},
};

/// A number with a suffix that may be left out: "50%" is a half then, "2x" is 2.
static llvm::Expected<double> readFactor(const Arguments &arguments, llvm::StringRef option,
                                         llvm::StringRef suffix) {
  std::string text = arguments.get(option);
  llvm::StringRef digits = text;
  bool isPercent = digits.consume_back(suffix) && suffix == "%";
  double value = 0;
  if (digits.getAsDouble(value))
    return makeError("option '" + option + "' needs a number, got '" + text + "'");
  return isPercent ? value / 100 : value;
}

static llvm::Error readAmount(const Arguments &arguments, PruneOptions &options) {
  if (arguments.has("--channels") == arguments.has("--target-speedup"))
    return makeError("say how much to remove with --channels or --target-speedup, and not both");
  bool isPart = arguments.has("--channels");
  llvm::StringRef option = isPart ? "--channels" : "--target-speedup";
  llvm::Expected<double> amount = readFactor(arguments, option, isPart ? "%" : "x");
  if (!amount)
    return amount.takeError();
  if (isPart && !(*amount > 0 && *amount < 1))
    return makeError("option '--channels' needs a part between 0% and 100%, got '" +
                     arguments.get(option) + "'");
  if (!isPart && !(*amount > 1 && *amount < 1e6))
    return makeError("option '--target-speedup' needs a factor above 1, got '" +
                     arguments.get(option) + "'");
  if (isPart)
    options.channels = *amount;
  else
    options.targetSpeedup = *amount;
  return llvm::Error::success();
}

static llvm::Expected<int64_t> readMultiple(const Arguments &arguments) {
  if (arguments.has("--round"))
    return arguments.number("--round", 1, 1);
  mlir::MLIRContext context;
  driver::prepareContext(context);
  llvm::Expected<TargetAttrInterface> target =
      lookupTarget(arguments.get("--target", "native"), &context);
  if (!target)
    return target.takeError();
  return getChannelMultiple(*target);
}

static llvm::Expected<PruneOptions> readOptions(const Arguments &arguments) {
  PruneOptions options;
  if (arguments.get("-o").empty())
    return makeError("no output: say -o FILE");
  if (llvm::Error error = readAmount(arguments, options))
    return std::move(error);
  std::string norm = arguments.get("--importance", "l1");
  std::optional<Importance> importance = parseImportance(norm);
  if (!importance)
    return makeError("unknown --importance '" + norm + "': l1, l2 or bn");
  options.importance = *importance;
  if (arguments.has("--global") && arguments.has("--per-layer"))
    return makeError("options '--global' and '--per-layer' exclude each other");
  options.isGlobal = arguments.has("--global");
  options.kept = arguments.all("--keep");
  llvm::Expected<int64_t> multiple = readMultiple(arguments);
  if (!multiple)
    return multiple.takeError();
  options.multiple = *multiple;
  return options;
}

/// "conv1 and 3 more".
static std::string describeNodes(const PruneReport::Group &group) {
  if (group.nodes.empty())
    return group.name;
  std::string text = group.nodes.front();
  if (group.nodes.size() > 1)
    text += llvm::formatv(" and {0} more", group.nodes.size() - 1);
  return text;
}

static void printReport(const PruneReport &report, int64_t multiple) {
  llvm::outs() << llvm::formatv("{0,9} {1,9}  {2}\n", "before", "after", "channels of");
  int64_t before = 0, after = 0;
  for (const PruneReport::Group &group : report.groups) {
    std::string unit = group.channelsPerUnit == 1
                           ? ""
                           : llvm::formatv(", {0} at a time", group.channelsPerUnit).str();
    llvm::outs() << llvm::formatv("{0,9} {1,9}  {2}{3}\n", group.before, group.after,
                                  describeNodes(group), unit);
    before += group.before;
    after += group.after;
  }
  for (const PruneReport::Pinned &pinned : report.pinned)
    llvm::outs() << llvm::formatv("{0,9} {1,9}  {2}: {3}\n", pinned.channels, "stay", pinned.node,
                                  pinned.reason);
  llvm::outs() << llvm::formatv(
      "{0} of {1} channels that may go stay, in multiples of {2}; predicted to be {3:F2} times as "
      "fast\n",
      after, before, multiple, report.predictedSpeedup);
}

static std::string formatReport(const PruneReport &report) {
  llvm::json::Array groups, pinned;
  for (const PruneReport::Group &group : report.groups) {
    llvm::json::Array slices;
    for (const PruneReport::Slice &slice : group.slices)
      slices.push_back(llvm::json::Object{{"constant", llvm::json::fixUTF8(slice.constant)},
                                          {"axis", slice.axis},
                                          {"removed", llvm::json::Array(slice.positions)}});
    llvm::json::Array nodes;
    for (const std::string &node : group.nodes)
      nodes.push_back(llvm::json::fixUTF8(node));
    groups.push_back(llvm::json::Object{{"name", llvm::json::fixUTF8(group.name)},
                                        {"nodes", std::move(nodes)},
                                        {"before", group.before},
                                        {"after", group.after},
                                        {"channels_per_unit", group.channelsPerUnit},
                                        {"slices", std::move(slices)}});
  }
  for (const PruneReport::Pinned &each : report.pinned)
    pinned.push_back(llvm::json::Object{{"node", llvm::json::fixUTF8(each.node)},
                                        {"channels", each.channels},
                                        {"reason", llvm::json::fixUTF8(each.reason)}});
  llvm::json::Object json{{"groups", std::move(groups)},
                          {"pinned", std::move(pinned)},
                          {"predicted_speedup", report.predictedSpeedup}};
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(json))).str();
}

static llvm::Error prune(const Arguments &arguments) {
  if (arguments.positional().size() != 1)
    return makeError("prune takes one model, got " + llvm::Twine(arguments.positional().size()));
  if (arguments.has("--pattern"))
    return prunePattern(arguments);
  llvm::Expected<PruneOptions> options = readOptions(arguments);
  if (!options)
    return options.takeError();
  llvm::Expected<std::shared_ptr<ModelFile>> file = ModelFile::open(arguments.positional().front());
  if (!file)
    return file.takeError();
  auto pruned = pruneModel(*file, *options);
  if (!pruned)
    return pruned.takeError();
  auto &[model, report] = *pruned;
  if (llvm::Error error = model->save(arguments.get("-o")))
    return error;
  printReport(report, options->multiple);
  if (arguments.has("--report"))
    return writeFile(arguments.get("--report"), formatReport(report));
  return llvm::Error::success();
}

int runPrune(llvm::ArrayRef<const char *> arguments) {
  return runCommand(arguments, pruneOptions,
                    "usage: tenon prune MODEL.onnx -o SMALLER.onnx [options]\n", prune);
}

} // namespace tenon::cli
