// Decision trees: two of them, with every way to combine.

#include "test/unit/library/LibraryCall.h"
#include <cmath>
#include <gtest/gtest.h>

extern "C" LibFunction tenon_tree_ensemble_f32;

namespace {

enum Mode { LessEqual, Member = 6, Leaf = 15 };

/// Tree 0: x0 <= 0.5 ? target 0 += 1 : target 1 += 2. Tree 1: x1 in {3, 4} ? target 0 += 10 : none.
std::vector<float> evaluate(std::vector<float> sample, int64_t how, bool hasBase = false) {
  Tensor<float> x({2, 2}, {sample[0], sample[1], 0.0f, 4.0f});
  Tensor<int32_t> nodes({6, 4}, {0 * 16 + LessEqual,
                                 1,
                                 2,
                                 0, //
                                 Leaf,
                                 0,
                                 1,
                                 0, //
                                 Leaf,
                                 1,
                                 2,
                                 0, //
                                 1 * 16 + Member,
                                 4,
                                 5,
                                 1, //
                                 Leaf,
                                 2,
                                 3,
                                 0, //
                                 Leaf,
                                 3,
                                 3,
                                 0});
  Tensor<float> limits({6}, {0.5f, 0, 0, 0, 0, 0}), weights({3}, {1, 2, 10}), base({2}, {5, 6});
  Tensor<int32_t> roots({2}, {0, 3}), targets({3}, {0, 1, 0});
  Tensor<float> members({3}, {2, 3, 4}), result({2, 2});
  EXPECT_EQ(call(tenon_tree_ensemble_f32,
                 {x.view(), nodes.view(), limits.view(), roots.view(), targets.view(),
                  weights.view(), hasBase ? base.view() : omitted, members.view()},
                 {result.view()}, {.ints = {how}, .tasks = 2}),
            0);
  return result.values;
}

TEST(TreeEnsemble, Combinations) {
  EXPECT_EQ(evaluate({1, 3}, 0), (std::vector<float>{10, 2, 11, 0}));
  EXPECT_EQ(evaluate({1, 3}, 1), (std::vector<float>{5, 1, 5.5, 0}));
  EXPECT_EQ(evaluate({1, 7}, 2), (std::vector<float>{0, 2, 1, 0}));
  EXPECT_EQ(evaluate({1, 7}, 3), (std::vector<float>{0, 2, 10, 0}));
  EXPECT_EQ(evaluate({0.5, 7}, 0, true), (std::vector<float>{6, 6, 16, 6}));
}

TEST(TreeEnsemble, NaNGoesWhereTheNodeSays) {
  EXPECT_EQ(evaluate({NAN, NAN}, 0), (std::vector<float>{10, 2, 11, 0}));
}

} // namespace
