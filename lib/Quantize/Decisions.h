// Outputs of a model that follow decisions: ArgMax and the like, on numbers that products compute.
//
// Where two numbers are nearly the same, a little noise decides for the other one, and what follows
// is as far off as it can be. How often that happens no noise of other samples tells, so a bound of
// it is another one (OutputLosses).
#ifndef TENON_LIB_QUANTIZE_DECISIONS_H
#define TENON_LIB_QUANTIZE_DECISIONS_H

#include "lib/Quantize/Plan.h"

namespace tenon::quantize {

/// What an output follows.
struct Decision {
  std::string node, op;
  /// How often it is made in a run; nullopt if that depends on the inputs.
  std::optional<int64_t> count;
};

/// Of each output that follows decisions, the one that is made least often; those inside of If,
/// Loop and Scan count as one. TopK is none: what it leaves is mostly weighed by how near the
/// numbers are to each other, as experts are, and next to nothing changes where they are the same.
llvm::StringMap<Decision> findDecisions(const ModelEditor &model, const ValueTypes &types,
                                        const QuantizationPlan &plan);

} // namespace tenon::quantize

#endif
