// Decision trees: every way to combine, both forms of leaves, and any number of samples.

#include "lib/Target/KernelLibrary/OrderedFloat.h"
#include "test/unit/library/LibraryCall.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tenon;

extern "C" LibFunction tenon_tree_ensemble_f32;

namespace {

enum How { Sum, Average, Min, Max };

/// Tree 0: x0 <= 0.5 ? target 0 += 1, target 1 += 4 : target 1 += 2. Tree 1: x1 > 3 ? target 0 +=
/// 10 : nothing, asked as -x1 <= the float below -3.
std::vector<float> evaluate(std::vector<float> samples, int64_t how, bool hasBase = false) {
  int64_t rows = static_cast<int64_t>(samples.size()) / 2;
  Tensor<float> x({rows, 2}, std::move(samples)), base({2}, {5, 6}), result({rows, 2});
  Tensor<int32_t> columns({2}, {0 * 2, 1 * 2 + 1}), roots({2}, {0, 3});
  int32_t half = orderedFloat(0.5f), belowMinusThree = orderedFloat(-3.0f) - 1;
  float neutral = how == Min ? INFINITY : how == Max ? -INFINITY : 0.0f;
  auto bits = [](float weight) { return std::bit_cast<int32_t>(weight); };
  Tensor<int32_t> nodes({6, 3}, {half, 1, 1,            //
                                 0, 0, -1,              //
                                 2, 0, -1,              //
                                 belowMinusThree, 2, 1, //
                                 3, 0, -1,              //
                                 4, 0, -1});
  Tensor<int32_t> entries({5, 2}, {0 * 2, bits(1), 1 * 2 + 1, bits(4), 1 * 2 + 1, bits(2),
                                   0 * 2 + 1, bits(10), 0 * 2 + 1, bits(neutral)});
  constexpr int64_t block = 16;
  EXPECT_EQ(call(tenon_tree_ensemble_f32,
                 {x.view(), columns.view(), nodes.view(), roots.view(), entries.view(),
                  hasBase ? base.view() : omitted},
                 {result.view()},
                 {.ints = {how, block}, .scratchBytes = block * 3 * 4, .tasks = 2}),
            0);
  return result.values;
}

TEST(TreeEnsemble, Combinations) {
  EXPECT_EQ(evaluate({1, 3, 0, 4}, Sum), (std::vector<float>{0, 2, 11, 4}));
  EXPECT_EQ(evaluate({1, 3, 0, 4}, Average), (std::vector<float>{0, 1, 5.5, 2}));
  EXPECT_EQ(evaluate({1, 3, 0, 4}, Min), (std::vector<float>{0, 2, 1, 4}));
  EXPECT_EQ(evaluate({1, 3, 0, 4}, Max), (std::vector<float>{0, 2, 10, 4}));
  EXPECT_EQ(evaluate({0.5, 7}, Sum, true), (std::vector<float>{16, 10}));
}

TEST(TreeEnsemble, NaNTakesTheSecondWay) {
  EXPECT_EQ(evaluate({NAN, NAN}, Sum), (std::vector<float>{0, 2}));
  EXPECT_EQ(evaluate({-NAN, -NAN}, Sum), (std::vector<float>{0, 2}));
}

TEST(TreeEnsemble, NoSamples) { EXPECT_EQ(evaluate({}, Sum), std::vector<float>()); }

TEST(OrderedFloat, KeepsTheOrder) {
  constexpr float numbers[] = {-INFINITY, -3e38f, -1, -1e-45f, 0, 1e-45f, 1, 3e38f, INFINITY};
  for (size_t i = 0; i + 1 < std::size(numbers); ++i) {
    EXPECT_LT(orderedFloat(numbers[i]), orderedFloat(numbers[i + 1]));
    EXPECT_EQ(orderedFloat(std::nextafter(numbers[i + 1], -INFINITY)),
              orderedFloat(numbers[i + 1]) - 1);
    EXPECT_EQ(orderedFloat(-numbers[i]), -orderedFloat(numbers[i]));
  }
  EXPECT_EQ(orderedFloat(-0.0f), 0);
  EXPECT_EQ(orderedFloat(INFINITY), orderedInfinity);
  EXPECT_EQ(orderedFloat(-NAN), orderedNaN);
}

/// Complete trees of depth 4 with one weight in each leaf.
class Complete : public testing::Test {
protected:
  static constexpr int64_t numTrees = 5, depth = 4, features = 3, nodesPerTree = 31;

  Complete() {
    std::normal_distribution<float> draw;
    for (int32_t tree = 0; tree < numTrees; ++tree) {
      roots.push_back(tree * nodesPerTree);
      for (int32_t i = 0; i < nodesPerTree; ++i) {
        bool isLeaf = i >= nodesPerTree / 2;
        numbers.push_back(draw(random));
        if (isLeaf)
          nodes.insert(nodes.end(), {std::bit_cast<int32_t>(numbers.back()), 0, -1});
        else
          nodes.insert(nodes.end(), {orderedFloat(numbers.back()), i % 3 + 1, i + 1});
      }
    }
  }

  float evaluateOne(const float *sample) const {
    float sum = 0;
    for (int64_t tree = 0; tree < numTrees; ++tree) {
      int64_t at = 0;
      for (int64_t i = 0; i < depth; ++i)
        at = 2 * at + 1 + (sample[at % 3] > numbers[tree * nodesPerTree + at]);
      sum += numbers[tree * nodesPerTree + at];
    }
    return sum;
  }

  std::mt19937 random{1};
  std::vector<float> numbers; // limits and weights
  std::vector<int32_t> nodes, roots;
};

TEST_F(Complete, AnyNumberOfSamplesBlocksAndTasks) {
  std::normal_distribution<float> draw;
  for (int64_t rows : {1, 7, 8, 9, 23, 100})
    for (int64_t block : {1, 8, 40})
      for (int64_t tasks : {1, 2, 3}) {
        Tensor<float> x({rows, features}), result({rows, 1}), expected({rows, 1});
        for (float &value : x.values)
          value = draw(random);
        for (int64_t i = 0; i < rows; ++i)
          expected.values[i] = evaluateOne(&x.values[i * features]);
        Tensor<int32_t> columns({3}, {0, 2, 4}), table({numTrees * nodesPerTree, 3}, nodes);
        Tensor<int32_t> trees({numTrees}, roots);
        CallOptions options{
            .ints = {Sum, block}, .scratchBytes = block * (features + 1) * 4, .tasks = tasks};
        ASSERT_EQ(call(tenon_tree_ensemble_f32,
                       {x.view(), columns.view(), table.view(), trees.view(), omitted, omitted},
                       {result.view()}, options),
                  0);
        EXPECT_EQ(result.values, expected.values) << rows << " " << block << " " << tasks;
      }
}

} // namespace
