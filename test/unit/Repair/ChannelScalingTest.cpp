// Where factors of channels can go, and where not.

#include "lib/Quantize/ChannelScaling.h"
#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

/// "tensor axis: producers -> consumers", one per line.
std::string describe(const std::shared_ptr<ModelFile> &model) {
  ModelEditor editor(model);
  QuantizationPlan plan = planQuantization(editor, llvm::cantFail(inferValueTypes(model)));
  std::string text;
  auto list = [&](const std::vector<ConstantAxis> &axes) {
    for (const ConstantAxis &axis : axes)
      text += " " + axis.constant + "/" + std::to_string(axis.axis);
  };
  for (const ScalableTensor &tensor : findScalableTensors(editor, plan)) {
    text += tensor.tensor + " " + std::to_string(tensor.axis) + ":";
    list(tensor.producers);
    text += " ->";
    list(tensor.consumers);
    text += "\n";
  }
  return text;
}

const std::vector<NamedConstant> convolutions = {{"w1", randomTensor({4, 3, 3, 3})},
                                                 {"b1", randomTensor({4})},
                                                 {"w2", randomTensor({2, 4, 1, 1})},
                                                 {"w3", randomTensor({4, 1, 3, 3})}};

TEST(ChannelScaling, FindsConvolutionsThroughReluAndPools) {
  auto model = makeModel(R"(g (float[1, 3, 8, 8] x) => (float[1, 2, 3, 3] y) {
    a = Conv(x, w1, b1)
    b = Relu(a)
    c = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(b)
    y = Conv(c, w2)
  })",
                         convolutions);
  EXPECT_EQ(describe(model), "c 1: b1/0 w1/0 -> w2/1\n");
}

TEST(ChannelScaling, FindsDepthwiseConvolutions) {
  auto model = makeModel(R"(g (float[1, 3, 8, 8] x) => (float[1, 2, 4, 4] y) {
    a = Conv(x, w1)
    b = Conv<group = 4>(a, w3)
    y = Conv(b, w2)
  })",
                         convolutions);
  EXPECT_EQ(describe(model), "a 1: w1/0 -> w3/0\nb 1: w3/0 -> w2/1\n");
}

TEST(ChannelScaling, LeavesWhatOthersRead) {
  auto model = makeModel(R"(g (float[1, 3, 8, 8] x) => (float[1, 2, 6, 6] y, float[1, 4, 6, 6] b) {
    a = Conv(x, w1)
    b = Relu(a)
    y = Conv(b, w2)
  })",
                         convolutions);
  EXPECT_EQ(describe(model), "");
  model = makeModel(R"(g (float[1, 3, 8, 8] x) => (float[1, 2, 6, 6] y) {
    a = Conv(x, w1)
    b = Sigmoid(a)
    y = Conv(b, w2)
  })",
                    convolutions);
  EXPECT_EQ(describe(model), "");
}

TEST(ChannelScaling, FindsNormsInFrontOfProducts) {
  auto model = makeModel(R"(g (float[2, 8] x) => (float[2, 4] y, float[2, 4] z) {
    a = LayerNormalization(x, gamma, beta)
    y = MatMul(a, w)
    z = Gemm<transB = 1>(a, v)
  })",
                         {{"gamma", randomTensor({8})},
                          {"beta", randomTensor({8})},
                          {"w", randomTensor({8, 4})},
                          {"v", randomTensor({4, 8})}});
  EXPECT_EQ(describe(model), "a -1: beta/0 gamma/0 -> w/0 v/1\n");
}

TEST(ChannelScaling, FindsNormsThatAreSpelledOut) {
  auto model = makeModel(
      R"(g (float[2, 8] x) => (float[2, 4] y) {
    n = Tanh(x)
    s = Mul(n, gamma)
    a = Add(s, beta)
    y = MatMul(a, w)
  })",
      {{"gamma", randomTensor({8})}, {"beta", randomTensor({8})}, {"w", randomTensor({8, 4})}});
  EXPECT_EQ(describe(model), "a -1: beta/0 gamma/0 -> w/0\n");
}

TEST(ChannelScaling, KeepsResults) {
  RepairCase test(makeModel(R"(g (float[1, 3, 8, 8] x) => (float[1, 2, 3, 3] y) {
    a = Conv(x, w1, b1)
    b = Relu(a)
    c = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(b)
    y = Conv(c, w2)
  })",
                            convolutions),
                  {randomTensor({1, 3, 8, 8})});
  ModelEditor editor(test.model);
  std::vector<ScalableTensor> tensors = findScalableTensors(editor, test.plan);
  ASSERT_EQ(tensors.size(), 1u);
  Recipe recipe;
  recipe.digest = digestGraph(editor.graph());
  recipe.adjustments = scaleChannels(tensors[0], {0.5f, 3, 7, 0.1f}, "test");
  EXPECT_GT(test.measure(recipe, "y"), 120);
  EXPECT_LT(test.measure(recipe, "a"), 20); // which did change
}

} // namespace
