// Lowers the precision of a model as far as a budget allows: what `tenon quantize` and the Python
// module stand on.
//
// Calibration sees the tensors that products read. Repairs (Repair.h) are kept where they help and
// where the narrowest precision does not keep the budget without them. Groups of products
// (Groups.h) get a choice of precisions, each with a measured time (Costs.h) and a measured noise
// at the outputs (Sensitivity.h; GroupOptions.h). The fastest assignment within a limit on noise
// (Assign.h) is compiled, run on samples that calibration did not see, and compared with fp32
// (Evaluate.h), also with ranges that those of calibration had no part in (CrossValidation.h); then
// the limit moves until the budget holds and is used.
#ifndef TENON_LIB_QUANTIZE_QUANTIZE_H
#define TENON_LIB_QUANTIZE_QUANTIZE_H

#include "lib/Evaluation/Budget.h"
#include "lib/Evaluation/Evaluate.h"
#include "lib/Quantize/Decisions.h"
#include "lib/Quantize/GroupOptions.h"
#include "lib/Quantize/Improve.h"

namespace tenon::quantize {

struct QuantizeOptions {
  Budget budget;
  Objective objective = Objective::Time;
  /// What groups may have beside fp32.
  std::vector<NodePrecision> allow = {NodePrecision::Int8, NodePrecision::BF16};
  /// Target and shapes; where it is written to does not matter.
  driver::CompileOptions compile;
  TensorOptions tensors;
  /// Of runs; 0 is one per core.
  int32_t threads = 0;
  /// For budgets of `metric`.
  Metric metric;
  /// Whether repairs are tried.
  bool repair = true;
  /// Where kernel times are kept; empty if nowhere.
  std::string records;
  /// Assignments that are compiled and run on all held-back samples, at most.
  int64_t maxValidations = 12;
  /// Called as work goes on, with what it is, and how much of it is done.
  std::function<void(llvm::StringRef, int64_t, int64_t)> progress;
};

struct QuantizeResult {
  /// Whether the budget holds with something lowered. If not, the rest is about the best assignment
  /// that was found.
  bool holds = false;
  Recipe recipe;
  Evaluation evaluation;
  std::vector<GroupReport> groups;
  /// Those that were tried on the model in its narrowest precision.
  std::vector<RepairReport> repairs;
  int64_t validations = 0;
  /// Of outputs that follow any.
  llvm::StringMap<Decision> decisions;
  /// Of the compiled models: nanoseconds of a run, and bytes of weights.
  double timeBefore = 0, timeAfter = 0;
  int64_t weightsBefore = 0, weightsAfter = 0;
};

/// Quantizes with data: samples are split into those for calibration and those held back.
llvm::Expected<QuantizeResult> quantize(const std::shared_ptr<ModelFile> &model, DataSource &data,
                                        const QuantizeOptions &options);

/// The same within each of some budgets, `options.budget` aside. What depends on none is found
/// once; what repairs of one budget change stays for those behind it, so looser ones come first.
/// What was found within one budget serves for the others that it keeps, if it gains more.
std::vector<llvm::Expected<QuantizeResult>> quantizeEach(const std::shared_ptr<ModelFile> &model,
                                                         DataSource &data,
                                                         const QuantizeOptions &options,
                                                         llvm::ArrayRef<Budget> budgets);

/// The recipe without data: weights of matrix products are stored in the narrowest of the allowed
/// precisions, and all else that is allowed applies where that does not. Nothing is measured. An
/// error if nothing of the model can be lowered like this.
llvm::Expected<Recipe> quantizeWeights(const std::shared_ptr<ModelFile> &model,
                                       const QuantizeOptions &options);

} // namespace tenon::quantize

#endif
