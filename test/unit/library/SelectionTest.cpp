// TopK, NonZero, Unique, NonMaxSuppression and the scatters on small tensors.

#include "test/unit/library/LibraryCall.h"
#include <cmath>
#include <gtest/gtest.h>

extern "C" LibFunction tenon_topk_f32, tenon_topk_i64, tenon_nonzero_f32, tenon_unique_f32,
    tenon_nms_f32, tenon_scatter_elements_f32, tenon_scatter_nd_f32;

namespace {

using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;

TEST(TopK, BestFirstAndEarlierOnesOfEquals) {
  Tensor<float> x({2, 5}, {3, 1, 3, 2, 9, -1, -5, 0, -5, 7}), values({2, 3});
  Tensor<int64_t> positions({2, 3});
  CallOptions options = {.ints = {1, 1}, .scratchBytes = 3 * 16, .tasks = 2};
  EXPECT_EQ(call(tenon_topk_f32, {x.view()}, {values.view(), positions.view()}, options), 0);
  EXPECT_EQ(values.values, (Floats{9, 3, 3, 7, 0, -1}));
  EXPECT_EQ(positions.values, (Ints{4, 0, 2, 4, 2, 0}));
  options.ints[1] = 0;
  EXPECT_EQ(call(tenon_topk_f32, {x.view()}, {values.view(), positions.view()}, options), 0);
  EXPECT_EQ(values.values, (Floats{1, 2, 3, -5, -5, -1}));
  EXPECT_EQ(positions.values, (Ints{1, 3, 0, 1, 3, 0}));
}

TEST(TopK, InnerAxis) {
  Tensor<int64_t> x({3, 2}, {5, 1, 6, 9, 4, 2}), values({2, 2}), positions({2, 2});
  CallOptions options = {.ints = {0, 1}, .scratchBytes = 2 * 16};
  EXPECT_EQ(call(tenon_topk_i64, {x.view()}, {values.view(), positions.view()}, options), 0);
  EXPECT_EQ(values.values, (Ints{6, 9, 5, 2}));
  EXPECT_EQ(positions.values, (Ints{1, 1, 0, 2}));
}

TEST(TopK, RefusesMoreThanThereAre) {
  Tensor<float> x({2}), values({3});
  Tensor<int64_t> positions({3});
  CallOptions options = {.ints = {0, 1}, .scratchBytes = 3 * 16};
  EXPECT_EQ(call(tenon_topk_f32, {x.view()}, {values.view(), positions.view()}, options),
            TENON_EXEC_BAD_VALUE);
}

TEST(NonZero, WritesTheCount) {
  Tensor<float> x({2, 2}, {1, 0, 1, 1});
  Tensor<int64_t> result({2, 4});
  EXPECT_EQ(call(tenon_nonzero_f32, {x.view()}, {result.view()}, {}), 0);
  EXPECT_EQ(result.dims, (Ints{2, 3}));
  result.values.resize(6);
  EXPECT_EQ(result.values, (Ints{0, 1, 1, 0, 0, 1}));
}

struct Unique {
  Tensor<float> values;
  Tensor<int64_t> first, inverse, counts;

  Unique(Tensor<float> x, int64_t axis, bool sorted)
      : values(x.dims), first({size(x, axis)}), inverse({size(x, axis)}), counts({size(x, axis)}) {
    if (axis < 0)
      values.dims = {size(x, axis)};
    CallOptions options = {.ints = {axis, sorted}, .scratchBytes = 24 * size(x, axis)};
    EXPECT_EQ(call(tenon_unique_f32, {x.view()},
                   {values.view(), first.view(), inverse.view(), counts.view()}, options),
              0);
    int64_t found = values.dims[axis < 0 ? 0 : axis], all = 1;
    for (int64_t dim : values.dims)
      all *= dim;
    values.values.resize(all);
    first.values.resize(found);
    counts.values.resize(found);
  }
  static int64_t size(const Tensor<float> &x, int64_t axis) {
    return axis < 0 ? x.values.size() : x.dims[axis];
  }
};

TEST(Unique, SortedElements) {
  Unique unique({{6}, {2, 1, 1, 3, 4, 3}}, -1, true);
  EXPECT_EQ(unique.values.values, (Floats{1, 2, 3, 4}));
  EXPECT_EQ(unique.first.values, (Ints{1, 0, 3, 4}));
  EXPECT_EQ(unique.inverse.values, (Ints{1, 0, 0, 2, 3, 2}));
  EXPECT_EQ(unique.counts.values, (Ints{2, 1, 2, 1}));
}

TEST(Unique, ElementsInOrderOfOccurrence) {
  Unique unique({{6}, {2, 1, 1, 3, 4, 3}}, -1, false);
  EXPECT_EQ(unique.values.values, (Floats{2, 1, 3, 4}));
  EXPECT_EQ(unique.first.values, (Ints{0, 1, 3, 4}));
  EXPECT_EQ(unique.inverse.values, (Ints{0, 1, 1, 2, 3, 2}));
  EXPECT_EQ(unique.counts.values, (Ints{1, 2, 2, 1}));
}

TEST(Unique, Slices) {
  Unique rows({{3, 3}, {1, 0, 0, 1, 0, 0, 2, 3, 4}}, 0, true);
  EXPECT_EQ(rows.values.values, (Floats{1, 0, 0, 2, 3, 4}));
  EXPECT_EQ(rows.inverse.values, (Ints{0, 0, 1}));
  Unique columns({{2, 3}, {1, 0, 1, 2, 0, 2}}, 1, true);
  EXPECT_EQ(columns.values.values, (Floats{0, 1, 0, 2}));
  EXPECT_EQ(columns.first.values, (Ints{1, 0}));
}

TEST(NonMaxSuppression, DropsOverlapsAndLowScores) {
  Tensor<float> boxes({1, 6, 4}, {0, 0,  1, 1,  0, 0.1,  1, 1.1,  0, -0.1, 1, 0.9,
                                  0, 10, 1, 11, 0, 10.1, 1, 11.1, 0, 100,  1, 101});
  Tensor<float> scores({1, 1, 6}, {0.9, 0.75, 0.6, 0.95, 0.5, 0.3});
  Tensor<int64_t> most({}, 3), result({6, 3});
  Tensor<float> overlap({}, 0.5f), lowest({}, 0.4f);
  CallOptions options = {.ints = {0}, .scratchBytes = 6 * 28};
  EXPECT_EQ(call(tenon_nms_f32,
                 {boxes.view(), scores.view(), most.view(), overlap.view(), lowest.view()},
                 {result.view()}, options),
            0);
  EXPECT_EQ(result.dims, (Ints{2, 3}));
  result.values.resize(6);
  EXPECT_EQ(result.values, (Ints{0, 0, 3, 0, 0, 0}));
  // No limit given means nothing is chosen.
  EXPECT_EQ(call(tenon_nms_f32, {boxes.view(), scores.view(), omitted, omitted, omitted},
                 {result.view()}, options),
            0);
  EXPECT_EQ(result.dims, (Ints{0, 3}));
}

TEST(Scatter, ElementsAlongAnAxis) {
  Tensor<float> data({1, 5}, {1, 2, 3, 4, 5}), updates({1, 2}, {10, 20}), result({1, 5});
  Tensor<int64_t> indices({1, 2}, {1, -2});
  EXPECT_EQ(call(tenon_scatter_elements_f32, {data.view(), indices.view(), updates.view()},
                 {result.view()}, {.ints = {0, 1}}),
            0);
  EXPECT_EQ(result.values, (Floats{1, 10, 3, 20, 5}));
  indices.values = {1, 1};
  EXPECT_EQ(call(tenon_scatter_elements_f32, {data.view(), indices.view(), updates.view()},
                 {result.view()}, {.ints = {1, 1}}),
            0);
  EXPECT_EQ(result.values, (Floats{1, 32, 3, 4, 5}));
  indices.values = {1, 5};
  EXPECT_EQ(call(tenon_scatter_elements_f32, {data.view(), indices.view(), updates.view()},
                 {result.view()}, {.ints = {0, 1}}),
            TENON_EXEC_BAD_VALUE);
}

TEST(Scatter, SlicesInPlace) {
  Tensor<float> data({3, 2}, {1, 2, 3, 4, 5, 6}), updates({2, 2}, {9, 1, 7, 8});
  Tensor<int64_t> indices({2, 1}, {2, 0});
  EXPECT_EQ(call(tenon_scatter_nd_f32, {data.view(), indices.view(), updates.view()}, {data.view()},
                 {.ints = {4}}),
            0);
  EXPECT_EQ(data.values, (Floats{7, 8, 3, 4, 9, 6}));
}

} // namespace
