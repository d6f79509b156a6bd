// Outlier channels: where a few channels of a matrix product's operand are much larger than all
// others, one scale leaves the others few codes. They are taken out and multiplied in f32, and the
// range is that of the rest. After Dettmers et al., "LLM.int8()", 2022.

#include "lib/Quantize/Repair.h"
#include "lib/Quantize/SplitProducts.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>

namespace tenon::quantize {

namespace {

class OutlierSplit : public Repair {
public:
  llvm::StringRef getName() const override { return "outlier channels"; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;
};

} // namespace

/// The entries of tensors that matrix products alone read as integers.
static std::vector<TensorRecipe *> findCandidates(const ModelEditor &model, Recipe &recipe,
                                                  const QuantizationPlan &plan) {
  llvm::StringSet<> possible, others;
  std::vector<unsigned> sizes(plan.tensors.size(), 0);
  for (unsigned number : plan.classes)
    ++sizes[number];
  // Where values only move, others have the scale, too.
  for (auto [tensor, number] : llvm::zip_equal(plan.tensors, plan.classes))
    if (sizes[number] > 1)
      others.insert(tensor);
  for (const std::string &follower : plan.followers)
    for (const std::string &tensor : plan.nodes.find(follower)->second.reads)
      others.insert(tensor);
  for (const Product &product : plan.products) {
    const NodeRecipe *node = recipe.findNode(product.node);
    if (!node || node->precision != NodePrecision::Int8)
      continue;
    for (const std::string &tensor : product.activations) {
      bool isMatrix = !product.weight.empty() && product.summedAxis && product.weightAxis &&
                      llvm::any_of(model.getUses(tensor), [&](const ModelEditor::Use &use) {
                        return getNodeName(*use.node) == product.node && use.operand == 0 &&
                               canSplitOutliers(*use.node);
                      });
      (isMatrix ? possible : others).insert(tensor);
    }
  }
  std::vector<TensorRecipe *> candidates;
  for (TensorRecipe &entry : recipe.tensors)
    if (possible.contains(entry.name) && !others.contains(entry.name) && entry.outliers.empty())
      candidates.push_back(&entry);
  return candidates;
}

/// The channels that are far larger than those that are larger than most; none if there is no such
/// gap.
static std::vector<int64_t> findOutliers(const ChannelStatistics &statistics) {
  constexpr size_t leastChannels = 16;
  constexpr float gap = 3;
  size_t channels = statistics.min.size();
  if (channels < leastChannels)
    return {};
  std::vector<float> largest;
  for (size_t channel = 0; channel < channels; ++channel)
    largest.push_back(statistics.absMax(channel));
  std::vector<float> sorted = largest;
  size_t most = channels / leastChannels;
  std::nth_element(sorted.begin(), sorted.begin() + most, sorted.end(), std::greater<>());
  std::vector<int64_t> outliers;
  for (auto [channel, range] : llvm::enumerate(largest))
    if (range > gap * sorted[most] && sorted[most] > 0)
      outliers.push_back(static_cast<int64_t>(channel));
  return outliers;
}

/// Gives the tensor the range of its other channels.
static void splitOff(TensorRecipe &entry, std::vector<int64_t> outliers,
                     const ChannelStatistics &statistics, const CodeRange &codes) {
  float low = 0, high = 0;
  for (size_t channel = 0; channel < statistics.min.size(); ++channel) {
    if (llvm::is_contained(outliers, static_cast<int64_t>(channel)))
      continue;
    low = std::min(low, statistics.min[channel]);
    high = std::max(high, statistics.max[channel]);
  }
  QuantizationParameters parameters = makeParameters(low, high, codes);
  entry.scales = {parameters.scale};
  entry.zeroPoints = {parameters.zeroPoint};
  entry.method = getName(RangeMethod::MinMax).str();
  entry.low = parameters.low;
  entry.high = parameters.high;
  entry.outliers = std::move(outliers);
  // That of a histogram that had them.
  entry.predictedSqnr.reset();
}

llvm::Expected<bool> OutlierSplit::apply(Recipe &recipe, const RepairContext &context) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor model(*adjusted);
  std::vector<TensorRecipe *> candidates = findCandidates(model, recipe, context.plan);
  if (candidates.empty())
    return false;
  std::vector<ChannelObserver> observers(candidates.size(), ChannelObserver(-1));
  std::vector<Observed> observed;
  for (auto [entry, observer] : llvm::zip_equal(candidates, observers))
    observed.push_back({entry->name, &observer});
  if (llvm::Error error = observeTensors(*adjusted, observed, context.data, context.calibrate))
    return std::move(error);
  bool changed = false;
  for (auto [entry, observer] : llvm::zip_equal(candidates, observers)) {
    std::vector<int64_t> outliers = findOutliers(observer.get());
    if (outliers.empty())
      continue;
    splitOff(*entry, std::move(outliers), observer.get(), context.tensors.activations);
    changed = true;
  }
  return changed;
}

std::unique_ptr<Repair> makeOutlierSplit() { return std::make_unique<OutlierSplit>(); }

} // namespace tenon::quantize
