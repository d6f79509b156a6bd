// What ranges of activations do to the outputs of a model.
//
// One model is compiled for all trials, whose further inputs say which tensors are rounded, and
// with which scales and zero points (Switches.h). Weights stay as they are.
#ifndef TENON_LIB_QUANTIZE_RANGETRIALS_H
#define TENON_LIB_QUANTIZE_RANGETRIALS_H

#include "lib/Calibration/ProbedModel.h"
#include "lib/Quantize/ExpectedSamples.h"
#include "lib/Quantize/TensorRecipes.h"

namespace tenon::quantize {

/// A class of tensors that share a range, and how it is rounded.
struct RoundedClass {
  unsigned number;
  float scale = 1;
  int64_t zeroPoint = 0;
};

/// All that is rounded at once.
using RangeTrial = std::vector<RoundedClass>;

struct RangeTrialOptions {
  ProbeOptions probe;
  /// Of the codes.
  int32_t dtype = TENON_UINT8;
  /// Whether additions of shortcuts and the like read what products read.
  bool shortcutsAreBytes = true;
  /// Called after each run.
  std::function<void()> progress;
};

class RangeTrials {
public:
  static llvm::Expected<RangeTrials> create(const std::shared_ptr<ModelFile> &model,
                                            const QuantizationPlan &plan,
                                            const RangeTrialOptions &options);

  const Session &getSession() const { return session; }
  /// Whether any product reads a tensor of the class.
  bool has(unsigned number) const { return read[number]; }

  /// Runs each trial on the samples, and adds what it loses to its losses, one of each output.
  llvm::Error run(llvm::ArrayRef<RangeTrial> trials, DataSource &data,
                  llvm::MutableArrayRef<std::vector<TensorLoss>> losses);

private:
  RangeTrials(Session session, std::vector<bool> read, const RangeTrialOptions &options)
      : session(std::move(session)), read(std::move(read)), dtype(options.dtype),
        progress(options.progress) {}
  llvm::Expected<llvm::ArrayRef<tenon_value>> runOnce(Sample &sample, const RangeTrial &trial);

  Session session;
  /// Of each class.
  std::vector<bool> read;
  int32_t dtype;
  std::function<void()> progress;
};

} // namespace tenon::quantize

#endif
