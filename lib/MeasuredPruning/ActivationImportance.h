// How much a channel matters, judged by what it adds to sums.
#ifndef TENON_LIB_MEASUREDPRUNING_ACTIVATIONIMPORTANCE_H
#define TENON_LIB_MEASUREDPRUNING_ACTIVATIONIMPORTANCE_H

#include "lib/MeasuredPruning/Compensate.h"

namespace tenon {

/// For each group a number for each unit: the root of the mean square of what its channels add to
/// the sums that read them, and where that goes into biases, of what these leave. Groups that no
/// such sum reads are judged by their weights.
llvm::Expected<std::vector<std::vector<double>>>
measureActivationImportance(const PrunableModel &model, const ActivationMoments &moments,
                            Compensation how);

} // namespace tenon

#endif
