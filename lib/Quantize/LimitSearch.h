// The search for the fastest assignment whose whole model keeps a budget.
#ifndef TENON_LIB_QUANTIZE_LIMITSEARCH_H
#define TENON_LIB_QUANTIZE_LIMITSEARCH_H

#include "lib/Evaluation/Evaluate.h"
#include "lib/Quantize/Assign.h"
#include "lib/Quantize/Recipe.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace tenon::quantize {

/// An assignment, what its model loses, and what it takes: nanoseconds and bytes.
struct Validation {
  Choices choices;
  Recipe recipe;
  Evaluation evaluation;
  /// What there should be little of.
  double cost = 0;
  double time = 0;
  int64_t weightsBytes = 0;
  /// What the model takes in fp32.
  double originalTime = 0;
};

/// Noise of groups adds up only about, and other losses follow it in ways of their own. So the
/// limit on noise is found by trying: wider as long as the budget holds, narrower where it does
/// not, and in between then, until there is next to nothing to gain. What conversions cost is
/// hardly known before: they start kernels of their own, or keep others from being fused. Where a
/// whole model takes longer than expected, they cost more from then on.
class LimitSearch {
public:
  LimitSearch(AssignmentProblem problem, const Budget &budget, int64_t maxValidations)
      : problem(std::move(problem)), budget(budget), left(maxValidations) {}

  using Validate = llvm::function_ref<llvm::Expected<Validation>(const Choices &)>;

  /// The assignment of the least cost that holds the budget or, if none does, the one that loses
  /// least. nullopt if no group gains by anything.
  llvm::Expected<std::optional<Validation>> run(Validate validate);

private:
  llvm::Error consider(const Choices &choices, Validate validate);
  bool learnConversions(const Validation &validation);
  double getNextLimit(double limit, const Validation &last) const;
  Choices findLeastLossy() const;
  bool canGain() const;

  AssignmentProblem problem;
  const Budget &budget;
  int64_t left;
  std::vector<Validation> tried;
  /// The largest limit that held, and the least that did not.
  double held = 0, broken = INFINITY;
};

} // namespace tenon::quantize

#endif
