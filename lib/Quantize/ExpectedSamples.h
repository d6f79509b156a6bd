// Samples with what a model makes of them in fp32, to compare many changes of it with.
#ifndef TENON_LIB_QUANTIZE_EXPECTEDSAMPLES_H
#define TENON_LIB_QUANTIZE_EXPECTEDSAMPLES_H

#include "lib/Calibration/DataSource.h"
#include "lib/Calibration/Metrics.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace tenon::quantize {

struct ExpectedSample {
  Sample sample;
  /// The floating point outputs, with their numbers among all.
  std::vector<std::pair<size_t, Tensor>> outputs;

  int64_t countBytes() const;
  /// Adds what a changed model lost to the losses of the outputs, one of each.
  llvm::Error addLosses(llvm::ArrayRef<tenon_value> got, std::vector<TensorLoss> &losses);
};

/// Runs a sample; the result lives until the next run.
using RunSample = llvm::function_ref<llvm::Expected<llvm::ArrayRef<tenon_value>>(Sample &)>;
using UseBatch = llvm::function_ref<llvm::Error(llvm::MutableArrayRef<ExpectedSample>)>;

/// Passes the first samples in batches of as many as take 32 MiB together, one at least.
/// `runUnchanged` runs the model as it is.
llvm::Error visitBatches(DataSource &data, int64_t samples, RunSample runUnchanged, UseBatch use);

/// The largest noise of an output for its signal.
double findLargestNoise(llvm::ArrayRef<TensorLoss> outputs);

} // namespace tenon::quantize

#endif
