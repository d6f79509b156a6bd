// What was found within one budget may do for another.
#ifndef TENON_LIB_QUANTIZE_OTHERBUDGETS_H
#define TENON_LIB_QUANTIZE_OTHERBUDGETS_H

#include "lib/Quantize/Quantize.h"

namespace tenon::quantize {

/// Budgets and, where something was found within them, what; or null.
using ResultsOfBudgets = llvm::ArrayRef<std::pair<Budget, const QuantizeResult *>>;

/// The result of any that keeps `budget` and gains most, or null if it gains no more than `own` by
/// what measurements differ by. Each search tries a few assignments only, and times its kernels
/// anew after repairs, so that a stricter budget may have found more. `own` is null where nothing
/// was found within the budget.
const QuantizeResult *findBetter(const Budget &budget, const QuantizeResult *own,
                                 Objective objective, ResultsOfBudgets all);

} // namespace tenon::quantize

#endif
