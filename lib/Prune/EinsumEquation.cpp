// See the header.

#include "lib/Prune/EinsumEquation.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tenon {

static bool hasRepeatedLabel(StringRef labels) {
  return any_of(labels, [&](char label) { return labels.count(label) > 1; });
}

/// Those that appear once, in order.
static std::string makeImplicitResult(StringRef all) {
  std::string result;
  for (char label : all)
    if (label != ',' && all.count(label) == 1)
      result += label;
  sort(result);
  return result;
}

std::optional<EinsumEquation> EinsumEquation::parse(StringRef text) {
  std::string compact;
  copy_if(text, std::back_inserter(compact), [](char each) { return each != ' '; });
  if (StringRef(compact).contains('.'))
    return std::nullopt;
  auto [left, right] = StringRef(compact).split("->");
  EinsumEquation equation;
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  for (StringRef term : terms)
    equation.operands.push_back(term.str());
  bool isImplicit = !StringRef(compact).contains("->");
  equation.result = isImplicit ? makeImplicitResult(left) : right.str();
  if (any_of(equation.operands, hasRepeatedLabel) || hasRepeatedLabel(equation.result))
    return std::nullopt;
  return equation;
}

} // namespace tenon
