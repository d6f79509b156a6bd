// What each group's precision does to the outputs (see the header): runs of a switched model.

#include "lib/Quantize/Sensitivity.h"
#include "lib/Quantize/ExpectedSamples.h"
#include "lib/Quantize/SwitchedModel.h"
#include "lib/Quantize/Switches.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

namespace {

/// Runs the model on samples with one group lowered at a time.
class SwitchRuns {
public:
  SwitchRuns(Session &session, SwitchedModel &model, const Rounding &rounding,
             const SensitivityOptions &options)
      : session(session), model(model), rounding(rounding), options(options),
        switches(model.has.size()), losses(model.has.size()) {}

  llvm::Expected<std::vector<double>> run(DataSource &data);

private:
  llvm::Error runGroup(unsigned group, llvm::MutableArrayRef<ExpectedSample> batch);
  llvm::Expected<llvm::ArrayRef<tenon_value>> runOnce(Sample &sample,
                                                      const std::vector<Tensor> &rounded);

  Session &session;
  SwitchedModel &model;
  const Rounding &rounding;
  const SensitivityOptions &options;
  /// The input of switches; bytes, since the runtime reads them as such.
  std::vector<char> switches;
  /// Of each group and floating point output.
  std::vector<std::vector<TensorLoss>> losses;
  int64_t done = 0, planned = 0;
};

} // namespace

/// Runs with the switches as they are. `rounded` are the weights of the group that is lowered, in
/// the order of the model's, none of other groups.
llvm::Expected<llvm::ArrayRef<tenon_value>>
SwitchRuns::runOnce(Sample &sample, const std::vector<Tensor> &rounded) {
  std::deque<ValueView> views;
  std::vector<tenon_value> inputs;
  for (Value &input : sample.inputs)
    inputs.push_back(views.emplace_back(input).get());
  int64_t count = static_cast<int64_t>(switches.size());
  inputs.push_back(viewElements(TENON_BOOL, count, switches));
  const Tensor *next = rounded.data();
  for (const SwitchedModel::Weight &weight : model.weights)
    inputs.push_back(viewElements(TENON_FLOAT, weight.dims,
                                  switches[weight.group] ? llvm::ArrayRef<char>((next++)->bytes)
                                                         : weight.elements));
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = session.view(inputs);
  if (!outputs)
    return makeError(sample.origin + ": " + llvm::toString(outputs.takeError()));
  if (options.progress)
    options.progress(++done, planned);
  return outputs;
}

/// Rounds a group's weights once for all samples of a batch.
llvm::Error SwitchRuns::runGroup(unsigned group, llvm::MutableArrayRef<ExpectedSample> batch) {
  std::vector<Tensor> rounded;
  for (const SwitchedModel::Weight &weight : model.weights) {
    if (weight.group != group)
      continue;
    Tensor &tensor = rounded.emplace_back();
    tensor.dtype = TENON_FLOAT;
    tensor.dims = weight.dims;
    tensor.bytes.assign(weight.elements.begin(), weight.elements.end());
    if (llvm::Error error = rounding.roundWeight(tensor, *weight.product).takeError())
      return error;
  }
  switches[group] = 1;
  for (ExpectedSample &expected : batch) {
    llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = runOnce(expected.sample, rounded);
    if (!outputs)
      return outputs.takeError();
    if (llvm::Error error = expected.addLosses(*outputs, losses[group]))
      return error;
  }
  switches[group] = 0;
  return llvm::Error::success();
}

llvm::Expected<std::vector<double>> SwitchRuns::run(DataSource &data) {
  planned = std::min(options.samples, data.size()) * (1 + llvm::count(model.has, true));
  llvm::Error error = visitBatches(
      data, options.samples, [&](Sample &sample) { return runOnce(sample, {}); },
      [&](llvm::MutableArrayRef<ExpectedSample> batch) -> llvm::Error {
        for (unsigned group = 0; group < model.has.size(); ++group)
          if (model.has[group])
            if (llvm::Error error = runGroup(group, batch))
              return error;
        return llvm::Error::success();
      });
  if (error)
    return std::move(error);
  std::vector<double> noise;
  for (auto [has, outputs] : llvm::zip_equal(model.has, losses))
    noise.push_back(has ? findLargestNoise(outputs) : INFINITY);
  return noise;
}

llvm::Expected<std::vector<double>>
measureSensitivity(const std::shared_ptr<ModelFile> &model, const QuantizationPlan &plan,
                   llvm::ArrayRef<Group> groups, NodePrecision precision,
                   const TensorRecipes &activations, const TensorRecipes &weights, DataSource &data,
                   const SensitivityOptions &options) {
  Rounding rounding{precision, activations, weights, options.shortcutsAreBytes};
  llvm::Expected<SwitchedModel> switched = SwitchedModel::create(model, plan, groups, rounding);
  if (!switched)
    return switched.takeError();
  if (llvm::none_of(switched->has, [](bool any) { return any; }))
    return std::vector<double>(groups.size(), INFINITY);
  auto loaded = loadModel(switched->model, options.probe);
  if (!loaded)
    return loaded.takeError();
  return SwitchRuns(loaded->first, *switched, rounding, options).run(data);
}

} // namespace tenon::quantize
