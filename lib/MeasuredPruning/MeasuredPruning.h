// Pruning with samples: what tells which channels matter, what makes up for them, and how many may
// go.
//
// Part of the samples show what channels hold (ActivationMoments.h); that judges them
// (ActivationImportance.h) and changes what is left (Compensate.h). The others are held back to
// compare the smaller model with the whole one, by what `tenon quantize` compares with
// (lib/Evaluation). With a budget and no amount, the largest amount that keeps it is found by
// bisection over the choices that rounding tells apart.
#ifndef TENON_LIB_MEASUREDPRUNING_MEASUREDPRUNING_H
#define TENON_LIB_MEASUREDPRUNING_MEASUREDPRUNING_H

#include "lib/Evaluation/Evaluate.h"
#include "lib/MeasuredPruning/Compensate.h"

namespace tenon {

struct MeasuredPruneOptions {
  /// Which channels may go and, unless the budget is to say so, how many.
  PruneOptions prune;
  std::optional<quantize::Budget> budget;
  Compensation compensation = Compensation::LeastSquares;
  /// How models are compiled and run; shapes.
  quantize::ProbeOptions probe;
  /// For budgets of `metric`.
  quantize::Metric metric;
  /// Called as work goes on, with what it is, and how much of it is done.
  std::function<void(llvm::StringRef, int64_t, int64_t)> progress;
};

/// An amount that was tried.
struct PruneStep {
  double part = 0, predictedSpeedup = 1;
  quantize::Evaluation evaluation;
};

struct MeasuredPruneResult {
  /// Null if no amount keeps the budget.
  std::unique_ptr<ModelEditor> model;
  PruneReport report;
  /// In the order in which they were tried; `chosen` is the one of the model or, without one, of
  /// the least that loses too much.
  std::vector<PruneStep> steps;
  size_t chosen = 0;
  int64_t calibrationSamples = 0, heldBackSamples = 0;

  const PruneStep &getChosen() const { return steps[chosen]; }
};

/// What losses are stated in where there is no budget: signal to noise.
quantize::Budget getBudgetOf(const MeasuredPruneOptions &options);

/// An error says what `ChannelChooser` or running the model complains about. That the budget cannot
/// be kept is no error here.
llvm::Expected<MeasuredPruneResult> pruneWithData(const std::shared_ptr<ModelFile> &file,
                                                  quantize::DataSource &data,
                                                  const MeasuredPruneOptions &options);

} // namespace tenon

#endif
