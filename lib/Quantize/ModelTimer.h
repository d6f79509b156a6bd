// Models that are compiled, loaded and measured.
#ifndef TENON_LIB_QUANTIZE_MODELTIMER_H
#define TENON_LIB_QUANTIZE_MODELTIMER_H

#include "lib/Calibration/ProbedModel.h"
#include "lib/Quantize/Costs.h"

namespace tenon::quantize {

/// A model that runs, and its kernels' times.
struct MeasuredModel {
  Session session;
  driver::CompileReport report;
  KernelCosts kernels;
  /// What records know it by, and whether they did before.
  std::string key;
  bool isRecorded = false;
};

/// Measures models on the first of some samples, and keeps what it measures.
class ModelTimer {
public:
  /// `records` is where times are kept; empty if nowhere.
  ModelTimer(ProbeOptions probe, DataSource &data, std::string records)
      : probe(std::move(probe)), data(data), records(std::move(records)) {}

  llvm::Expected<MeasuredModel> measure(const std::shared_ptr<ModelFile> &model,
                                        const driver::PrecisionOption &precision = {});

  /// Measures models once more, one after the other: what else the machine does slows down one for
  /// seconds, and not the next.
  llvm::Error measureInTurn(llvm::ArrayRef<MeasuredModel *> models);

private:
  llvm::Error measureAgain(MeasuredModel &model);

  ProbeOptions probe;
  DataSource &data;
  CostRecords records;
};

} // namespace tenon::quantize

#endif
