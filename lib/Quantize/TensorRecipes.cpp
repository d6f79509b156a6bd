// Entries of recipes (see the header).

#include "lib/Quantize/TensorRecipes.h"
#include "lib/Quantize/PackedWeights.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>
#include <limits>

namespace tenon::quantize {

// ---- Activations

static TensorRecipe makeEntry(llvm::StringRef name, const QuantizationParameters &parameters,
                              int32_t dtype, const RangeOptions &range) {
  TensorRecipe entry;
  entry.name = name.str();
  entry.dtype = dtype;
  entry.scales = {parameters.scale};
  entry.zeroPoints = {parameters.zeroPoint};
  entry.method = range.str();
  entry.low = parameters.low;
  entry.high = parameters.high;
  return entry;
}

/// Signal to noise of what a histogram counted, in dB.
static double predictSqnr(const Histogram &histogram, const QuantizationParameters &parameters,
                          const CodeRange &codes) {
  double signal = 0;
  for (auto [bin, count] : llvm::enumerate(histogram.bins()))
    signal += static_cast<double>(count) * histogram.center(bin) * histogram.center(bin);
  return 10 * std::log10(signal / quantizationError(histogram, parameters, codes));
}

/// The tensors whose numbers are computed with. What is only moved may be clipped where a range of
/// what is left of it ends: the largest of a window is the same, and what a slice drops is no loss.
static llvm::StringSet<> findComputedWith(const QuantizationPlan &plan) {
  llvm::StringSet<> found;
  for (const Product &product : plan.products)
    found.insert(product.activations.begin(), product.activations.end());
  for (const auto &node : plan.nodes)
    if (!node.second.moves)
      found.insert(node.second.reads.begin(), node.second.reads.end());
  return found;
}

/// Whether each tensor of a plan has a say in the range of its class: where none that is computed
/// with was seen, all have.
static std::vector<bool> findDeciding(const QuantizationPlan &plan,
                                      const llvm::StringMap<Histogram> &histograms) {
  llvm::StringSet<> computedWith = findComputedWith(plan);
  // The numbers of classes are below that of tensors.
  std::vector<bool> hasOne(plan.tensors.size());
  auto decides = [&](const std::string &tensor) {
    return histograms.contains(tensor) && computedWith.contains(tensor);
  };
  for (auto [tensor, number] : llvm::zip_equal(plan.tensors, plan.classes))
    hasOne[number] = hasOne[number] || decides(tensor);
  std::vector<bool> deciding;
  for (auto [tensor, number] : llvm::zip_equal(plan.tensors, plan.classes))
    deciding.push_back(decides(tensor) || (histograms.contains(tensor) && !hasOne[number]));
  return deciding;
}

TensorRecipes describeActivations(const QuantizationPlan &plan,
                                  const llvm::StringMap<Histogram> &histograms,
                                  const TensorOptions &options,
                                  llvm::ArrayRef<RangeOptions> given) {
  struct Range {
    float low = 0, high = 0;
  };
  auto optionsOf = [&](unsigned number) { return given.empty() ? options.range : given[number]; };
  std::vector<Range> ranges(plan.tensors.size());
  for (auto [tensor, number, decides] :
       llvm::zip_equal(plan.tensors, plan.classes, findDeciding(plan, histograms))) {
    if (!decides)
      continue;
    QuantizationParameters own =
        chooseParameters(histograms.find(tensor)->second, options.activations, optionsOf(number));
    ranges[number].low = std::min(ranges[number].low, own.low);
    ranges[number].high = std::max(ranges[number].high, own.high);
  }
  TensorRecipes entries;
  for (auto [tensor, number] : llvm::zip_equal(plan.tensors, plan.classes)) {
    auto histogram = histograms.find(tensor);
    if (histogram == histograms.end())
      continue;
    QuantizationParameters parameters =
        makeParameters(ranges[number].low, ranges[number].high, options.activations);
    TensorRecipe &entry = entries[tensor] =
        makeEntry(tensor, parameters, options.activations.dtype, optionsOf(number));
    entry.predictedSqnr = predictSqnr(histogram->second, parameters, options.activations);
  }
  return entries;
}

// ---- Weights

/// The largest number of each index along an axis; one of all without an axis.
static std::vector<float> findLargest(const Tensor &tensor, std::optional<int64_t> axis) {
  int64_t size = axis ? tensor.dims[*axis] : 1, inner = 1;
  if (axis)
    for (int64_t dim : llvm::ArrayRef(tensor.dims).drop_front(*axis + 1))
      inner *= dim;
  std::vector<float> largest(size, 0);
  llvm::ArrayRef<float> values(reinterpret_cast<const float *>(tensor.bytes.data()),
                               tensor.bytes.size() / sizeof(float));
  for (auto [i, value] : llvm::enumerate(values)) {
    float &most = largest[axis ? i / inner % size : 0];
    most = std::max(most, std::abs(value));
  }
  return largest;
}

/// Enlarges scales with which a bias would not fit into 32 bits, by half of them to be safe: the
/// sum is added to it.
static void makeRoomForBias(const Tensor &bias, float inputScale, std::vector<float> &scales) {
  llvm::ArrayRef<float> values(reinterpret_cast<const float *>(bias.bytes.data()),
                               bias.bytes.size() / sizeof(float));
  constexpr double most = std::numeric_limits<int32_t>::max() / 2;
  for (auto [i, value] : llvm::enumerate(values)) {
    float &scale = scales[scales.size() == 1 ? 0 : i];
    scale = std::max(scale, static_cast<float>(std::abs(value) / (most * inputScale)));
  }
}

static llvm::Expected<TensorRecipe> describeWeight(const ModelEditor &model,
                                                   const Product &product) {
  llvm::Expected<Tensor> weight = model.readConstant(product.weight);
  if (!weight)
    return weight.takeError();
  TensorRecipe entry;
  entry.name = product.weight;
  entry.dtype = TENON_INT8;
  entry.axis = product.weightAxis;
  entry.method = "minmax";
  CodeRange codes{TENON_INT8, /*symmetric=*/true};
  for (float largest : findLargest(*weight, product.weightAxis))
    entry.scales.push_back(makeParameters(-largest, largest, codes).scale);
  return entry;
}

llvm::Expected<TensorRecipes> describeWeights(const ModelEditor &model,
                                              const QuantizationPlan &plan,
                                              const TensorRecipes &activations) {
  llvm::StringMap<const onnx::NodeProto *> nodes;
  for (const onnx::NodeProto &node : model.graph().node())
    nodes[getNodeName(node)] = &node;
  TensorRecipes entries;
  for (const Product &product : plan.products) {
    if (product.weight.empty())
      continue;
    auto [entry, isNew] = entries.try_emplace(product.weight);
    if (isNew) {
      llvm::Expected<TensorRecipe> described = describeWeight(model, product);
      if (!described)
        return described.takeError();
      entry->second = std::move(*described);
    }
    if (product.isTable())
      continue;
    const onnx::NodeProto &node = *nodes.lookup(product.node);
    auto input = activations.find(product.activations.front());
    if (node.input_size() < 3 || !model.isConstant(node.input(2)) || input == activations.end())
      continue;
    llvm::Expected<Tensor> bias = model.readConstant(node.input(2));
    if (!bias)
      return bias.takeError();
    size_t count = entry->second.scales.size();
    if (bias->dtype == TENON_FLOAT && bias->dims.size() == 1 &&
        (count == 1 || count == static_cast<size_t>(bias->dims[0])))
      makeRoomForBias(*bias, input->second.scales.front(), entry->second.scales);
  }
  return entries;
}

TensorRecipes describePackedWeights(const QuantizationPlan &plan, const TensorOptions &options) {
  TensorRecipes entries;
  for (const Product &product : plan.products) {
    if (!product.canPack)
      continue;
    TensorRecipe &entry = entries[product.weight];
    entry.name = product.weight;
    entry.dtype = TENON_INT4;
    entry.axis = product.summedAxis;
    entry.blockSize = options.blockSize;
    entry.method = "mse";
  }
  return entries;
}

// ---- Recipes

static void addFollowers(const QuantizationPlan &plan, const ModelEditor &model,
                         llvm::ArrayRef<const Product *> products, Recipe &recipe) {
  llvm::StringSet<> quantized;
  for (const TensorRecipe &tensor : recipe.tensors)
    quantized.insert(tensor.name);
  auto isQuantized = [&](const std::string &tensor) { return quantized.contains(tensor); };
  llvm::StringMap<const onnx::NodeProto *> nodes;
  for (const onnx::NodeProto &node : model.graph().node())
    nodes[getNodeName(node)] = &node;
  llvm::StringSet<> movers = findByteMovers(plan, products);
  for (const std::string &follower : plan.followers) {
    const QuantizationPlan::Node &node = plan.nodes.find(follower)->second;
    if (node.moves && !movers.contains(follower))
      continue;
    if (llvm::any_of(node.moves ? node.writes : node.reads, isQuantized))
      recipe.nodes.push_back({follower, nodes.lookup(follower)->op_type(), NodePrecision::Int8,
                              std::nullopt, node.moves ? "moves bytes" : "reads bytes"});
  }
}

Recipe makeRecipe(const ModelEditor &model, const QuantizationPlan &plan,
                  llvm::ArrayRef<NodePrecision> precisions, const TensorRecipes &activations,
                  const TensorRecipes &weights, const TensorRecipes &packedWeights) {
  Recipe recipe;
  recipe.model = model.getName().str();
  recipe.digest = digestGraph(model.graph());
  std::vector<const Product *> quantized;
  llvm::StringSet<> listed;
  auto addWeight = [&](const Product &product, const TensorRecipes &entries) {
    auto entry = entries.find(product.weight);
    if (entry != entries.end() && listed.insert(product.weight).second)
      recipe.tensors.push_back(entry->second);
  };
  for (auto [product, precision] : llvm::zip_equal(plan.products, precisions)) {
    recipe.nodes.push_back({product.node, product.op, precision, std::nullopt, ""});
    if (precision == NodePrecision::Int8)
      quantized.push_back(&product);
  }
  for (const std::string &tensor : findQuantizedTensors(plan, quantized))
    if (auto entry = activations.find(tensor); entry != activations.end())
      recipe.tensors.push_back(entry->second);
  for (auto [product, precision] : llvm::zip_equal(plan.products, precisions)) {
    if (precision == NodePrecision::Int8 || precision == NodePrecision::Int8Weights)
      addWeight(product, weights);
    else if (precision == NodePrecision::Int4Weights)
      addWeight(product, packedWeights);
  }
  addFollowers(plan, model, quantized, recipe);
  return recipe;
}

bool isShortcut(const NodeRecipe &node, const QuantizationPlan &plan) {
  return llvm::is_contained(plan.followers, node.name) && !plan.nodes.find(node.name)->second.moves;
}

bool removeShortcuts(Recipe &recipe, const QuantizationPlan &plan) {
  size_t before = recipe.nodes.size();
  llvm::erase_if(recipe.nodes, [&](const NodeRecipe &node) { return isShortcut(node, plan); });
  return recipe.nodes.size() < before;
}

} // namespace tenon::quantize
