// Moments of channels, against sums over all positions.

#include "lib/MeasuredPruning/ActivationMoments.h"
#include "test/unit/Calibration/TestTensors.h"

using namespace tenon;
using namespace tenon::test;

namespace {

/// [2, 3, 5], far from zero, with the middle axis' channels as rows.
std::pair<Tensor, Eigen::MatrixXd> makeTensor(unsigned seed) {
  std::vector<float> numbers = gaussian(30, 1, seed);
  Eigen::MatrixXd rows(3, 10);
  for (int element = 0; element < 30; ++element) {
    int channel = element / 5 % 3;
    numbers[element] += 1000.0F * static_cast<float>(channel);
    rows(channel, element / 15 * 5 + element % 5) = numbers[element];
  }
  return {floats({2, 3, 5}, numbers), rows};
}

TEST(ChannelMoments, AreThoseOfAllSamples) {
  ChannelMoments moments(1, /*withProducts=*/true);
  Eigen::MatrixXd all(3, 20);
  for (int sample : {0, 1}) {
    auto [tensor, rows] = makeTensor(sample + 1);
    ASSERT_FALSE(static_cast<bool>(moments.observe(tensor.view())));
    all.middleCols(sample * 10, 10) = rows;
  }
  Eigen::VectorXd means = all.rowwise().mean();
  Eigen::MatrixXd centered = all.colwise() - means;
  EXPECT_EQ(moments.size(), 3);
  EXPECT_LT((moments.getMeans() - means).cwiseAbs().maxCoeff(), 1e-4);
  EXPECT_LT((moments.getCovariances() - centered * centered.transpose() / 20).cwiseAbs().maxCoeff(),
            1e-4);
  EXPECT_LT((moments.getVariances() - moments.getCovariances().diagonal()).cwiseAbs().maxCoeff(),
            1e-4);
}

TEST(ChannelMoments, TakeSomePositionsOfManyEvenly) {
  std::vector<float> numbers(40000);
  for (size_t position = 0; position < numbers.size(); ++position)
    numbers[position] = static_cast<float>(position) / 40000;
  Tensor tensor = floats({1, 1, 200, 200}, numbers);
  ChannelMoments moments(1, /*withProducts=*/false);
  ASSERT_FALSE(static_cast<bool>(moments.observe(tensor.view())));
  EXPECT_NEAR(moments.getMeans()(0), 0.5, 1e-3);
  EXPECT_NEAR(moments.getVariances()(0), 1.0 / 12, 1e-3);
}

TEST(ChannelMoments, RefuseOtherShapes) {
  ChannelMoments moments(1, /*withProducts=*/false);
  ASSERT_FALSE(static_cast<bool>(moments.observe(floats({1, 2}, {1, 2}).view())));
  EXPECT_EQ(llvm::toString(moments.observe(floats({1, 3}, {1, 2, 3}).view())),
            "axis 1 has 3 channels here and had 2 before");
  EXPECT_EQ(llvm::toString(moments.observe(floats({3}, {1, 2, 3}).view())),
            "a tensor of rank 1 has no axis 1");
}

} // namespace
