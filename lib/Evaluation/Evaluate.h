// How much a model loses against another on samples.
#ifndef TENON_LIB_EVALUATION_EVALUATE_H
#define TENON_LIB_EVALUATION_EVALUATE_H

#include "lib/Calibration/DataSource.h"
#include "lib/Calibration/Metrics.h"
#include "lib/Evaluation/OutputLosses.h"
#include "lib/Session/Session.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include <functional>

namespace tenon::quantize {

/// What the caller thinks of a model; more is better.
using Metric = std::function<llvm::Expected<double>(Session &model, DataSource &data)>;

struct Evaluation {
  /// Of each floating point output.
  std::vector<OutputLoss> outputs;
  /// The largest noise of an output for its signal: of all samples together, and of each for the
  /// mean signal of all.
  double noise = 0;
  std::vector<double> sampleNoise;
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
  /// `alike` are samples that the models were fitted to. What they lose does not count, but how
  /// much they differ from each other, which is what few held-back samples hardly show.
  Evaluator(Session &reference, DataSource &data, Budget budget, Metric metric = {},
            DataSource *alike = nullptr)
      : reference(reference), data(data), budget(budget), metric(std::move(metric)), alike(alike) {}

  /// How many decisions of a run outputs follow, by their names (`OutputLosses`).
  using Decisions = llvm::StringMap<int64_t>;
  void setDecisions(Decisions counts) { decisions = std::move(counts); }

  /// Runs all samples. An error names the sample.
  llvm::Expected<Evaluation> evaluate(Session &candidate);

  /// Lets samples tell how much they differ, by a model.
  using Judge = llvm::function_ref<llvm::Error(Session &, DataSource &)>;
  /// The same where others than `alike` do: `visit` hands them over, in parts, each with a model
  /// that is like the candidate and that they had no part in.
  llvm::Expected<Evaluation> evaluate(Session &candidate,
                                      llvm::function_ref<llvm::Error(Judge)> visit);
  /// Whether losses are noise, of which others than the held-back samples tell anything.
  bool canUseOthers() const { return budget.kind != LossKind::Metric && !hasScores(); }

private:
  struct Sums;
  Sums startSums() const;
  llvm::Error addSamples(Session &candidate, DataSource &samples, int64_t count, Sums &sums);
  llvm::Error addSample(Session &candidate, Sample &sample, Sums &sums);
  /// Neither noise nor counts of agreement: labels and metrics.
  llvm::Expected<double> findOtherLoss(Session &candidate, const Sums &sums);
  bool hasScores() const { return budget.kind == LossKind::Top1 || budget.kind == LossKind::Top5; }

  Session &reference;
  DataSource &data;
  Budget budget;
  Metric metric;
  DataSource *alike;
  Decisions decisions;
  /// Of the reference.
  std::optional<double> referenceMetric;
};

} // namespace tenon::quantize

#endif
