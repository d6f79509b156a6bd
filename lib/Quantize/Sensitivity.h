// What each group's precision does to the outputs.
#ifndef TENON_LIB_QUANTIZE_SENSITIVITY_H
#define TENON_LIB_QUANTIZE_SENSITIVITY_H

#include "lib/Calibration/ProbedModel.h"
#include "lib/Quantize/Groups.h"
#include "lib/Quantize/TensorRecipes.h"

namespace tenon::quantize {

struct SensitivityOptions {
  ProbeOptions probe;
  /// So many samples are used, or fewer.
  int64_t samples = 4;
  /// Whether additions of shortcuts and the like read what int8 products read.
  bool shortcutsAreBytes = true;
  /// Called after each run with how many are done, of how many.
  std::function<void(int64_t, int64_t)> progress;
};

/// For each group the noise of the outputs for their signal (the largest of all outputs) where this
/// group alone has the precision, and everything else is fp32; infinite where nothing of the group
/// can have it. `activations` and `weights` say how tensors are quantized. Needs one compilation,
/// and a run for each group and sample.
llvm::Expected<std::vector<double>>
measureSensitivity(const std::shared_ptr<ModelFile> &model, const QuantizationPlan &plan,
                   llvm::ArrayRef<Group> groups, NodePrecision precision,
                   const TensorRecipes &activations, const TensorRecipes &weights, DataSource &data,
                   const SensitivityOptions &options = {});

} // namespace tenon::quantize

#endif
