// What ranges of activations do to the outputs (see the header).

#include "lib/Quantize/RangeTrials.h"
#include "lib/Editing/Attributes.h"
#include "lib/Quantize/Conversions.h"
#include "lib/Quantize/Scores.h"
#include "lib/Quantize/Switches.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

namespace {

/// Makes the model of all trials.
class TrialBuilder {
public:
  TrialBuilder(ModelEditor &model, const QuantizationPlan &plan, const RangeTrialOptions &options)
      : model(model), plan(plan), options(options) {}

  /// Of each class, whether it can be rounded.
  llvm::Expected<std::vector<bool>> run();

private:
  void findReaders();

  ModelEditor &model;
  const QuantizationPlan &plan;
  const RangeTrialOptions &options;
  /// Of each tensor, the nodes that read codes where it has such.
  llvm::StringMap<llvm::SmallVector<onnx::NodeProto *>> readers;
};

} // namespace

void TrialBuilder::findReaders() {
  llvm::StringMap<onnx::NodeProto *> nodes;
  for (onnx::NodeProto &node : *model.graph().mutable_node())
    nodes[getNodeName(node)] = &node;
  for (const Product &product : plan.products)
    for (const std::string &tensor : product.activations)
      readers[tensor].push_back(nodes.lookup(product.node));
  if (!options.shortcutsAreBytes)
    return;
  for (const std::string &follower : plan.followers)
    if (const QuantizationPlan::Node &node = plan.nodes.find(follower)->second; !node.moves)
      for (const std::string &tensor : node.reads)
        readers[tensor].push_back(nodes.lookup(follower));
}

llvm::Expected<std::vector<bool>> TrialBuilder::run() {
  findReaders();
  // The numbers of classes are below that of tensors.
  std::vector<bool> read(plan.tensors.size());
  int64_t count = static_cast<int64_t>(read.size());
  std::string switches = addInput(model, "tenon_switches", TENON_BOOL, count),
              scales = addInput(model, "tenon_scales", TENON_FLOAT, count),
              zeros = addInput(model, "tenon_zero_points", options.dtype, count);
  for (auto [tensor, number] : llvm::zip_equal(plan.tensors, plan.classes)) {
    auto found = readers.find(tensor);
    if (found == readers.end())
      continue;
    std::string rounded = addConversions(model, tensor, addElement(model, scales, number),
                                         addElement(model, zeros, number));
    replaceOperands(model, found->second, tensor,
                    addSwitch(model, switches, number, tensor, rounded));
    read[number] = true;
  }
  model.reindex();
  model.removeUnused();
  if (llvm::Error error = model.sortNodes())
    return std::move(error);
  return read;
}

llvm::Expected<RangeTrials> RangeTrials::create(const std::shared_ptr<ModelFile> &model,
                                                const QuantizationPlan &plan,
                                                const RangeTrialOptions &options) {
  ModelEditor editor(model);
  if (llvm::Error error = raiseForSwitches(editor))
    return std::move(error);
  llvm::Expected<std::vector<bool>> read = TrialBuilder(editor, plan, options).run();
  if (!read)
    return read.takeError();
  llvm::Expected<std::shared_ptr<ModelFile>> changed = editor.toModelFile();
  if (!changed)
    return changed.takeError();
  llvm::Expected<std::shared_ptr<ModelFile>> shown =
      showScores(*changed, options.probe.compile.import);
  if (!shown)
    return shown.takeError();
  auto loaded = loadModel(*shown, options.probe);
  if (!loaded)
    return loaded.takeError();
  return RangeTrials(std::move(loaded->first), std::move(*read), options);
}

llvm::Expected<llvm::ArrayRef<tenon_value>> RangeTrials::runOnce(Sample &sample,
                                                                 const RangeTrial &trial) {
  int64_t count = static_cast<int64_t>(read.size());
  std::vector<char> switches(count, 0);
  Tensor scales = makeTensor<float>(TENON_FLOAT, count, std::vector<float>(count, 1)),
         zeros = makeTensor<float>(dtype, count, std::vector<float>(count, 0));
  for (const RoundedClass &rounded : trial) {
    switches[rounded.number] = 1;
    scales.setElement(rounded.number, rounded.scale);
    zeros.setElement(rounded.number, static_cast<double>(rounded.zeroPoint));
  }
  std::deque<ValueView> views;
  std::vector<tenon_value> inputs;
  for (Value &input : sample.inputs)
    inputs.push_back(views.emplace_back(input).get());
  inputs.push_back(viewElements(TENON_BOOL, count, switches));
  inputs.push_back(viewElements(TENON_FLOAT, count, scales.bytes));
  inputs.push_back(viewElements(dtype, count, zeros.bytes));
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = session.view(inputs);
  if (!outputs)
    return makeError(sample.origin + ": " + llvm::toString(outputs.takeError()));
  if (progress)
    progress();
  return outputs;
}

llvm::Error RangeTrials::run(llvm::ArrayRef<RangeTrial> trials, DataSource &data,
                             llvm::MutableArrayRef<std::vector<TensorLoss>> losses) {
  return visitBatches(
      data, data.size(), [&](Sample &sample) { return runOnce(sample, {}); },
      [&](llvm::MutableArrayRef<ExpectedSample> batch) -> llvm::Error {
        for (auto [trial, loss] : llvm::zip_equal(trials, losses))
          for (ExpectedSample &expected : batch) {
            llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = runOnce(expected.sample, trial);
            if (!outputs)
              return outputs.takeError();
            if (llvm::Error error = expected.addLosses(*outputs, loss))
              return error;
          }
        return llvm::Error::success();
      });
}

} // namespace tenon::quantize
