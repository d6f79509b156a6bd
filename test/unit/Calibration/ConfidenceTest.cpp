// What few samples say of others: numbers drawn here, and how often the bound holds for their mean.

#include "lib/Calibration/Confidence.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <vector>

using namespace tenon::quantize;

namespace {

TEST(BoundNoise, IsOneWhereSamplesAreAlike) {
  EXPECT_DOUBLE_EQ(boundNoise({{2, 100}, {2, 100}, {2, 100}}), 1);
  EXPECT_DOUBLE_EQ(boundNoise({{2, 100}, {4, 200}}), boundNoise({{4, 200}, {2, 100}}));
}

TEST(BoundNoise, SaysNothingWithoutSamplesToCompare) {
  EXPECT_EQ(boundNoise({}), 1);
  EXPECT_EQ(boundNoise({{2, 100}}), 1);
  EXPECT_EQ(boundNoise({{0, 100}, {0, 50}}), 1);
}

TEST(BoundNoise, GrowsWithHowFarSamplesDiffer) {
  double near = boundNoise({{9, 100}, {10, 100}, {11, 100}, {10, 100}}),
         far = boundNoise({{5, 100}, {10, 100}, {15, 100}, {10, 100}});
  EXPECT_GT(near, 1.05);
  EXPECT_GT(far, 2 * near - 1);
  EXPECT_EQ(boundNoise({{0, 100}, {0, 100}, {0, 100}, {10, 100}}), 10);
  // The noise is the same, the signal is not.
  EXPECT_GT(boundNoise({{10, 50}, {10, 150}, {10, 80}, {10, 120}}), 1.3);
}

TEST(BoundNoise, ShrinksWithSamples) {
  std::vector<SamplePowers> some = {{5, 100}, {15, 100}, {8, 100}, {12, 100}}, more;
  for (int i = 0; i < 16; ++i)
    more.insert(more.end(), some.begin(), some.end());
  EXPECT_LT(boundNoise(more), 1 + (boundNoise(some) - 1) / 3);
}

// Drawn from log-normal distributions whose mean is known.
TEST(BoundNoise, HoldsAsOftenAsItSays) {
  std::mt19937 engine(1);
  for (double deviation : {0.3, 0.8})
    for (int count : {6, 8, 24}) {
      std::normal_distribution<double> normal(0, deviation);
      double mean = std::exp(deviation * deviation / 2);
      constexpr int rounds = 2000;
      int held = 0;
      for (int round = 0; round < rounds; ++round) {
        std::vector<SamplePowers> samples;
        double sum = 0;
        for (int i = 0; i < count; ++i) {
          samples.push_back({std::exp(normal(engine)), 100});
          sum += samples.back().noise;
        }
        held += sum / count * boundNoise(samples) >= mean;
      }
      EXPECT_GT(held, 0.93 * rounds) << count << " samples, deviation " << deviation;
    }
}

} // namespace
