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

/// Samples whose noise is log-normal.
std::vector<SamplePowers> drawSamples(std::mt19937 &engine, double deviation, int count,
                                      double loudness = 1) {
  std::normal_distribution<double> normal(0, deviation);
  std::vector<SamplePowers> samples;
  for (int i = 0; i < count; ++i)
    samples.push_back({loudness * std::exp(normal(engine)), 100});
  return samples;
}

/// How often the bound is above the mean that the distribution has, as a part of 2000 times.
double measureCoverage(double deviation, int count, int alike) {
  std::mt19937 engine(1);
  double mean = std::exp(deviation * deviation / 2);
  constexpr int rounds = 2000;
  int held = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<SamplePowers> samples = drawSamples(engine, deviation, count);
    double sum = 0;
    for (const SamplePowers &sample : samples)
      sum += sample.noise;
    // What a change was fitted to has less noise.
    held += sum / count * boundNoise(samples, drawSamples(engine, deviation, alike, 0.7)) >= mean;
  }
  return static_cast<double>(held) / rounds;
}

TEST(BoundNoise, HoldsAsOftenAsItSays) {
  for (int count : {2, 6, 24})
    for (double deviation : {0.3, 0.8})
      EXPECT_GE(measureCoverage(deviation, count, 3 * count), 0.95)
          << count << " samples, deviation " << deviation;
  for (int count : {6, 24})
    EXPECT_GE(measureCoverage(1.2, count, 3 * count), 0.95) << count << " samples";
}

TEST(BoundNoise, HoldsAboutAsOftenWithoutOthers) {
  for (int count : {6, 8, 24})
    for (double deviation : {0.3, 0.8})
      EXPECT_GT(measureCoverage(deviation, count, 0), 0.93)
          << count << " samples, deviation " << deviation;
}

/// Samples of which one in eight has up to 30 times the noise of the others.
std::vector<SamplePowers> drawMixture(std::mt19937 &engine, int count) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::normal_distribution<double> normal(0, 0.1);
  std::vector<SamplePowers> samples;
  for (int i = 0; i < count; ++i) {
    double noise = std::exp(normal(engine));
    if (uniform(engine) < 0.125)
      noise *= std::pow(30, uniform(engine));
    samples.push_back({noise, 100});
  }
  return samples;
}

TEST(BoundNoise, HoldsWhereAFewHaveMostOfTheNoise) {
  // The mean of 30^x for x from 0 to 1 is 29 / ln(30).
  double mean = std::exp(0.005) * (0.875 + 0.125 * 29 / std::log(30));
  std::mt19937 engine(3);
  for (auto [count, least] : {std::pair(8, 0.9), std::pair(32, 0.95)}) {
    constexpr int rounds = 2000;
    int held = 0;
    for (int round = 0; round < rounds; ++round) {
      std::vector<SamplePowers> samples = drawMixture(engine, count);
      double sum = 0;
      for (const SamplePowers &sample : samples)
        sum += sample.noise;
      held += sum / count * boundNoise(samples, drawMixture(engine, 3 * count)) >= mean;
    }
    EXPECT_GE(held, least * rounds) << count << " samples";
  }
}

TEST(BoundNoise, IsNearerWithSamplesThatDifferAlike) {
  std::mt19937 engine(2);
  double alone = 0, beside = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<SamplePowers> samples = drawSamples(engine, 0.3, 2);
    alone += std::log(boundNoise(samples));
    beside += std::log(boundNoise(samples, drawSamples(engine, 0.3, 6)));
  }
  EXPECT_LT(beside, 0.8 * alone);
  // How much less noise they have does not matter, and a single sample gets a bound.
  EXPECT_DOUBLE_EQ(boundNoise({{2, 100}, {3, 100}}, {{0.5, 100}, {0.8, 100}}),
                   boundNoise({{2, 100}, {3, 100}}, {{0.05, 100}, {0.08, 100}}));
  EXPECT_GT(boundNoise({{2, 100}}, {{5, 100}, {8, 100}, {7, 100}}), 1.1);
}

TEST(BoundNoise, IsThatOfAllWhereSamplesAreLucky) {
  std::vector<SamplePowers> samples = {{2, 100}, {3, 100}},
                            others = {{20, 100}, {30, 100}, {25, 100}, {22, 100}}, all = samples;
  all.insert(all.end(), others.begin(), others.end());
  double louder = (97 + 5) / 6.0 / 2.5;
  EXPECT_DOUBLE_EQ(boundNoise(samples, others), louder * boundNoise(all));
  EXPECT_GT(boundNoise(all), 1.5);
}

} // namespace
