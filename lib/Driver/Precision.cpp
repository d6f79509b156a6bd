// The option that says in which precision nodes multiply: a name, or a file of rules.

#include "dialects/Tenon/TenonDialect.h"
#include "lib/Driver/Driver.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace tenon::driver {

/// "NODES PRECISION", of which NODES may contain spaces.
static llvm::Expected<PrecisionRule> parseRule(StringRef line) {
  size_t end = line.find_last_of(" \t");
  if (end == StringRef::npos)
    return llvm::createStringError("expected NODES PRECISION, found '" + line + "'");
  return PrecisionRule::create(line.take_front(end).rtrim(), line.substr(end + 1));
}

llvm::Expected<PrecisionOption> PrecisionOption::parse(StringRef text) {
  PrecisionOption option;
  if (std::optional<Precision> precision = parsePrecision(text)) {
    if (*precision != Precision::F32) {
      option.rules.push_back(llvm::cantFail(PrecisionRule::create("*", text)));
      // That a model has nothing to round is no news for the others.
      if (*precision == Precision::I8)
        option.places.push_back(("precision " + text).str());
    }
    return option;
  }
  if (text == "fp8")
    return PrecisionRule::create("*", text).takeError();
  auto content = llvm::MemoryBuffer::getFile(text, /*IsText=*/true);
  if (!content)
    return llvm::createStringError("precision '" + text + "' is neither " + listPrecisions() +
                                   ", nor a file: " + content.getError().message());
  SmallVector<StringRef> lines;
  (*content)->getBuffer().split(lines, '\n');
  for (auto [number, line] : llvm::enumerate(lines)) {
    line = line.trim();
    if (line.empty() || line.starts_with("#"))
      continue;
    std::string place = (text + ":" + Twine(number + 1)).str();
    llvm::Expected<PrecisionRule> rule = parseRule(line);
    if (!rule)
      return llvm::createStringError(place + ": " + llvm::toString(rule.takeError()));
    option.rules.push_back(std::move(*rule));
    option.places.push_back(std::move(place));
  }
  return option;
}

LogicalResult PrecisionOption::check(ModuleOp model) const {
  std::vector<bool> isUsed(rules.size());
  model.walk([&](PrecisionOpInterface op) {
    for (StringRef node : getMultiplyingNodes(op))
      for (auto [number, rule] : llvm::enumerate(rules)) {
        bool applies = rule.getPrecision() != Precision::I8 || multipliesQuantized(op);
        isUsed[number] = isUsed[number] || (applies && rule.matches(node));
      }
  });
  for (auto [place, rule, used] : llvm::zip(places, rules, isUsed))
    if (!used)
      return model.emitError() << place << ": no node that multiplies "
                               << (rule.getPrecision() == Precision::I8 ? "quantized weights " : "")
                               << "is named '" << rule.getNodes() << "'";
  return success();
}

} // namespace tenon::driver
