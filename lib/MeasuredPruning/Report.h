// What pruning with samples found, as text and as JSON.
#ifndef TENON_LIB_MEASUREDPRUNING_REPORT_H
#define TENON_LIB_MEASUREDPRUNING_REPORT_H

#include "lib/MeasuredPruning/MeasuredPruning.h"
#include "llvm/Support/JSON.h"

namespace tenon {

/// The table of what was removed, and what was measured.
std::string formatMeasuredReport(const MeasuredPruneResult &result,
                                 const MeasuredPruneOptions &options);

/// That of pruning, and "measured".
llvm::json::Object toJson(const MeasuredPruneResult &result, const MeasuredPruneOptions &options);

/// Why a result without a model has none.
std::string describeBrokenBudget(const MeasuredPruneResult &result,
                                 const MeasuredPruneOptions &options);

} // namespace tenon

#endif
