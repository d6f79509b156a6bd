// What recipes lose, as repairs are compared.
#ifndef TENON_LIB_QUANTIZE_REPAIRJUDGE_H
#define TENON_LIB_QUANTIZE_REPAIRJUDGE_H

#include "lib/Calibration/ProbedModel.h"
#include "lib/Evaluation/Evaluate.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

/// Compares what a model makes of samples as recipes have it with what it makes of them in fp32, by
/// the noise of its outputs, or of the scores behind them (Scores.h).
/// Where outputs are small, each sample is looked at several times (FainterSamples.h), and counts
/// as one with the mean of its noise.
class RepairJudge {
public:
  static llvm::Expected<RepairJudge> create(const std::shared_ptr<ModelFile> &model,
                                            DataSource &samples, const ProbeOptions &probe);

  llvm::Expected<Evaluation> measure(const Recipe &recipe);

private:
  RepairJudge(std::shared_ptr<ModelFile> model, DataSource &samples, ProbeOptions probe,
              Session reference, int64_t times)
      : model(std::move(model)), samples(samples), probe(std::move(probe)),
        reference(std::move(reference)), times(times) {}

  std::shared_ptr<ModelFile> model;
  DataSource &samples;
  ProbeOptions probe;
  Session reference;
  /// How often each sample is looked at.
  int64_t times;
};

} // namespace tenon::quantize

#endif
