// What a model's tensors hold when it runs on samples: what quantization is decided by.
#ifndef TENON_LIB_CALIBRATION_CALIBRATE_H
#define TENON_LIB_CALIBRATION_CALIBRATE_H

#include "lib/Calibration/Histogram.h"
#include "lib/Calibration/ProbedModel.h"
#include "lib/Editing/ValueTypes.h"
#include "llvm/ADT/StringMap.h"
#include <functional>

namespace tenon::quantize {

/// Sees a tensor in each run.
class Observer {
public:
  virtual ~Observer() = default;
  virtual llvm::Error observe(const tenon_tensor &tensor) = 0;
};

struct Observed {
  std::string tensor;
  Observer *observer;
};

struct CalibrateOptions {
  ProbeOptions probe;
  /// Tensors are observed in several rounds where they would take more than this together.
  int64_t bytesPerRound = int64_t(256) << 20;
  /// Called after each run with how many are done, of how many.
  std::function<void(int64_t, int64_t)> progress;
};

/// Runs a model in fp32 on all samples and shows tensors to their observers. Each sample is in
/// memory alone. An error if there is no sample.
llvm::Error observeTensors(const std::shared_ptr<ModelFile> &model,
                           llvm::ArrayRef<Observed> tensors, DataSource &data,
                           const CalibrateOptions &options = {});

/// Consecutive tensors that take no more than this together, or one that does.
std::vector<std::vector<std::string>> divideTensors(llvm::ArrayRef<std::string> tensors,
                                                    const llvm::StringMap<ValueType> &types,
                                                    int64_t bytesPerRound);

/// The step with which so many of `all` positions are taken, evenly; odd, so that it is no divisor
/// of the usual sizes of rows.
inline int64_t findPositionStep(int64_t all, int64_t wanted) {
  int64_t step = std::max<int64_t>(1, all / wanted);
  return step > 1 ? step | 1 : 1;
}

/// Histograms of floating point tensors by their names, in one pass over the samples.
llvm::Expected<llvm::StringMap<Histogram>> calibrate(const std::shared_ptr<ModelFile> &model,
                                                     llvm::ArrayRef<std::string> tensors,
                                                     DataSource &data,
                                                     const CalibrateOptions &options = {});

/// The same apart for some parts of the samples, which belong to them in turns.
llvm::Expected<std::vector<llvm::StringMap<Histogram>>>
calibrateInParts(const std::shared_ptr<ModelFile> &model, llvm::ArrayRef<std::string> tensors,
                 DataSource &data, int64_t parts, const CalibrateOptions &options = {});

/// What is known of each channel of a tensor.
struct ChannelStatistics {
  /// Elements per channel.
  int64_t count = 0;
  std::vector<float> min, max;
  std::vector<double> sum, squares;

  float absMax(size_t channel) const { return std::max(-min[channel], max[channel]); }
  double mean(size_t channel) const { return sum[channel] / static_cast<double>(count); }
};

class ChannelObserver : public Observer {
public:
  /// A negative axis counts from the last one.
  explicit ChannelObserver(int64_t axis) : axis(axis) {}
  llvm::Error observe(const tenon_tensor &tensor) override;
  const ChannelStatistics &get() const { return statistics; }

private:
  int64_t axis;
  ChannelStatistics statistics;
  std::vector<float> storage;
};

} // namespace tenon::quantize

#endif
