// What each group's precision does to the outputs (see the header).
//
// To compile a model for each group would take hours. So one model is made whose further input says
// for each group whether it is lowered: what a group's products multiply is
//
//     Where(switches[group], rounded, as it was)
//
// Rounded are activations by DequantizeLinear(QuantizeLinear(x)) or a cast to 16 bits and back,
// weights before. Products then compute in f32 what integers would compute, but for the last bit.

#include "lib/Quantize/Sensitivity.h"
#include "lib/Calibration/Metrics.h"
#include "lib/Editing/Attributes.h"
#include "lib/Quantize/Conversions.h"
#include "lib/Quantize/QuantizeConstant.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

namespace {

/// Makes the model with switches.
class SwitchBuilder {
public:
  SwitchBuilder(ModelEditor &model, const QuantizationPlan &plan, NodePrecision precision,
                const TensorRecipes &activations, const TensorRecipes &weights,
                bool shortcutsAreBytes)
      : model(model), plan(plan), precision(precision), activations(activations), weights(weights),
        shortcutsAreBytes(shortcutsAreBytes) {}

  /// Adds the input, and for each group the switches. Tells which groups have any.
  llvm::Expected<std::vector<bool>> run(llvm::ArrayRef<Group> groups);

private:
  llvm::Expected<bool> addSwitches(const Group &group, unsigned number);
  std::string addSwitch(llvm::StringRef value, llvm::StringRef rounded, unsigned group);
  llvm::Expected<std::string> roundActivation(const std::string &tensor);
  llvm::Expected<std::string> roundWeight(const Product &product);
  std::string castThere(llvm::StringRef value, int32_t dtype);
  std::optional<int32_t> getHalf() const {
    if (precision == NodePrecision::BF16)
      return TENON_BFLOAT16;
    if (precision == NodePrecision::F16)
      return TENON_FLOAT16;
    return std::nullopt;
  }

  ModelEditor &model;
  const QuantizationPlan &plan;
  NodePrecision precision;
  const TensorRecipes &activations, &weights;
  bool shortcutsAreBytes;
  std::string input;
};

} // namespace

/// A value in a narrower type and back.
std::string SwitchBuilder::castThere(llvm::StringRef value, int32_t dtype) {
  std::string half = model.makeName((value + "_half").str());
  std::string result = model.makeName((value + "_rounded").str());
  setInt(model.addNode("Cast", half + "_Cast", {value.str()}, {half}), "to", dtype);
  addWidening(model, half, result);
  return result;
}

/// The rounded activation; empty where the precision leaves it as it is.
llvm::Expected<std::string> SwitchBuilder::roundActivation(const std::string &tensor) {
  if (std::optional<int32_t> half = getHalf())
    return castThere(tensor, *half);
  auto entry = activations.find(tensor);
  if (precision != NodePrecision::Int8 || entry == activations.end())
    return std::string();
  return addConversions(model, entry->second);
}

llvm::Expected<std::string> SwitchBuilder::roundWeight(const Product &product) {
  llvm::Expected<Tensor> constant = model.readConstant(product.weight);
  if (!constant)
    return constant.takeError();
  if (std::optional<int32_t> half = getHalf()) {
    Tensor narrow = llvm::cantFail(Tensor::create(*half, constant->dims));
    for (auto [i, value] : llvm::enumerate(floatsOf(*constant))) {
      narrow.setElement(static_cast<int64_t>(i), value);
      value = static_cast<float>(narrow.element(static_cast<int64_t>(i)));
    }
    return model.addConstant(product.weight + "_rounded", *constant);
  }
  auto entry = weights.find(product.weight);
  if (entry == weights.end())
    return std::string();
  if (llvm::Error error = roundConstant(*constant, entry->second))
    return error;
  return model.addConstant(product.weight + "_rounded", *constant);
}

std::string SwitchBuilder::addSwitch(llvm::StringRef value, llvm::StringRef rounded,
                                     unsigned group) {
  std::string number =
      model.addConstant("switch", makeTensor<int64_t>(TENON_INT64, {}, int64_t(group)));
  std::string isOn = model.makeName("is_on"), result = model.makeName((value + "_chosen").str());
  model.addNode("Gather", isOn + "_Gather", {input, number}, {isOn});
  model.addNode("Where", result + "_Where", {isOn, rounded.str(), value.str()}, {result});
  return result;
}

/// Lets all nodes of a list that read a value read another.
static void replaceOperands(ModelEditor &model, const llvm::StringMap<onnx::NodeProto *> &nodes,
                            llvm::ArrayRef<llvm::StringRef> readers, llvm::StringRef value,
                            llvm::StringRef by) {
  for (llvm::StringRef reader : readers) {
    onnx::NodeProto &node = *nodes.lookup(reader);
    for (int operand = 0; operand < node.input_size(); ++operand)
      if (node.input(operand) == value)
        model.setOperand(node, operand, by);
  }
}

llvm::Expected<bool> SwitchBuilder::addSwitches(const Group &group, unsigned number) {
  llvm::StringMap<onnx::NodeProto *> nodes;
  for (onnx::NodeProto &node : *model.graph().mutable_node())
    nodes[getNodeName(node)] = &node;
  llvm::SmallVector<llvm::StringRef> readers;
  for (unsigned product : group.products)
    readers.push_back(plan.products[product].node);
  // Where shortcuts read bytes, they read what a convolution reads.
  llvm::SmallVector<llvm::StringRef> all = readers;
  if (precision == NodePrecision::Int8 && shortcutsAreBytes)
    for (const std::string &follower : plan.followers)
      if (!plan.nodes.find(follower)->second.moves)
        all.push_back(follower);
  bool hasAny = false;
  llvm::StringSet<> done;
  auto replace = [&](const std::string &value, llvm::Expected<std::string> rounded,
                     llvm::ArrayRef<llvm::StringRef> by) -> llvm::Error {
    if (!rounded || rounded->empty())
      return rounded.takeError();
    replaceOperands(model, nodes, by, value, addSwitch(value, *rounded, number));
    hasAny = true;
    return llvm::Error::success();
  };
  for (unsigned each : group.products) {
    const Product &product = plan.products[each];
    for (const std::string &tensor : product.activations)
      if (done.insert(tensor).second)
        if (llvm::Error error = replace(tensor, roundActivation(tensor), all))
          return error;
    if (!product.weight.empty() && done.insert(product.weight).second)
      if (llvm::Error error = replace(product.weight, roundWeight(product), readers))
        return error;
  }
  return hasAny;
}

llvm::Expected<std::vector<bool>> SwitchBuilder::run(llvm::ArrayRef<Group> groups) {
  input = model.makeName("tenon_switches");
  onnx::ValueInfoProto &info = *model.graph().add_input();
  info.set_name(input);
  onnx::TypeProto::Tensor &type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(TENON_BOOL);
  type.mutable_shape()->add_dim()->set_dim_value(static_cast<int64_t>(groups.size()));
  model.reindex();
  std::vector<bool> has;
  for (auto [number, group] : llvm::enumerate(groups)) {
    llvm::Expected<bool> hasAny = addSwitches(group, static_cast<unsigned>(number));
    if (!hasAny)
      return hasAny.takeError();
    has.push_back(*hasAny);
  }
  model.removeUnused();
  if (llvm::Error error = model.sortNodes())
    return error;
  return has;
}

// ---- Runs

namespace {

/// Runs the model with switches on samples.
class SwitchRuns {
public:
  SwitchRuns(Session &session, const std::vector<bool> &has, const SensitivityOptions &options)
      : session(session), has(has), options(options), losses(has.size()) {}

  llvm::Expected<std::vector<double>> run(DataSource &data);

private:
  llvm::Error runSample(Sample &sample);
  llvm::Expected<llvm::ArrayRef<tenon_value>> runWith(Sample &sample, std::optional<size_t> group);

  Session &session;
  const std::vector<bool> &has;
  const SensitivityOptions &options;
  /// Of each group and floating point output.
  std::vector<std::vector<TensorLoss>> losses;
  int64_t done = 0, planned = 0;
};

} // namespace

/// Runs with one group lowered, or none.
llvm::Expected<llvm::ArrayRef<tenon_value>> SwitchRuns::runWith(Sample &sample,
                                                                std::optional<size_t> group) {
  std::vector<char> &switches = sample.inputs.back().tensor.bytes;
  std::fill(switches.begin(), switches.end(), 0);
  if (group)
    switches[*group] = 1;
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = session.view(sample.inputs);
  if (!outputs)
    return makeError(sample.origin + ": " + llvm::toString(outputs.takeError()));
  if (options.progress)
    options.progress(++done, planned);
  return outputs;
}

llvm::Error SwitchRuns::runSample(Sample &sample) {
  Tensor switches = llvm::cantFail(Tensor::create(TENON_BOOL, {static_cast<int64_t>(has.size())}));
  sample.inputs.emplace_back(std::move(switches));
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = runWith(sample, std::nullopt);
  if (!outputs)
    return outputs.takeError();
  std::vector<std::pair<size_t, Tensor>> reference;
  for (auto [index, output] : llvm::enumerate(*outputs))
    if (output.kind == TENON_TENSOR && isFloatingPoint(output.tensor.dtype))
      reference.emplace_back(index, Tensor::copy(output.tensor));
  for (size_t group = 0; group < has.size(); ++group) {
    if (!has[group])
      continue;
    outputs = runWith(sample, group);
    if (!outputs)
      return outputs.takeError();
    losses[group].resize(reference.size());
    for (auto [loss, expected] : llvm::zip_equal(losses[group], reference))
      if (llvm::Error error = loss.add(expected.second.view(), (*outputs)[expected.first].tensor))
        return makeError(sample.origin + ": " + llvm::toString(std::move(error)));
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<double>> SwitchRuns::run(DataSource &data) {
  int64_t samples = std::min(options.samples, data.size());
  planned = samples * (1 + llvm::count(has, true));
  for (int64_t i = 0; i < samples; ++i) {
    llvm::Expected<Sample> sample = data.read(i);
    if (!sample)
      return sample.takeError();
    if (llvm::Error error = runSample(*sample))
      return error;
  }
  std::vector<double> noise(has.size(), INFINITY);
  for (size_t group = 0; group < has.size(); ++group) {
    if (!has[group])
      continue;
    noise[group] = 0;
    for (const TensorLoss &loss : losses[group])
      noise[group] = std::max(noise[group], std::pow(10, -loss.sqnr() / 10));
  }
  return noise;
}

llvm::Expected<std::vector<double>>
measureSensitivity(const std::shared_ptr<ModelFile> &model, const QuantizationPlan &plan,
                   llvm::ArrayRef<Group> groups, NodePrecision precision,
                   const TensorRecipes &activations, const TensorRecipes &weights, DataSource &data,
                   const SensitivityOptions &options) {
  ModelEditor editor(model);
  llvm::Expected<std::vector<bool>> has =
      SwitchBuilder(editor, plan, precision, activations, weights, options.shortcutsAreBytes)
          .run(groups);
  if (!has)
    return has.takeError();
  if (llvm::none_of(*has, [](bool any) { return any; }))
    return std::vector<double>(groups.size(), INFINITY);
  llvm::Expected<std::shared_ptr<ModelFile>> changed = editor.toModelFile();
  if (!changed)
    return changed.takeError();
  auto loaded = loadModel(*changed, options.probe);
  if (!loaded)
    return loaded.takeError();
  return SwitchRuns(loaded->first, *has, options).run(data);
}

} // namespace tenon::quantize
