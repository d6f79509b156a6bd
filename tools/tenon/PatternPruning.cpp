// `tenon prune --pattern`: zeros among weights in a pattern that matrix units leave out.

#include "tools/tenon/PatternPruning.h"
#include "lib/Prune/TwoOfFour.h"
#include "lib/Support/Files.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

static void printReport(const PatternReport &report) {
  llvm::outs() << llvm::formatv("{0,9} {1,12} {2,12}  {3}\n", "weights", "zero before",
                                "zero after", "weights of");
  int64_t weights = 0, zeros = 0;
  auto part = [](int64_t some, int64_t all) {
    return llvm::formatv("{0:P1}", static_cast<double>(some) / static_cast<double>(all)).str();
  };
  for (const PatternReport::Changed &each : report.changed) {
    llvm::outs() << llvm::formatv("{0,9} {1,12} {2,12}  {3}\n", each.weights,
                                  part(each.zerosBefore, each.weights),
                                  part(each.zerosAfter, each.weights), each.node);
    weights += each.weights;
    zeros += each.zerosAfter;
  }
  for (const PatternReport::Unchanged &each : report.unchanged)
    llvm::outs() << llvm::formatv("{0,36}  {1}: {2}\n", "stay", each.node, each.reason);
  llvm::outs() << llvm::formatv("{0} of {1} weights are zero, two of each four at least\n", zeros,
                                weights);
}

static std::string formatReport(const PatternReport &report) {
  llvm::json::Array changed, unchanged;
  for (const PatternReport::Changed &each : report.changed)
    changed.push_back(llvm::json::Object{{"node", llvm::json::fixUTF8(each.node)},
                                         {"constant", llvm::json::fixUTF8(each.constant)},
                                         {"weights", each.weights},
                                         {"zeros_before", each.zerosBefore},
                                         {"zeros_after", each.zerosAfter}});
  for (const PatternReport::Unchanged &each : report.unchanged)
    unchanged.push_back(llvm::json::Object{{"node", llvm::json::fixUTF8(each.node)},
                                           {"reason", llvm::json::fixUTF8(each.reason)}});
  llvm::json::Object json{
      {"pattern", "2:4"}, {"changed", std::move(changed)}, {"unchanged", std::move(unchanged)}};
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(json))).str();
}

llvm::Error prunePattern(const Arguments &arguments) {
  if (arguments.get("--pattern") != "2:4")
    return makeError("unknown --pattern '" + arguments.get("--pattern") + "': 2:4");
  for (llvm::StringRef option :
       {"--channels", "--target-speedup", "--importance", "--global", "--per-layer", "--round",
        "--target", "--data", "--budget", "--labels", "--samples", "--compensate"})
    if (arguments.has(option))
      return makeError("option '" + option + "' is for channels, and '--pattern' leaves them");
  if (arguments.get("-o").empty())
    return makeError("no output: say -o FILE");
  llvm::Expected<std::shared_ptr<ModelFile>> file = ModelFile::open(arguments.positional().front());
  if (!file)
    return file.takeError();
  auto pruned = pruneTwoOfFour(*file, arguments.all("--keep"));
  if (!pruned)
    return pruned.takeError();
  auto &[model, report] = *pruned;
  if (llvm::Error error = model->save(arguments.get("-o")))
    return error;
  printReport(report);
  if (arguments.has("--report"))
    return writeFile(arguments.get("--report"), formatReport(report));
  return llvm::Error::success();
}

} // namespace tenon::cli
