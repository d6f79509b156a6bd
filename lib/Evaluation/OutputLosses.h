// What the outputs of a model lose against others, over many samples, in the terms of a budget.
#ifndef TENON_LIB_EVALUATION_OUTPUTLOSSES_H
#define TENON_LIB_EVALUATION_OUTPUTLOSSES_H

#include "lib/Calibration/Metrics.h"
#include "lib/Evaluation/Budget.h"
#include "lib/Evaluation/OutputLoss.h"

namespace tenon::quantize {

class OutputLosses {
public:
  /// Of a budget that ranks classes, the first output has their scores.
  explicit OutputLosses(const Budget &budget) : budget(budget) {}

  /// A number of decisions that only a run tells: one for each number of the output.
  static constexpr int64_t asManyAsNumbers = -1;
  /// A floating point output; they are counted from 0. It may follow so many decisions of a run,
  /// none of which is known to be made in the same way in other samples.
  void addOutput(llvm::StringRef name, int64_t decisions = 0) {
    outputs.push_back({name.str(), {}, decisions});
  }
  size_t count() const { return outputs.size(); }
  /// Adds a sample of one of them.
  llvm::Error add(size_t output, const tenon_tensor &expected, const tenon_tensor &got);

  std::vector<OutputLoss> summarize() const;
  /// Of each sample the largest noise of an output, for the mean signal that the output has.
  std::vector<double> findSampleNoise() const;
  /// In the budget's terms, of the worst output. Not of a metric, which says so itself.
  double findLoss() const { return findWorst({}); }
  /// What other samples may lose (`boundNoise`); of classes, what these do. `alike` has the losses
  /// of further samples, whose noise differs as much from each other.
  ///
  /// Where an output follows decisions, three more of all that were made may differ in others, with
  /// a confidence of 95% if none did here (the rule of three), and each may move its part of the
  /// output by all of its range.
  double findBound(const OutputLosses &alike) const;

private:
  /// With this many times the noise of each output, once if there are none.
  double findWorst(llvm::ArrayRef<double> times) const;
  struct Output {
    std::string name;
    TensorLoss loss;
    int64_t decisions;
  };
  static double boundTimes(const Output &own, const Output &other);
  bool hasScores() const { return budget.kind == LossKind::Top1 || budget.kind == LossKind::Top5; }

  Budget budget;
  std::vector<Output> outputs;
  TopAccuracy agreement{1}, agreementOfFive{5};
};

} // namespace tenon::quantize

#endif
