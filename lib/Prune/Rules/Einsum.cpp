// Einsum: axes with one label go together. One that is summed over in two operands is what a
// product sums over, one that is summed over in a single operand must stay.

#include "lib/Prune/Coupling.h"
#include "lib/Prune/EinsumEquation.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tenon {
/// Tells of a product of an activation with a matrix of weights whose results are the last axis,
/// and else only that weights make channels.
static void addSum(Coupler &c, const EinsumEquation &equation, StringRef summed) {
  StringRef left = equation.operands[0], right = equation.operands[1], result = equation.result;
  bool isMatrix = right.size() == 2 && summed.size() == 1 && c.isKnown(c.getInput(1)) &&
                  !c.isKnown(c.getInput(0)) && right.contains(result.take_back()) &&
                  !left.contains(result.take_back()) && !result.empty();
  if (!isMatrix) {
    for (char label : summed) {
      c.addOpaqueRead(c.getAxis(c.getInput(0), left.find(label)));
      c.addOpaqueRead(c.getAxis(c.getInput(1), right.find(label)));
    }
    if (c.isKnown(c.getInput(1)))
      for (auto [axis, label] : enumerate(result))
        if (right.contains(label) && !left.contains(label))
          c.addSum({.input = c.getInput(0),
                    .weights = c.getInput(1),
                    .result = c.getOutput(0),
                    .weightsIn = -1,
                    .weightsOut = -1,
                    .resultAxis = static_cast<int64_t>(axis)});
    return;
  }
  c.addSum({.input = c.getInput(0),
            .weights = c.getInput(1),
            .result = c.getOutput(0),
            .inputAxis = static_cast<int64_t>(left.find(summed.front())),
            .weightsIn = static_cast<int64_t>(right.find(summed.front())),
            .weightsOut = static_cast<int64_t>(right.find(result.back())),
            .resultAxis = static_cast<int64_t>(result.size()) - 1});
}

static void coupleEinsum(Coupler &c) {
  std::optional<EinsumEquation> equation =
      EinsumEquation::parse(getString(c.getNode(), "equation", ""));
  bool isSimple = equation && c.getNumInputs() <= 2 &&
                  static_cast<int>(equation->operands.size()) == c.getNumInputs();
  for (int number = 0; isSimple && number < c.getNumInputs(); ++number)
    isSimple =
        c.getRank(c.getInput(number)) == static_cast<int64_t>(equation->operands[number].size());
  if (!isSimple)
    return c.pinAll("the equation of " + c.describe() + " is no product of two");
  StringRef result = equation->result;
  std::string summed;
  for (auto [number, term] : enumerate(equation->operands))
    for (auto [axis, label] : enumerate(term)) {
      StringRef value = c.getInput(number);
      size_t other = number == 0 && c.getNumInputs() == 2
                         ? StringRef(equation->operands[1]).find(label)
                         : StringRef::npos;
      if (size_t at = result.find(label); at != StringRef::npos) {
        c.unite(c.getAxis(value, axis), c.getAxis(c.getOutput(0), at));
      } else if (other != StringRef::npos) {
        c.uniteSummed(value, axis, c.getInput(1), other);
        summed += label;
      } else if (!StringRef(summed).contains(label)) {
        c.pin(c.getAxis(value, axis), c.describe() + " sums over it");
      }
    }
  if (c.getNumInputs() == 2)
    addSum(c, *equation, summed);
}

void addEinsumRules(CouplingRules &rules) { rules.add({"Einsum"}, {coupleEinsum}); }

} // namespace tenon
