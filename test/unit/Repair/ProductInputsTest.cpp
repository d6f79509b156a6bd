// What products multiply: sums over windows are those of the convolution itself.

#include "lib/Quantize/ProductInputs.h"
#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

onnx::NodeProto parseNode(const std::string &text) {
  return parseGraph("g (float x) => (float y) { y = " + text + " }")->graph().node(0);
}

/// w E[x], which is the mean of the product's results.
std::vector<double> meanResults(const onnx::NodeProto &node, Tensor weight, Tensor input,
                                int64_t positions = 1 << 20) {
  WeightLayout layout = *WeightLayout::find(node, weight.dims);
  ProductInputs inputs(node, weight.dims, layout, {positions, true});
  EXPECT_FALSE(inputs.observe(input.view()));
  std::vector<double> means;
  for (int64_t row = 0; row < layout.rows; ++row) {
    Eigen::VectorXd mean = inputs.getMean(row / layout.rowsPerGroup());
    double sum = 0;
    for (int64_t c = 0; c < layout.columns; ++c)
      sum += mean(c) * weight.element(layout.position(row, c));
    means.push_back(sum);
  }
  return means;
}

/// The same from running the node.
std::vector<double> meanOfRun(const std::string &text, Tensor weight, const Tensor &input,
                              int64_t channels) {
  std::string dims;
  for (int64_t dim : input.dims)
    dims += (dims.empty() ? "" : ", ") + std::to_string(dim);
  auto model =
      makeModel("g (float[" + dims + "] x) => (float[" +
                    (input.dims.size() == 4 ? "a, b, c, d" : "a, b") + "] y) { y = " + text + " }",
                {{"w", weight}});
  auto data = makeSamples(model, {input});
  ChannelObserver observer(input.dims.size() == 4 ? 1 : -1);
  llvm::cantFail(observeTensors(model, {{"y", &observer}}, *data));
  std::vector<double> means;
  for (int64_t c = 0; c < channels; ++c)
    means.push_back(observer.get().mean(c));
  return means;
}

void expectEqual(const std::vector<double> &got, const std::vector<double> &expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (auto [a, b] : llvm::zip_equal(got, expected))
    EXPECT_NEAR(a, b, 1e-4);
}

TEST(ProductInputs, AreRowsOfMatrices) {
  Tensor weight = randomTensor({6, 4}), input = randomTensor({5, 6});
  expectEqual(meanResults(parseNode("MatMul(x, w)"), weight, input),
              meanOfRun("MatMul(x, w)", weight, input, 4));
  weight = randomTensor({4, 6});
  expectEqual(meanResults(parseNode("Gemm<transB = 1>(x, w)"), weight, input),
              meanOfRun("Gemm<transB = 1>(x, w)", weight, input, 4));
}

TEST(ProductInputs, AreWindowsOfConvolutions) {
  Tensor input = randomTensor({2, 4, 9, 8});
  for (const std::string &attributes :
       {std::string("pads = [1, 2, 0, 1], strides = [2, 1], dilations = [1, 2]"),
        std::string("auto_pad = \"SAME_UPPER\", strides = [2, 2]"), std::string("group = 2")}) {
    Tensor weight = randomTensor({6, attributes == "group = 2" ? 2 : 4, 3, 2});
    std::string text = "Conv<" + attributes + ">(x, w)";
    expectEqual(meanResults(parseNode(text), weight, input), meanOfRun(text, weight, input, 6));
  }
}

TEST(ProductInputs, TakeSomePositionsOfMany) {
  Tensor weight = randomTensor({6, 4}), input = randomTensor({1000, 6});
  onnx::NodeProto node = parseNode("MatMul(x, w)");
  WeightLayout layout = *WeightLayout::find(node, weight.dims);
  ProductInputs inputs(node, weight.dims, layout, {50, true});
  ASSERT_FALSE(inputs.observe(input.view()));
  EXPECT_GE(inputs.count(), 40);
  EXPECT_LE(inputs.count(), 60);
  // Of gaussian numbers the products are near the identity.
  Eigen::MatrixXf gram = inputs.getGram(0);
  EXPECT_NEAR(gram.diagonal().mean(), 1, 0.3);
  EXPECT_EQ(gram(1, 2), gram(2, 1));
}

TEST(ProductInputs, TrustFewVectorsLittle) {
  Tensor weight = randomTensor({6, 4});
  onnx::NodeProto node = parseNode("MatMul(x, w)");
  WeightLayout layout = *WeightLayout::find(node, weight.dims);
  // Columns that are all alike: every product of two is as large as their squares.
  auto gramOf = [&](int64_t rows) {
    Tensor input = floats({rows, 6}, std::vector<float>(rows * 6, 2));
    ProductInputs inputs(node, weight.dims, layout, {4096, true});
    EXPECT_FALSE(inputs.observe(input.view()));
    return inputs.getGram(0);
  };
  EXPECT_FLOAT_EQ(gramOf(3)(1, 1), 4);
  EXPECT_FLOAT_EQ(gramOf(3)(1, 2), 4.0f * 3 / (3 + 6));
  EXPECT_NEAR(gramOf(3000)(1, 2), 4, 0.01);
}

TEST(ProductInputs, RefuseOtherShapes) {
  Tensor weight = randomTensor({6, 4}), input = randomTensor({5, 7});
  onnx::NodeProto node = parseNode("MatMul(x, w)");
  ProductInputs inputs(node, weight.dims, *WeightLayout::find(node, weight.dims), {});
  EXPECT_EQ(llvm::toString(inputs.observe(input.view())), "its rows have no 6 numbers");
}

} // namespace
