// Models whose groups are lowered from run to run (see the header).

#include "lib/Quantize/SwitchedModel.h"
#include "lib/Editing/Attributes.h"
#include "lib/Quantize/Conversions.h"
#include "lib/Quantize/QuantizeConstant.h"
#include "lib/Quantize/Switches.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

static std::optional<int32_t> getHalf(NodePrecision precision) {
  if (precision == NodePrecision::BF16)
    return TENON_BFLOAT16;
  if (precision == NodePrecision::F16)
    return TENON_FLOAT16;
  return std::nullopt;
}

llvm::Expected<bool> Rounding::roundWeight(Tensor &weight, const Product &product) const {
  if (std::optional<int32_t> half = getHalf(precision)) {
    Tensor narrow = llvm::cantFail(Tensor::create(*half, {1}));
    for (float &value : floatsOf(weight)) {
      narrow.setElement(0, value);
      value = static_cast<float>(narrow.element(0));
    }
    return true;
  }
  auto entry = weights.find(product.weight);
  if (entry == weights.end())
    return false;
  Tensor original = weight;
  if (llvm::Error error = roundConstant(weight, entry->second))
    return std::move(error);
  keepOutlierRows(weight, original, product);
  return true;
}

/// What multiplies outlier channels stays f32.
void Rounding::keepOutlierRows(Tensor &weight, const Tensor &original,
                               const Product &product) const {
  auto input = product.isTable() ? activations.end() : activations.find(product.activations[0]);
  if (precision != NodePrecision::Int8 || input == activations.end() || !product.summedAxis)
    return;
  int64_t axis = *product.summedAxis, inner = 1;
  for (int64_t dim : llvm::ArrayRef(weight.dims).drop_front(axis + 1))
    inner *= dim;
  llvm::ArrayRef<float> from = floatsOf(original);
  for (auto [i, value] : llvm::enumerate(floatsOf(weight)))
    if (llvm::is_contained(input->second.outliers,
                           static_cast<int64_t>(i) / inner % weight.dims[axis]))
      value = from[i];
}

namespace {

class SwitchBuilder {
public:
  SwitchBuilder(ModelEditor &model, const QuantizationPlan &plan, const Rounding &rounding,
                SwitchedModel &result)
      : model(model), plan(plan), rounding(rounding), result(result) {}

  llvm::Error run(llvm::ArrayRef<Group> groups);

private:
  llvm::Expected<bool> addSwitches(const Group &group, unsigned number);
  std::string roundActivation(const std::string &tensor);
  std::string keepOutliers(const TensorRecipe &entry, const std::string &rounded);
  llvm::Expected<std::string> addWeight(const Product &product, unsigned group);
  std::string castThere(llvm::StringRef value, int32_t dtype);

  ModelEditor &model;
  const QuantizationPlan &plan;
  const Rounding &rounding;
  SwitchedModel &result;
  llvm::StringMap<onnx::NodeProto *> nodes;
  /// Of what matrix products read, the size of the last dimension.
  llvm::StringMap<int64_t> channelsOf;
  std::string input;
};

} // namespace

/// A value in a narrower type and back.
std::string SwitchBuilder::castThere(llvm::StringRef value, int32_t dtype) {
  std::string half = model.makeName((value + "_half").str());
  std::string wide = model.makeName((value + "_rounded").str());
  setInt(model.addNode("Cast", half + "_Cast", {value.str()}, {half}), "to", dtype);
  addWidening(model, half, wide);
  return wide;
}

/// The rounded activation; empty where the precision leaves it as it is.
std::string SwitchBuilder::roundActivation(const std::string &tensor) {
  if (std::optional<int32_t> half = getHalf(rounding.precision))
    return castThere(tensor, *half);
  auto entry = rounding.activations.find(tensor);
  if (rounding.precision != NodePrecision::Int8 || entry == rounding.activations.end())
    return "";
  std::string rounded = addConversions(model, entry->second);
  return entry->second.outliers.empty() ? rounded : keepOutliers(entry->second, rounded);
}

/// The rounded activation with outlier channels as they were.
std::string SwitchBuilder::keepOutliers(const TensorRecipe &entry, const std::string &rounded) {
  int64_t channels = channelsOf.lookup(entry.name);
  Tensor mask = llvm::cantFail(Tensor::create(TENON_BOOL, channels));
  for (int64_t outlier : entry.outliers)
    mask.bytes[outlier] = 1;
  std::string isOutlier = model.addConstant(entry.name + "_is_outlier", mask);
  std::string kept = model.makeName(entry.name + "_kept");
  model.addNode("Where", kept + "_Where", {isOutlier, entry.name, rounded}, {kept});
  return kept;
}

/// The input that takes the place of a weight; empty where the weight cannot be rounded.
llvm::Expected<std::string> SwitchBuilder::addWeight(const Product &product, unsigned group) {
  if (!getHalf(rounding.precision) && !rounding.weights.contains(product.weight))
    return std::string();
  SwitchedModel::Weight weight{&product, group, {}, {}, {}};
  std::optional<llvm::ArrayRef<char>> view = model.viewConstant(product.weight);
  llvm::Expected<Tensor> constant = model.readConstant(product.weight);
  if (!constant)
    return constant.takeError();
  weight.dims = constant->dims;
  if (view)
    weight.elements = *view;
  else
    weight.owned = std::move(constant->bytes);
  result.weights.push_back(std::move(weight));
  return addInput(model, product.weight + "_given", TENON_FLOAT, constant->dims);
}

llvm::Expected<bool> SwitchBuilder::addSwitches(const Group &group, unsigned number) {
  llvm::SmallVector<onnx::NodeProto *> readers;
  for (unsigned product : group.products)
    readers.push_back(nodes.lookup(plan.products[product].node));
  // Where shortcuts read bytes, they read what a convolution reads.
  llvm::SmallVector<onnx::NodeProto *> all = readers;
  if (rounding.precision == NodePrecision::Int8 && rounding.shortcutsAreBytes)
    for (const std::string &follower : plan.followers)
      if (!plan.nodes.find(follower)->second.moves)
        all.push_back(nodes.lookup(follower));
  bool hasAny = false;
  llvm::StringSet<> done;
  for (unsigned each : group.products) {
    const Product &product = plan.products[each];
    for (const std::string &tensor : product.activations) {
      std::string rounded = done.insert(tensor).second ? roundActivation(tensor) : "";
      if (rounded.empty())
        continue;
      replaceOperands(model, all, tensor, addSwitch(model, input, number, tensor, rounded));
      hasAny = true;
    }
    if (product.weight.empty() || !done.insert(product.weight).second)
      continue;
    llvm::Expected<std::string> given = addWeight(product, number);
    if (!given)
      return given.takeError();
    if (given->empty())
      continue;
    replaceOperands(model, readers, product.weight, *given);
    hasAny = true;
  }
  return hasAny;
}

llvm::Error SwitchBuilder::run(llvm::ArrayRef<Group> groups) {
  for (onnx::NodeProto &node : *model.graph().mutable_node())
    nodes[getNodeName(node)] = &node;
  for (const Product &product : plan.products)
    if (product.summedAxis && !product.isTable())
      if (llvm::Expected<Tensor> weight = model.readConstant(product.weight))
        channelsOf[product.activations.front()] = weight->dims[*product.summedAxis];
      else
        return weight.takeError();
  input = addInput(model, "tenon_switches", TENON_BOOL, {static_cast<int64_t>(groups.size())});
  for (auto [number, group] : llvm::enumerate(groups)) {
    llvm::Expected<bool> hasAny = addSwitches(group, static_cast<unsigned>(number));
    if (!hasAny)
      return hasAny.takeError();
    result.has.push_back(*hasAny);
  }
  model.reindex();
  model.removeUnused();
  return model.sortNodes();
}

llvm::Expected<SwitchedModel> SwitchedModel::create(const std::shared_ptr<ModelFile> &model,
                                                    const QuantizationPlan &plan,
                                                    llvm::ArrayRef<Group> groups,
                                                    const Rounding &rounding) {
  llvm::Expected<LightModel> light = LightModel::create(model);
  if (!light)
    return light.takeError();
  SwitchedModel result{std::move(*light), {}, {}, {}};
  ModelEditor editor(result.source.get());
  if (llvm::Error error = raiseForSwitches(editor))
    return std::move(error);
  if (llvm::Error error = SwitchBuilder(editor, plan, rounding, result).run(groups))
    return std::move(error);
  llvm::Expected<std::shared_ptr<ModelFile>> changed = editor.toModelFile();
  if (!changed)
    return changed.takeError();
  result.model = std::move(*changed);
  for (Weight &weight : result.weights)
    if (weight.elements.empty())
      weight.elements = weight.owned;
  return std::move(result);
}

} // namespace tenon::quantize
