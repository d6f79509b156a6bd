// What the channels hold that weighted sums read: means and second moments over samples.
#ifndef TENON_LIB_MEASUREDPRUNING_ACTIVATIONMOMENTS_H
#define TENON_LIB_MEASUREDPRUNING_ACTIVATIONMOMENTS_H

#include "lib/Calibration/Calibrate.h"
#include "lib/Prune/Prune.h"
#include <Eigen/Core>

namespace tenon {

/// Moments of the channels on one axis of a tensor, over evenly chosen positions of each sample.
class ChannelMoments : public quantize::Observer {
public:
  /// Products of channels take `channels * channels` numbers.
  ChannelMoments(int64_t axis, bool withProducts) : axis(axis), withProducts(withProducts) {}

  llvm::Error observe(const tenon_tensor &tensor) override;

  int64_t size() const { return sums.size(); }
  int64_t countPositions() const { return seen; }
  bool hasProducts() const { return withProducts; }
  Eigen::VectorXd getMeans() const;
  Eigen::VectorXd getVariances() const;
  /// Of each two channels; needs products.
  Eigen::MatrixXd getCovariances() const;

private:
  int64_t axis;
  bool withProducts;
  int64_t seen = 0;
  /// The means of the first sample, which are taken away so that f32 is enough for products.
  Eigen::VectorXf shift;
  Eigen::VectorXd sums, squares;
  Eigen::MatrixXf products;
  std::vector<float> storage;
};

/// Those of all inputs of a model's weighted sums that can lose channels.
class ActivationMoments {
public:
  /// Runs the model on all samples. `withProducts` as far as a tensor has no more than
  /// `mostProductChannels` channels.
  static llvm::Expected<ActivationMoments>
  measure(const std::shared_ptr<ModelFile> &file, const PrunableModel &model,
          quantize::DataSource &data, const quantize::CalibrateOptions &options, bool withProducts);
  static constexpr int64_t mostProductChannels = 4096;

  /// Null if the sum's input was not looked at.
  const ChannelMoments *find(const WeightedSum &sum) const;

private:
  static std::string makeKey(const WeightedSum &sum);

  llvm::StringMap<std::unique_ptr<ChannelMoments>> moments;
};

} // namespace tenon

#endif
