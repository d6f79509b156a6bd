// What each group's precision does to the outputs (see the header): runs of a switched model.

#include "lib/Quantize/Sensitivity.h"
#include "lib/Calibration/Metrics.h"
#include "lib/Quantize/SwitchedModel.h"
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
  /// A sample, and what the model makes of it in fp32.
  struct Expectation {
    Sample sample;
    /// The floating point outputs, with their numbers.
    std::vector<std::pair<size_t, Tensor>> outputs;
    int64_t countBytes() const;
  };
  llvm::Expected<Expectation> expect(Sample sample);
  llvm::Error runGroup(unsigned group, std::vector<Expectation> &batch);
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

int64_t SwitchRuns::Expectation::countBytes() const {
  size_t bytes = 0;
  for (const Value &input : sample.inputs)
    bytes += input.tensor.bytes.size();
  for (const auto &[number, output] : outputs)
    bytes += output.bytes.size();
  return static_cast<int64_t>(bytes);
}

static tenon_value viewElements(int32_t dtype, llvm::ArrayRef<int64_t> dims,
                                llvm::ArrayRef<char> elements) {
  tenon_value value = {};
  value.kind = TENON_TENSOR;
  value.tensor.dtype = dtype;
  value.tensor.rank = static_cast<int32_t>(dims.size());
  value.tensor.dims = dims.data();
  // Inputs are not written to.
  value.tensor.data = const_cast<char *>(elements.data());
  value.tensor.bytes = elements.size();
  return value;
}

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

llvm::Expected<SwitchRuns::Expectation> SwitchRuns::expect(Sample sample) {
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = runOnce(sample, {});
  if (!outputs)
    return outputs.takeError();
  Expectation expectation{std::move(sample), {}};
  for (auto [index, output] : llvm::enumerate(*outputs))
    if (output.kind == TENON_TENSOR && isFloatingPoint(output.tensor.dtype))
      expectation.outputs.emplace_back(index, Tensor::copy(output.tensor));
  return std::move(expectation);
}

/// Rounds a group's weights once for all samples of a batch.
llvm::Error SwitchRuns::runGroup(unsigned group, std::vector<Expectation> &batch) {
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
  for (Expectation &expectation : batch) {
    llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = runOnce(expectation.sample, rounded);
    if (!outputs)
      return outputs.takeError();
    losses[group].resize(expectation.outputs.size());
    for (auto [loss, expected] : llvm::zip_equal(losses[group], expectation.outputs))
      if (llvm::Error error = loss.add(expected.second.view(), (*outputs)[expected.first].tensor))
        return makeError(expectation.sample.origin + ": " + llvm::toString(std::move(error)));
  }
  switches[group] = 0;
  return llvm::Error::success();
}

llvm::Expected<std::vector<double>> SwitchRuns::run(DataSource &data) {
  constexpr int64_t mostBytes = int64_t(32) << 20;
  int64_t samples = std::min(options.samples, data.size());
  planned = samples * (1 + llvm::count(model.has, true));
  for (int64_t next = 0; next < samples;) {
    std::vector<Expectation> batch;
    for (int64_t bytes = 0; next < samples && bytes < mostBytes; ++next) {
      llvm::Expected<Sample> sample = data.read(next);
      if (!sample)
        return sample.takeError();
      llvm::Expected<Expectation> expectation = expect(std::move(*sample));
      if (!expectation)
        return expectation.takeError();
      bytes += expectation->countBytes();
      batch.push_back(std::move(*expectation));
    }
    for (unsigned group = 0; group < model.has.size(); ++group)
      if (model.has[group])
        if (llvm::Error error = runGroup(group, batch))
          return std::move(error);
  }
  std::vector<double> noise(model.has.size(), INFINITY);
  for (size_t group = 0; group < model.has.size(); ++group) {
    if (!model.has[group])
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
