// Repairs that move factors of channels between weights: equalization, smoothing, and the scaling
// of AWQ.

#include "lib/Quantize/ChannelScaling.h"
#include "lib/Quantize/CodedProducts.h"
#include "lib/Quantize/Rounding.h"
#include <cmath>

namespace tenon::quantize {

/// No factor is beyond these: a channel that is almost never used should not blow up its weights.
static constexpr float leastFactor = 1.0f / 64, largestFactor = 64;

/// Whether products that read the tensor have one of these precisions.
static bool isReadIn(const ScalableTensor &tensor, const Recipe &recipe,
                     llvm::ArrayRef<NodePrecision> precisions) {
  return llvm::any_of(tensor.products, [&](const Product *product) {
    const NodeRecipe *node = recipe.findNode(product->node);
    return node && llvm::is_contained(precisions, node->precision);
  });
}

static bool areOnes(llvm::ArrayRef<float> factors) {
  return llvm::all_of(factors, [](float factor) { return std::abs(factor - 1) < 1e-3f; });
}

/// Adds adjustments to a recipe, into those that it has of the same dimension where nothing else
/// has happened to the constant since.
static void addAdjustments(Recipe &recipe, std::vector<Adjustment> adjustments) {
  for (Adjustment &adjustment : adjustments) {
    auto last =
        std::find_if(recipe.adjustments.rbegin(), recipe.adjustments.rend(),
                     [&](const Adjustment &other) { return other.tensor == adjustment.tensor; });
    if (last == recipe.adjustments.rend() || last->axis != adjustment.axis ||
        last->method != adjustment.method || !last->add.empty()) {
      recipe.adjustments.push_back(std::move(adjustment));
      continue;
    }
    for (auto [factor, more] : llvm::zip_equal(last->multiply, adjustment.multiply))
      factor *= more;
  }
}

/// The largest numbers of a channel in all weights that read it.
static llvm::Expected<std::vector<float>> findConsumerRanges(const ModelEditor &model,
                                                             const ScalableTensor &tensor) {
  std::vector<float> ranges(tensor.channels, 0);
  for (const ConstantAxis &consumer : tensor.consumers) {
    llvm::Expected<std::vector<float>> own = findChannelRanges(model, consumer);
    if (!own)
      return own.takeError();
    for (auto [range, more] : llvm::zip_equal(ranges, *own))
      range = std::max(range, more);
  }
  return ranges;
}

namespace {

class Equalization : public Repair {
public:
  llvm::StringRef getName() const override { return "equalization"; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;
};

class Smoothing : public Repair {
public:
  llvm::StringRef getName() const override { return "smoothing"; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;
};

class ActivationAwareScaling : public Repair {
public:
  llvm::StringRef getName() const override { return "activation-aware scaling"; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;
};

} // namespace

// ---- Equalization

/// s = sqrt(r1 / r2), with which both ranges become sqrt(r1 r2).
static llvm::Expected<std::vector<float>> findEqualFactors(const ModelEditor &model,
                                                           const ScalableTensor &tensor) {
  llvm::Expected<std::vector<float>> producer = findChannelRanges(model, *tensor.producingWeight);
  if (!producer)
    return producer.takeError();
  llvm::Expected<std::vector<float>> consumer = findConsumerRanges(model, tensor);
  if (!consumer)
    return consumer.takeError();
  std::vector<float> factors;
  for (auto [first, second] : llvm::zip_equal(*producer, *consumer))
    factors.push_back(first > 0 && second > 0
                          ? std::clamp(std::sqrt(first / second), leastFactor, largestFactor)
                          : 1);
  return factors;
}

llvm::Expected<bool> Equalization::apply(Recipe &recipe, const RepairContext &context) const {
  // What one pair changes, its neighbours see: a few sweeps bring all near to rest.
  constexpr int sweeps = 4;
  bool changed = false;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
    if (!adjusted)
      return adjusted.takeError();
    ModelEditor model(*adjusted);
    bool moved = false;
    for (const ScalableTensor &tensor : findScalableTensors(model, context.plan)) {
      if (!tensor.producingWeight || !isReadIn(tensor, recipe, {NodePrecision::Int8}))
        continue;
      llvm::Expected<std::vector<float>> factors = findEqualFactors(model, tensor);
      if (!factors)
        return factors.takeError();
      if (areOnes(*factors))
        continue;
      addAdjustments(recipe, scaleChannels(tensor, *factors, getName()));
      moved = true;
    }
    if (!moved)
      break;
    changed = true;
  }
  if (changed)
    if (llvm::Error error = context.recalibrate(recipe))
      return std::move(error);
  return changed;
}

std::unique_ptr<Repair> makeEqualization() { return std::make_unique<Equalization>(); }

// ---- Smoothing

llvm::Expected<bool> Smoothing::apply(Recipe &recipe, const RepairContext &context) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor model(*adjusted);
  std::vector<ScalableTensor> tensors = findScalableTensors(model, context.plan);
  llvm::erase_if(tensors, [&](const ScalableTensor &tensor) {
    return !isReadIn(tensor, recipe, {NodePrecision::Int8});
  });
  if (tensors.empty())
    return false;
  std::vector<ChannelObserver> observers;
  std::vector<Observed> observed;
  for (const ScalableTensor &tensor : tensors)
    observers.emplace_back(tensor.axis);
  for (auto [tensor, observer] : llvm::zip_equal(tensors, observers))
    observed.push_back({tensor.tensor, &observer});
  if (llvm::Error error = observeTensors(*adjusted, observed, context.data, context.calibrate))
    return std::move(error);
  bool changed = false;
  for (auto [tensor, observer] : llvm::zip_equal(tensors, observers)) {
    llvm::Expected<std::vector<float>> weights = findConsumerRanges(model, tensor);
    if (!weights)
      return weights.takeError();
    // Half of a channel's range, in orders of magnitude, goes into the weights.
    std::vector<float> factors;
    for (auto [channel, weight] : llvm::enumerate(*weights)) {
      float range = observer.get().absMax(channel);
      factors.push_back(range > 0 && weight > 0
                            ? std::clamp(std::sqrt(range / weight), leastFactor, largestFactor)
                            : 1);
    }
    if (areOnes(factors))
      continue;
    addAdjustments(recipe, scaleChannels(tensor, factors, getName()));
    changed = true;
  }
  if (changed)
    if (llvm::Error error = context.recalibrate(recipe))
      return std::move(error);
  return changed;
}

std::unique_ptr<Repair> makeSmoothing() { return std::make_unique<Smoothing>(); }

// ---- Activation-aware scaling

namespace {

/// What is known of the products that read one tensor.
struct ScaledProducts {
  const ScalableTensor *tensor;
  struct Entry {
    Tensor constant;
    WeightLayout layout;
    TensorRecipe entry;
    Eigen::MatrixXf gram;
  };
  std::vector<Entry> products;

  /// s = (E[x²] / mean of all)^(power / 2).
  std::vector<float> findFactors(float power) const;
  /// What the products lose with these factors.
  llvm::Expected<double> measure(llvm::ArrayRef<float> factors) const;
};

} // namespace

std::vector<float> ScaledProducts::findFactors(float power) const {
  Eigen::VectorXf sizes = products.front().gram.diagonal().cwiseSqrt();
  float mean = std::max(sizes.mean(), std::numeric_limits<float>::min());
  std::vector<float> factors;
  for (float size : sizes)
    factors.push_back(
        std::clamp(size > 0 ? std::pow(size / mean, power) : 1.0f, leastFactor, largestFactor));
  return factors;
}

llvm::Expected<double> ScaledProducts::measure(llvm::ArrayRef<float> factors) const {
  Eigen::Map<const Eigen::VectorXf> scales(factors.data(), factors.size());
  double sum = 0;
  for (const Entry &product : products) {
    Tensor scaled = product.constant;
    auto *values = reinterpret_cast<float *>(scaled.bytes.data());
    for (int64_t r = 0; r < product.layout.rows; ++r)
      for (int64_t c = 0; c < product.layout.columns; ++c)
        values[product.layout.position(r, c)] *= factors[c];
    llvm::Expected<CodedWeight> weight = CodedWeight::create(scaled, product.layout, product.entry);
    if (!weight)
      return weight.takeError();
    Eigen::MatrixXf gram =
        scales.cwiseInverse().asDiagonal() * product.gram * scales.cwiseInverse().asDiagonal();
    sum += measureResultError(*weight, 0, gram);
  }
  return sum;
}

llvm::Expected<bool> ActivationAwareScaling::apply(Recipe &recipe,
                                                   const RepairContext &context) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor model(*adjusted);
  std::vector<ScalableTensor> tensors = findScalableTensors(model, context.plan);
  llvm::StringMap<ScaledProducts> byTensor;
  for (const ScalableTensor &tensor : tensors)
    byTensor[tensor.tensor].tensor = &tensor;
  auto visitor = [&](CodedProduct &product) {
    auto found = byTensor.find(product.node.input(0));
    if (found != byTensor.end() && product.layout.groups == 1 &&
        product.layout.columns == found->second.tensor->channels)
      found->second.products.push_back(
          {product.constant, product.layout, product.entry, product.inputs->getGram(0)});
    return llvm::Error::success();
  };
  if (llvm::Error error =
          CodedProducts(model, recipe, context).visit({NodePrecision::Int4Weights}, {}, visitor))
    return std::move(error);
  bool changed = false;
  for (const ScalableTensor &tensor : tensors) {
    const ScaledProducts &products = byTensor[tensor.tensor];
    if (products.products.empty() || products.products.size() != tensor.products.size())
      continue;
    std::vector<float> best(tensor.channels, 1);
    llvm::Expected<double> least = products.measure(best);
    if (!least)
      return least.takeError();
    for (int tenth = 1; tenth <= 10; ++tenth) {
      std::vector<float> factors = products.findFactors(static_cast<float>(tenth) / 10);
      llvm::Expected<double> loss = products.measure(factors);
      if (!loss)
        return loss.takeError();
      if (*loss < *least) {
        least = *loss;
        best = std::move(factors);
      }
    }
    if (areOnes(best))
      continue;
    addAdjustments(recipe, scaleChannels(tensor, best, getName()));
    changed = true;
  }
  if (changed)
    if (llvm::Error error = context.recalibrate(recipe))
      return std::move(error);
  return changed;
}

std::unique_ptr<Repair> makeActivationAwareScaling() {
  return std::make_unique<ActivationAwareScaling>();
}

} // namespace tenon::quantize
