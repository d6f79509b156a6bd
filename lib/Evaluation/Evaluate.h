// How much a model loses against another on samples.
#ifndef TENON_LIB_EVALUATION_EVALUATE_H
#define TENON_LIB_EVALUATION_EVALUATE_H

#include "lib/Calibration/DataSource.h"
#include "lib/Calibration/Metrics.h"
#include "lib/Evaluation/OutputLosses.h"
#include "lib/Session/Session.h"
#include <functional>

namespace tenon::quantize {

/// What the caller thinks of a model; more is better.
using Metric = std::function<llvm::Expected<double>(Session &model, DataSource &data)>;

struct Evaluation {
  /// Of each floating point output.
  std::vector<OutputLoss> outputs;
  /// The largest noise of an output for its signal.
  double noise = 0;
  /// In the budget's terms, of the worst output.
  double loss = 0;
  /// What other samples may lose (`boundNoise`): what the budget is held against. Of losses that
  /// are no noise, but counts or a caller's metric, it is what was measured.
  double bound = 0;
  bool holds = false;
};

/// Judges models by what they make of held-back samples, beside the model in fp32. No outputs are
/// kept.
class Evaluator {
public:
  Evaluator(Session &reference, DataSource &data, Budget budget, Metric metric = {})
      : reference(reference), data(data), budget(budget), metric(std::move(metric)) {}

  /// Runs all samples. An error names the sample.
  llvm::Expected<Evaluation> evaluate(Session &candidate);

private:
  struct Sums;
  llvm::Error addSample(Session &candidate, Sample &sample, Sums &sums);
  /// Neither noise nor counts of agreement: labels and metrics.
  llvm::Expected<double> findOtherLoss(Session &candidate, const Sums &sums);
  bool hasScores() const { return budget.kind == LossKind::Top1 || budget.kind == LossKind::Top5; }

  Session &reference;
  DataSource &data;
  Budget budget;
  Metric metric;
  /// Of the reference.
  std::optional<double> referenceMetric;
};

} // namespace tenon::quantize

#endif
