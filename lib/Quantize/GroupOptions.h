// What the groups of a model may have: precisions with times and noise, both measured.
#ifndef TENON_LIB_QUANTIZE_GROUPOPTIONS_H
#define TENON_LIB_QUANTIZE_GROUPOPTIONS_H

#include "lib/Quantize/Assign.h"
#include "lib/Quantize/ModelTimer.h"
#include "lib/Quantize/RecipeParts.h"
#include "lib/Quantize/Sensitivity.h"

namespace tenon::quantize {

/// One group, for reports.
struct GroupReport {
  std::vector<std::string> nodes;
  /// The first tensor that it reads.
  std::string tensor;
  NodePrecision precision = NodePrecision::F32;
  /// Of each precision that it could have, fp32 first, the time in nanoseconds and the noise that
  /// it alone brings to the outputs.
  struct Option {
    NodePrecision precision;
    double time = 0, noise = 0;
  };
  std::vector<Option> options;
  /// Why it has this precision.
  std::string reason;

  const Option &getChosen() const;
};

/// What there should be little of within the budget.
enum class Objective {
  /// Measured time on this processor.
  Time,
  /// Bytes of weights: for models that run elsewhere. Time where they are equal.
  Size
};

struct NoiseMeasurement {
  ProbeOptions probe;
  /// Nanoseconds that a run of the model takes in fp32.
  double runTime = 0;
  /// Called after each run with what is measured, how much is done and of how much.
  std::function<void(const std::string &, int64_t, int64_t)> progress;
};

/// The groups of a model, and what each of them may have.
struct GroupOptions {
  std::vector<Group> groups;
  /// One of each group; what is chosen is not known yet.
  std::vector<GroupReport> reports;

  /// Forms the groups, and compiles the model in each precision for the times. There is no noise
  /// yet.
  static llvm::Expected<GroupOptions> create(const RecipeParts &parts,
                                             llvm::ArrayRef<NodePrecision> allow,
                                             MeasuredModel &reference, ModelTimer &timer);
  /// Measures the noise of each option by `adjusted`, which is the model with the recipe's
  /// adjustments.
  llvm::Error measureNoise(const RecipeParts &parts, const std::shared_ptr<ModelFile> &adjusted,
                           DataSource &data, const NoiseMeasurement &measurement);

  /// The problem whose choices are the reports' options.
  llvm::Expected<AssignmentProblem> formProblem(const RecipeParts &parts, Objective objective,
                                                const KernelCosts &reference);
};

} // namespace tenon::quantize

#endif
