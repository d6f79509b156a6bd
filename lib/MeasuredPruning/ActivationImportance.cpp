// See the header.

#include "lib/MeasuredPruning/ActivationImportance.h"
#include "lib/Prune/Slices.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>

using namespace llvm;

namespace tenon {

/// Adds Σ w² E[x²] of each channel of a sum's input to its set.
static void addSquares(const WeightedSum &sum, const Tensor &weights, const ChannelMoments &seen,
                       Compensation how, const ChannelSets &sets, MutableArrayRef<double> squares) {
  Axis axis = sets.getAxes(sum.input)[sum.inputAxis];
  Slices slices(weights, sum.weightsIn);
  if (slices.size() != axis.size || seen.size() != axis.size)
    return;
  Eigen::VectorXd sizes = seen.getVariances();
  if (how == Compensation::None)
    sizes += seen.getMeans().cwiseAbs2();
  for (int64_t position : seq(axis.size)) {
    double norm = 0;
    slices.forEach(position, [&](int64_t index) {
      double weight = weights.element(index);
      norm += weight * weight;
    });
    squares[sets.find(axis.first + position)] += norm * sizes(position);
  }
}

Expected<std::vector<std::vector<double>>>
measureActivationImportance(const PrunableModel &model, const ActivationMoments &moments,
                            Compensation how) {
  const ChannelGroups &groups = model.getGroups();
  const ChannelSets &sets = groups.getSets();
  std::vector<double> squares(sets.size());
  for (const WeightedSum &sum : groups.getSums()) {
    const ChannelMoments *seen = moments.find(sum);
    if (!seen || !model.getEditor().isConstant(sum.weights))
      continue;
    Expected<Tensor> weights = model.getEditor().readConstant(sum.weights);
    if (!weights)
      return weights.takeError();
    addSquares(sum, *weights, *seen, how, sets, squares);
  }
  auto result = measureImportance(model.getEditor(), groups, Importance::L2);
  if (!result)
    return result.takeError();
  for (auto [group, values] : zip(groups.getGroups(), *result)) {
    std::vector<double> own;
    for (ArrayRef<int64_t> unit : group.units)
      own.push_back(std::sqrt(squares[sets.find(unit.front())]));
    if (any_of(own, [](double value) { return value > 0; }))
      values = std::move(own);
  }
  return std::move(*result);
}

} // namespace tenon
