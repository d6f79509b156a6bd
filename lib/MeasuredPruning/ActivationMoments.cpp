// See the header.

#include "lib/MeasuredPruning/ActivationMoments.h"
#include "lib/Calibration/Floats.h"
#include "llvm/ADT/Sequence.h"
#include <numeric>

using namespace llvm;

namespace tenon {

/// Of one sample.
static constexpr int64_t kMostPositions = 1024;

/// [channels, positions].
static Eigen::MatrixXf gatherPositions(const tenon_tensor &tensor, int64_t axis,
                                       std::vector<float> &storage) {
  ArrayRef<int64_t> dims(tensor.dims, tensor.rank);
  auto multiply = [](ArrayRef<int64_t> sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
  };
  int64_t channels = dims[axis], inner = multiply(dims.drop_front(axis + 1)),
          all = multiply(dims.take_front(axis)) * inner,
          step = quantize::findPositionStep(all, kMostPositions);
  const float *numbers = quantize::toFloats(tensor, storage).data();
  Eigen::MatrixXf taken(channels, (all + step - 1) / step);
  for (int64_t column = 0, position = 0; position < all; ++column, position += step) {
    const float *first = numbers + position / inner * channels * inner + position % inner;
    for (int64_t channel : seq(channels))
      taken(channel, column) = first[channel * inner];
  }
  return taken;
}

Error ChannelMoments::observe(const tenon_tensor &tensor) {
  if (axis >= tensor.rank)
    return makeError("a tensor of rank " + Twine(tensor.rank) + " has no axis " + Twine(axis));
  Eigen::MatrixXf taken = gatherPositions(tensor, axis, storage);
  if (taken.cols() == 0)
    return Error::success();
  if (seen == 0) {
    shift = taken.rowwise().mean();
    sums = squares = Eigen::VectorXd::Zero(taken.rows());
    if (withProducts)
      products = Eigen::MatrixXf::Zero(taken.rows(), taken.rows());
  }
  if (taken.rows() != sums.size())
    return makeError("axis " + Twine(axis) + " has " + Twine(taken.rows()) +
                     " channels here and had " + Twine(sums.size()) + " before");
  taken.colwise() -= shift;
  seen += taken.cols();
  sums += taken.cast<double>().rowwise().sum();
  squares += taken.cast<double>().rowwise().squaredNorm();
  if (withProducts)
    products.selfadjointView<Eigen::Lower>().rankUpdate(taken);
  return Error::success();
}

Eigen::VectorXd ChannelMoments::getMeans() const {
  return sums / static_cast<double>(seen) + shift.cast<double>();
}

Eigen::VectorXd ChannelMoments::getVariances() const {
  Eigen::VectorXd means = sums / static_cast<double>(seen);
  return (squares / static_cast<double>(seen) - means.cwiseAbs2()).cwiseMax(0);
}

Eigen::MatrixXd ChannelMoments::getCovariances() const {
  Eigen::MatrixXf full = products.selfadjointView<Eigen::Lower>();
  Eigen::VectorXd means = sums / static_cast<double>(seen);
  return full.cast<double>() / static_cast<double>(seen) - means * means.transpose();
}

std::string ActivationMoments::makeKey(const WeightedSum &sum) {
  return (sum.input + ":" + Twine(sum.inputAxis)).str();
}

Expected<ActivationMoments> ActivationMoments::measure(const std::shared_ptr<ModelFile> &file,
                                                       const PrunableModel &model,
                                                       quantize::DataSource &data,
                                                       const quantize::CalibrateOptions &options,
                                                       bool withProducts) {
  ActivationMoments result;
  std::vector<quantize::Observed> observed;
  const ChannelGroups &groups = model.getGroups();
  for (const WeightedSum &sum : groups.getSums()) {
    Axis axis = groups.getSets().getAxes(sum.input)[sum.inputAxis];
    auto type = model.getTypes().find(sum.input);
    if (sum.weightsIn < 0 || !axis || groups.getSets().isPinned(axis) ||
        model.getEditor().isConstant(sum.input) || !isFloatingPoint(type->second.dtype))
      continue;
    auto [entry, isNew] = result.moments.try_emplace(makeKey(sum));
    if (!isNew)
      continue;
    entry->second = std::make_unique<ChannelMoments>(
        sum.inputAxis, withProducts && axis.size <= mostProductChannels);
    observed.push_back({sum.input.str(), entry->second.get()});
  }
  if (Error error = quantize::observeTensors(file, observed, data, options))
    return std::move(error);
  return std::move(result);
}

const ChannelMoments *ActivationMoments::find(const WeightedSum &sum) const {
  auto entry = moments.find(makeKey(sum));
  return entry == moments.end() || entry->second->size() == 0 ? nullptr : entry->second.get();
}

} // namespace tenon
