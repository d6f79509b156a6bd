// See the header for the equations.

#include "lib/MeasuredPruning/Compensate.h"
#include "lib/Editing/ConvolutionWindow.h"
#include "lib/Prune/AddedBiases.h"
#include "lib/Prune/Slices.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"
#include <Eigen/Cholesky>

using namespace llvm;

namespace tenon {

std::optional<Compensation> parseCompensation(StringRef text) {
  return StringSwitch<std::optional<Compensation>>(text)
      .Case("none", Compensation::None)
      .Case("mean", Compensation::Mean)
      .Case("least-squares", Compensation::LeastSquares)
      .Default(std::nullopt);
}

namespace {

class Compensator {
public:
  Compensator(PrunableModel &model, const BitVector &removed, const ActivationMoments &moments,
              Compensation how)
      : editor(model.getEditor()), types(model.getTypes()), groups(model.getGroups()),
        removed(removed), moments(moments), how(how), cache(editor),
        biases(editor, types, groups, cache) {}

  Error run();

private:
  /// How removed channels follow from kept ones: x_r = slopes x_k + offsets.
  struct Prediction {
    Eigen::MatrixXd slopes; // [removed, kept]
    Eigen::VectorXd offsets;
  };

  void compensate(const WeightedSum &sum);
  bool mayChange(StringRef weights) const;
  bool mayAddBias(const WeightedSum &sum);
  Prediction predict(const ChannelMoments &seen, bool hasOffsets, bool hasSlopes) const;
  void addSlopes(const WeightedSum &sum, const Tensor &weights, const Prediction &prediction);
  void addOffsets(const WeightedSum &sum, const Tensor &weights, const Prediction &prediction);
  SmallVector<double> findShares(const WeightedSum &sum, const Tensor &weights) const;

  ModelEditor &editor;
  ValueTypes &types;
  const ChannelGroups &groups;
  const BitVector &removed;
  const ActivationMoments &moments;
  Compensation how;
  ConstantCache cache;
  AddedBiases biases;
  /// Positions of the sum's input.
  std::vector<Eigen::Index> gone, kept;
};

} // namespace

bool Compensator::mayChange(StringRef weights) const {
  return editor.isConstant(weights) && editor.getUses(weights).size() == 1 &&
         !editor.isReadBySubgraph(weights) && !editor.isOutput(weights);
}

/// Results of a transposed convolution have different parts of the kernel, and no one bias.
bool Compensator::mayAddBias(const WeightedSum &sum) {
  return sum.node->op_type() != "ConvTranspose" && biases.canAdd(sum);
}

Compensator::Prediction Compensator::predict(const ChannelMoments &seen, bool hasOffsets,
                                             bool hasSlopes) const {
  // The share of the mean variance that is added to each, so that few samples do no harm.
  double damping =
      std::clamp(0.1 * static_cast<double>(kept.size()) / seen.countPositions(), 1e-5, 0.1);
  Eigen::VectorXd means = seen.getMeans();
  Prediction prediction{Eigen::MatrixXd::Zero(gone.size(), kept.size()),
                        Eigen::VectorXd::Zero(gone.size())};
  if (hasSlopes) {
    Eigen::MatrixXd moments = seen.getCovariances();
    if (!hasOffsets)
      moments += means * means.transpose();
    Eigen::MatrixXd own = moments(kept, kept);
    double added = damping * own.trace() / static_cast<double>(kept.size());
    own.diagonal().array() += added;
    if (added > 0)
      prediction.slopes =
          own.selfadjointView<Eigen::Lower>().llt().solve(moments(kept, gone)).transpose();
  }
  if (hasOffsets)
    prediction.offsets = means(gone) - prediction.slopes * means(kept);
  return prediction;
}

/// W_k += W_r A.
void Compensator::addSlopes(const WeightedSum &sum, const Tensor &weights,
                            const Prediction &prediction) {
  Slices slices(weights, sum.weightsIn);
  int64_t each = weights.numElements() / slices.size();
  Eigen::MatrixXd removedWeights(gone.size(), each);
  for (auto [row, position] : enumerate(gone)) {
    int64_t column = 0;
    slices.forEach(position,
                   [&](int64_t index) { removedWeights(row, column++) = weights.element(index); });
  }
  Eigen::MatrixXd more = prediction.slopes.transpose() * removedWeights;
  Tensor changed = weights;
  for (auto [row, position] : enumerate(kept)) {
    int64_t column = 0;
    slices.forEach(position, [&](int64_t index) {
      changed.setElement(index, weights.element(index) + more(row, column++));
    });
  }
  editor.setConstant(sum.weights, changed);
}

/// Of each element of a kernel how often it reads no padding, as far as the image's size is known.
SmallVector<double> Compensator::findShares(const WeightedSum &sum, const Tensor &weights) const {
  bool isConvolution = sum.node->op_type() == "Conv" || sum.node->op_type() == "FusedConv";
  if (!isConvolution)
    return {1};
  ArrayRef<int64_t> kernel = ArrayRef(weights.dims).drop_front(2);
  ArrayRef<int64_t> image = ArrayRef(types.find(sum.input)->second.dims).drop_front(2);
  if (sum.isPadded && all_of(image, [](int64_t size) { return size > 0; }))
    return ConvolutionWindow::create(*sum.node, image, kernel).findShares();
  int64_t taps = 1;
  for (int64_t size : kernel)
    taps *= size;
  return SmallVector<double>(taps, 1);
}

/// b += W_r c.
void Compensator::addOffsets(const WeightedSum &sum, const Tensor &weights,
                             const Prediction &prediction) {
  SmallVector<double> shares = findShares(sum, weights);
  int64_t inner = 1, taps = shares.size();
  for (int64_t size : ArrayRef(weights.dims).drop_front(sum.weightsOut + 1))
    inner *= size;
  MutableArrayRef<double> added = biases.get(sum);
  int64_t results = added.size();
  double scale = sum.node->op_type() == "Gemm" ? getFloat(*sum.node, "alpha", 1) : 1;
  Slices slices(weights, sum.weightsIn);
  for (auto [row, position] : enumerate(gone))
    slices.forEach(position, [&, row = row](int64_t index) {
      added[index / inner % results] += scale * shares[index % taps] * weights.element(index) *
                                        prediction.offsets(static_cast<Eigen::Index>(row));
    });
}

void Compensator::compensate(const WeightedSum &sum) {
  const ChannelMoments *seen = moments.find(sum);
  const Tensor *weights = cache.find(sum.weights);
  Axis axis = groups.getSets().getAxes(sum.input)[sum.inputAxis];
  if (!seen || !weights || !isFloatingPoint(weights->dtype) || seen->size() != axis.size)
    return;
  gone.clear();
  kept.clear();
  for (int64_t position : seq(axis.size))
    (removed[groups.getSets().find(axis.first + position)] ? gone : kept).push_back(position);
  if (gone.empty() || kept.empty())
    return;
  bool hasSlopes =
      how == Compensation::LeastSquares && seen->hasProducts() && mayChange(sum.weights);
  bool hasOffsets = mayAddBias(sum);
  Prediction prediction = predict(*seen, hasOffsets, hasSlopes);
  if (hasOffsets)
    addOffsets(sum, *weights, prediction);
  if (hasSlopes)
    addSlopes(sum, *weights, prediction);
}

Error Compensator::run() {
  for (const WeightedSum &sum : groups.getSums())
    if (sum.weightsIn >= 0)
      compensate(sum);
  return biases.write(removed);
}

Error compensate(PrunableModel &model, const BitVector &removed, const ActivationMoments &moments,
                 Compensation how) {
  if (how == Compensation::None)
    return Error::success();
  return Compensator(model, removed, moments, how).run();
}

} // namespace tenon
