// Losses of outputs, against numbers that are worked out by hand.

#include "lib/Calibration/Metrics.h"
#include "test/unit/Calibration/TestTensors.h"
#include <cmath>

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

TensorLoss lossOf(const std::vector<float> &reference, const std::vector<float> &got) {
  Tensor a = floats({int64_t(reference.size())}, reference), b = floats({int64_t(got.size())}, got);
  TensorLoss loss;
  EXPECT_FALSE(loss.add(a.view(), b.view()));
  return loss;
}

TEST(TensorLoss, IsNothingForEqualTensors) {
  TensorLoss loss = lossOf({1, -2, 3}, {1, -2, 3});
  EXPECT_EQ(loss.sqnr(), INFINITY);
  EXPECT_DOUBLE_EQ(loss.cosine(), 1);
  EXPECT_EQ(loss.relativeError(), 0);
}

TEST(TensorLoss, SumsOverSamples) {
  Tensor a = floats({2}, {3, 4}), b = floats({2}, {3, 4.5f}), c = floats({2}, {0, 5});
  TensorLoss loss;
  ASSERT_FALSE(loss.add(a.view(), b.view()));
  ASSERT_FALSE(loss.add(c.view(), c.view()));
  EXPECT_DOUBLE_EQ(loss.sqnr(), 10 * std::log10(50 / 0.25));
  EXPECT_DOUBLE_EQ(loss.relativeError(), 0.1);
  EXPECT_DOUBLE_EQ(loss.cosine(), (9 + 18 + 25) / std::sqrt(50 * (9 + 20.25 + 25)));
}

TEST(TensorLoss, NoticesNumbersThatAreNone) {
  EXPECT_EQ(lossOf({1, 2}, {1, NAN}).sqnr(), -INFINITY);
  EXPECT_EQ(lossOf({1, 2}, {1, INFINITY}).cosine(), 0);
  EXPECT_EQ(lossOf({1, NAN}, {1, NAN}).sqnr(), INFINITY);
  EXPECT_EQ(lossOf({1, -INFINITY}, {1, -INFINITY}).relativeError(), 0);
  EXPECT_EQ(lossOf({0, 0}, {0, 1}).sqnr(), -INFINITY);
}

TEST(TensorLoss, IsAllForOtherSizes) {
  TensorLoss loss = lossOf({1, 2}, {1, 2, 3});
  EXPECT_EQ(loss.sqnr(), -INFINITY);
  EXPECT_EQ(loss.cosine(), 0);
  EXPECT_EQ(loss.getSamples().size(), 1u);
}

TEST(TensorLoss, RefusesOtherRanks) {
  Tensor a = floats({2}, {1, 2}), b = floats({2, 1}, {1, 2});
  TensorLoss loss;
  EXPECT_EQ(llvm::toString(loss.add(a.view(), b.view())),
            "is float[2,1], but the reference is float[2]");
}

TEST(TopAccuracy, ComparesTheHighestScores) {
  Tensor reference = floats({2, 3}, {1, 5, 2, 9, 0, 1}), got = floats({2, 3}, {1, 2, 3, 4, 0, 1});
  TopAccuracy first, second(2);
  ASSERT_FALSE(first.addAgreement(reference.view(), got.view()));
  ASSERT_FALSE(second.addAgreement(reference.view(), got.view()));
  EXPECT_EQ(first.count(), 2);
  EXPECT_EQ(first.fraction(), 0.5);
  EXPECT_EQ(second.fraction(), 1);
}

TEST(TopAccuracy, ComparesWithLabels) {
  Tensor scores = floats({1, 3, 1, 1}, {0.2f, 0.5f, 0.3f});
  TopAccuracy accuracy;
  ASSERT_FALSE(accuracy.addLabel(1, scores.view()));
  ASSERT_FALSE(accuracy.addLabel(2, scores.view()));
  EXPECT_EQ(accuracy.fraction(), 0.5);
  EXPECT_EQ(llvm::toString(accuracy.addLabel(3, scores.view())), "label 3 is none of 3 classes");
  Tensor broken = floats({2}, {NAN, NAN});
  TopAccuracy none;
  ASSERT_FALSE(none.addLabel(0, broken.view()));
  EXPECT_EQ(none.fraction(), 0);
}

} // namespace
