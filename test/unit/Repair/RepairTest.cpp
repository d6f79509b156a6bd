// Repairs of whole recipes: each makes up for what it is there for, and changes nothing in fp32.

#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

/// Factors between 1/16 and 16.
std::vector<float> unevenFactors(size_t count) {
  std::vector<float> factors;
  for (size_t i = 0; i < count; ++i)
    factors.push_back(std::exp2(static_cast<float>(i * 5 % 9) - 4));
  return factors;
}

std::vector<float> inverse(std::vector<float> factors) {
  for (float &factor : factors)
    factor = 1 / factor;
  return factors;
}

/// What a repair gains in dB.
double gainOf(RepairCase &test, const Repair &repair, NodePrecision precision) {
  Recipe recipe = test.makeRecipe(precision);
  double before = test.measure(recipe, "y");
  EXPECT_TRUE(llvm::cantFail(repair.apply(recipe, test.context()))) << repair.getName().str();
  double after = test.measure(recipe, "y");
  auto adjusted = llvm::cantFail(test.context().adjust(recipe));
  if (repair.getName() != "bias correction")
    EXPECT_GT(test.compare(adjusted, "y"), 100);
  return after - before;
}

TEST(Repair, EqualizationEvensChannelsOut) {
  std::vector<float> uneven = unevenFactors(16);
  RepairCase test(makeModel(R"(g (float[1, 3, 12, 12] x) => (float[1, 8, 10, 10] y) {
    a = Conv(x, w1, b1)
    b = Relu(a)
    y = Conv(b, w2)
  })",
                            {{"w1", scaleAxis(randomTensor({16, 3, 3, 3}), 0, uneven)},
                             {"b1", scaleAxis(randomTensor({16}, 0.1f), 0, uneven)},
                             {"w2", scaleAxis(randomTensor({8, 16, 1, 1}), 1, inverse(uneven))}}),
                  {randomTensor({1, 3, 12, 12})});
  EXPECT_GT(gainOf(test, *makeEqualization(), NodePrecision::Int8), 6);
}

const char *const normText = R"(g (float[32, 64] x) => (float[32, 24] y) {
    a = LayerNormalization(x, gamma, beta)
    y = MatMul(a, w)
  })";

RepairCase makeNormCase(int64_t blockSize = 32) {
  std::vector<float> large(64, 1);
  large[7] = 40;
  large[33] = 25;
  RepairCase test(makeModel(normText, {{"gamma", floats({64}, large)},
                                       {"beta", randomTensor({64}, 0.1f)},
                                       {"w", randomTensor({64, 24}, 0.1f, 5)}}),
                  {randomTensor({32, 64}), randomTensor({32, 64}, 1, 9)});
  test.tensors.blockSize = blockSize;
  return test;
}

TEST(Repair, SmoothingTakesOutliersOutOfActivations) {
  RepairCase test = makeNormCase();
  EXPECT_GT(gainOf(test, *makeSmoothing(), NodePrecision::Int8), 6);
}

TEST(Repair, ActivationAwareScalingProtectsLargeChannels) {
  RepairCase test = makeNormCase();
  EXPECT_GT(gainOf(test, *makeActivationAwareScaling(), NodePrecision::Int4Weights), 1);
}

/// Operands that depend on each other, as those behind a layer do.
RepairCase makeDependentCase() {
  RepairCase test(
      makeModel(R"(g (float[64, 8] x) => (float[64, 24] y) {
    a = MatMul(x, mix)
    b = Relu(a)
    y = MatMul(b, w)
  })",
                {{"mix", randomTensor({8, 64}, 0.5f)}, {"w", randomTensor({64, 24}, 0.1f, 5)}}),
      {randomTensor({64, 8}), randomTensor({64, 8}, 1, 9)});
  test.tensors.blockSize = 32;
  return test;
}

TEST(Repair, CompensatedRoundingIsBetterIn4Bits) {
  RepairCase test = makeDependentCase();
  EXPECT_GT(gainOf(test, *makeCompensatedRounding(), NodePrecision::Int4Weights), 2);
}

TEST(Repair, AdaptiveRoundingIsBetter) {
  RepairCase test = makeDependentCase();
  EXPECT_GT(gainOf(test, *makeAdaptiveRounding(), NodePrecision::Int4Weights), 2);
  EXPECT_GT(gainOf(test, *makeAdaptiveRounding(), NodePrecision::Int8), -0.1);
}

TEST(Repair, BiasCorrectionKeepsTheMean) {
  // Operands that are never negative: errors of weights move the mean.
  std::vector<float> numbers = gaussian(256 * 16);
  for (float &number : numbers)
    number = std::abs(number) + 2;
  RepairCase test(makeModel(R"(g (float[256, 16] x) => (float[256, 12] y) {
    a = MatMul(x, w)
    y = Add(a, b)
  })",
                            {{"w", randomTensor({16, 12})}, {"b", randomTensor({12})}}),
                  {floats({256, 16}, numbers)});
  test.tensors.blockSize = 16;
  EXPECT_GT(gainOf(test, *makeBiasCorrection(), NodePrecision::Int4Weights), 3);
}

TEST(Repair, RangesFollowTheMethod) {
  // One number is far out.
  std::vector<float> numbers = gaussian(4096 * 16);
  numbers[17] = 200;
  RepairCase test(makeModel(R"(g (float[4096, 16] x) => (float[4096, 12] y) { y = MatMul(x, w) })",
                            {{"w", randomTensor({16, 12})}}),
                  {floats({4096, 16}, numbers)});
  test.tensors.range.method = RangeMethod::MinMax;
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  EXPECT_EQ(*recipe.findTensor("x")->high, 200);
  recipe.findTensor("x")->method = "minmax*1.5";
  ASSERT_FALSE(test.context().recalibrate(recipe));
  EXPECT_EQ(recipe.findTensor("x")->method, "minmax*1.5");
  EXPECT_EQ(*recipe.findTensor("x")->high, 300);
  recipe.findTensor("x")->method = "percentile";
  ASSERT_FALSE(test.context().recalibrate(recipe));
  EXPECT_LT(*recipe.findTensor("x")->high, 10);
}

TEST(Repair, RangesAreThoseOfWhatIsComputedWith) {
  // The least numbers of windows are only moved.
  std::vector<float> numbers = gaussian(2 * 8 * 8, 1, 1);
  for (size_t i = 0; i < numbers.size(); i += 2)
    numbers[i] = -100;
  RepairCase test(makeModel(R"(g (float[1, 2, 8, 8] x) => (float[1, 3, 4, 4] y) {
        pooled = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)
        y = Conv(pooled, w) })",
                            {{"w", randomTensor({3, 2, 1, 1})}}),
                  {floats({1, 2, 8, 8}, std::move(numbers))});
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  EXPECT_GT(*recipe.findTensor("x")->low, -10);
  EXPECT_EQ(recipe.findTensor("x")->scales, recipe.findTensor("pooled")->scales);
}

TEST(Repair, ChosenCodesOutliveOtherRanges) {
  RepairCase test = makeDependentCase();
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  ASSERT_TRUE(llvm::cantFail(makeAdaptiveRounding()->apply(recipe, test.context())));
  std::vector<int8_t> codes = recipe.findTensor("w")->codes;
  ASSERT_FALSE(codes.empty());
  recipe.findTensor("b")->method = "minmax*2";
  float scale = recipe.findTensor("b")->scales.front();
  ASSERT_FALSE(test.context().recalibrate(recipe, RepairContext::Codes::Keep));
  EXPECT_GT(recipe.findTensor("b")->scales.front(), 1.5f * scale);
  EXPECT_EQ(recipe.findTensor("w")->codes, codes);
  ASSERT_FALSE(test.context().recalibrate(recipe));
  EXPECT_TRUE(recipe.findTensor("w")->codes.empty());
}

TEST(Repair, ShortcutsReadWhatWasComputed) {
  // The shortcut is most of the result.
  RepairCase test(
      makeModel(R"(g (float[1, 8, 12, 12] x) => (float[1, 8, 12, 12] y) {
    a = Conv(x, w1)
    b = Conv(a, w2)
    y = Add(a, b)
  })",
                {{"w1", randomTensor({8, 8, 1, 1})}, {"w2", randomTensor({8, 8, 1, 1}, 0.001f)}}),
      {randomTensor({1, 8, 12, 12})});
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  ASSERT_NE(recipe.findNode("y"), nullptr);
  double before = test.measure(recipe, "y");
  EXPECT_TRUE(llvm::cantFail(makeFullShortcuts()->apply(recipe, test.context())));
  EXPECT_EQ(recipe.findNode("y"), nullptr);
  EXPECT_GT(test.measure(recipe, "y"), before + 1);
  EXPECT_FALSE(llvm::cantFail(makeFullShortcuts()->apply(recipe, test.context())));
}

TEST(Repair, DoesNothingWhereThereIsNothing) {
  RepairCase test = makeProductCase(4, 16, 12);
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  std::string before = formatRecipe(recipe);
  for (const std::unique_ptr<Repair> &repair : makeRepairs()) {
    if (repair->getName() == "adaptive rounding")
      continue;
    EXPECT_FALSE(llvm::cantFail(repair->apply(recipe, test.context()))) << repair->getName().str();
  }
  EXPECT_EQ(formatRecipe(recipe), before);
}

} // namespace
