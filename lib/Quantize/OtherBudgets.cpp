// What was found within one budget may do for another (see the header).

#include "lib/Quantize/OtherBudgets.h"
#include "lib/Quantize/Costs.h"

namespace tenon::quantize {

/// Whether there is more to gain by `a` than by `b`.
static bool gainsMore(const QuantizeResult &a, const QuantizeResult &b, Objective objective) {
  if (objective == Objective::Size)
    return a.weightsAfter < b.weightsAfter;
  return isFaster(a.timeAfter, b.timeAfter);
}

const QuantizeResult *findBetter(const Budget &budget, const QuantizeResult *own,
                                 Objective objective, ResultsOfBudgets all) {
  const QuantizeResult *best = own && own->holds ? own : nullptr;
  for (const auto &[other, result] : all) {
    // What did not keep its own budget was not looked at closely.
    if (!result || !result->holds || other.kind != budget.kind ||
        !budget.holds(result->evaluation.bound))
      continue;
    if (!best || gainsMore(*result, *best, objective))
      best = result;
  }
  return best == own ? nullptr : best;
}

} // namespace tenon::quantize
