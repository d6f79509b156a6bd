// Models with constants, and what quantizing them loses.
#ifndef TENON_TEST_UNIT_REPAIR_TESTMODELS_H
#define TENON_TEST_UNIT_REPAIR_TESTMODELS_H

#include "lib/Calibration/Metrics.h"
#include "lib/Editing/ModelEditor.h"
#include "lib/Editing/ValueTypes.h"
#include "lib/Quantize/ApplyRecipe.h"
#include "lib/Quantize/Repair.h"
#include "test/unit/Calibration/TestTensors.h"
#include "llvm/Support/FormatVariadic.h"

namespace tenon::test {

struct NamedConstant {
  const char *name;
  Tensor tensor;
};

/// A graph that reads constants which are not in its text.
inline std::shared_ptr<ModelFile> makeModel(const std::string &graph,
                                            const std::vector<NamedConstant> &constants) {
  onnx::ModelProto model = parseGraph(graph)->proto();
  for (const NamedConstant &constant : constants) {
    onnx::TensorProto &proto = *model.mutable_graph()->add_initializer();
    proto.set_name(constant.name);
    proto.set_data_type(constant.tensor.dtype);
    proto.mutable_dims()->Add(constant.tensor.dims.begin(), constant.tensor.dims.end());
    proto.set_raw_data(constant.tensor.bytes.data(), constant.tensor.bytes.size());
  }
  return llvm::cantFail(ModelFile::parse(model.SerializeAsString(), "model.onnx"));
}

inline Tensor randomTensor(std::vector<int64_t> dims, float deviation = 1, unsigned seed = 1) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return floats(std::move(dims), gaussian(count, deviation, seed));
}

/// Multiplies each index of an axis with a factor.
inline Tensor scaleAxis(Tensor tensor, int64_t axis, const std::vector<float> &factors) {
  int64_t inner = 1;
  for (size_t i = axis + 1; i < tensor.dims.size(); ++i)
    inner *= tensor.dims[i];
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.setElement(i, tensor.element(i) * factors[i / inner % tensor.dims[axis]]);
  return tensor;
}

/// Samples of a model's only input.
inline std::unique_ptr<quantize::DataSource> makeSamples(const std::shared_ptr<ModelFile> &model,
                                                         const std::vector<Tensor> &samples) {
  size_t given = 0;
  auto next = [&]() -> llvm::Expected<std::optional<quantize::Sample>> {
    if (given == samples.size())
      return std::nullopt;
    return quantize::Sample{"sample", {Value(samples[given++])}, {}};
  };
  return llvm::cantFail(
      quantize::spoolSamples(next, llvm::cantFail(quantize::getInputTypes(*model))));
}

/// A model, what of it may be quantized, and data.
struct RepairCase {
  RepairCase(std::shared_ptr<ModelFile> file, const std::vector<Tensor> &samples)
      : model(std::move(file)), data(makeSamples(model, samples)),
        plan(quantize::planQuantization(ModelEditor(model),
                                        llvm::cantFail(inferValueTypes(model)))) {}

  quantize::RepairContext context() { return {model, plan, *data, {}, tensors}; }

  /// All products in one precision.
  quantize::Recipe makeRecipe(quantize::NodePrecision precision) {
    ModelEditor editor(model);
    auto histograms = llvm::cantFail(quantize::calibrate(model, plan.tensors, *data));
    auto activations = quantize::describeActivations(plan, histograms, tensors);
    auto weights = llvm::cantFail(quantize::describeWeights(editor, plan, activations));
    std::vector<quantize::NodePrecision> all(plan.products.size(), precision);
    return quantize::makeRecipe(editor, plan, all, activations, weights,
                                quantize::describePackedWeights(plan, tensors));
  }

  /// Of an output, in dB.
  double measure(const quantize::Recipe &recipe, const std::string &output) {
    ModelEditor editor(model);
    EXPECT_TRUE(llvm::cantFail(quantize::applyRecipe(editor, recipe)).empty());
    return compare(llvm::cantFail(editor.toModelFile()), output);
  }
  double compare(const std::shared_ptr<ModelFile> &other, const std::string &output) {
    auto reference = llvm::cantFail(quantize::ProbedModel::compile(model, {output}));
    auto changed = llvm::cantFail(quantize::ProbedModel::compile(other, {output}));
    quantize::TensorLoss loss;
    for (int64_t i = 0; i < data->size(); ++i) {
      quantize::Sample sample = llvm::cantFail(data->read(i));
      auto expected = llvm::cantFail(reference.run(sample));
      auto got = llvm::cantFail(changed.run(sample));
      llvm::cantFail(loss.add(expected[0], got[0]));
    }
    return loss.sqnr();
  }

  std::shared_ptr<ModelFile> model;
  std::unique_ptr<quantize::DataSource> data;
  quantize::QuantizationPlan plan;
  quantize::TensorOptions tensors;
};

/// Vectors that are multiplied by a matrix.
inline RepairCase makeProductCase(int64_t vectors, int64_t inputs, int64_t outputs) {
  std::string graph =
      llvm::formatv("g (float[{0}, {1}] x) => (float[{0}, {2}] y) {{ y = MatMul(x, w) }", vectors,
                    inputs, outputs);
  return RepairCase(makeModel(graph, {{"w", randomTensor({inputs, outputs})}}),
                    {randomTensor({vectors, inputs})});
}

/// Rows of 16 channels, of which the fourth has a number as large as `peak` once.
inline Tensor makeRows(float peak, unsigned seed) {
  constexpr int64_t rows = 2048;
  std::vector<float> numbers = gaussian(rows * 16, 1, seed);
  numbers[(seed * 97 % rows) * 16 + 3] = peak;
  return floats({rows, 16}, std::move(numbers));
}

/// A product that multiplies the channel with the peak with more than the others.
inline RepairCase makePeakCase(float factor, llvm::function_ref<float(unsigned)> peakOf,
                               unsigned count) {
  std::vector<float> factors(16, 1);
  factors[3] = factor;
  std::vector<Tensor> samples;
  for (unsigned sample = 0; sample < count; ++sample)
    samples.push_back(makeRows(peakOf(sample), sample + 1));
  return RepairCase(
      makeModel(R"(g (float[2048, 16] x) => (float[2048, 12] y) { y = MatMul(x, w) })",
                {{"w", scaleAxis(randomTensor({16, 12}), 0, factors)}}),
      samples);
}

} // namespace tenon::test

#endif
