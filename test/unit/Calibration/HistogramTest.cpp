// Histograms: every number is counted once, in the right bin, whatever comes first.

#include "lib/Calibration/Histogram.h"
#include "test/unit/Calibration/TestTensors.h"
#include <cmath>

using namespace tenon::quantize;
using namespace tenon::test;

namespace {

int64_t countBins(const Histogram &histogram) {
  int64_t sum = 0;
  for (int64_t count : histogram.bins())
    sum += count;
  return sum;
}

TEST(Histogram, CountsEveryNumberOnce) {
  Histogram histogram;
  histogram.add({1.0f, -2.0f, 0.0f, 0.0f, 0.5f, -0.0f});
  EXPECT_EQ(histogram.count(), 6);
  EXPECT_EQ(histogram.zeros(), 3);
  EXPECT_EQ(countBins(histogram), 3);
  EXPECT_EQ(histogram.min(), -2);
  EXPECT_EQ(histogram.max(), 1);
}

TEST(Histogram, PutsNumbersWhereTheyAre) {
  std::vector<float> numbers = gaussian(1000);
  Histogram histogram;
  histogram.add(numbers);
  for (auto [bin, count] : llvm::enumerate(histogram.bins())) {
    double center = histogram.center(bin), half = histogram.binWidth() / 2;
    EXPECT_EQ(count, llvm::count_if(numbers, [&](float number) {
                return number >= center - half && number < center + half;
              }));
  }
}

TEST(Histogram, KeepsAtLeastHalfOfItsBins) {
  Histogram histogram;
  histogram.add(gaussian(100));
  EXPECT_GE(histogram.bins().size(), 2048u);
  histogram.add({100.0f});
  EXPECT_GE(histogram.bins().size(), 2048u);
  EXPECT_LE(histogram.bins().size(), size_t(Histogram::kBins));
}

TEST(Histogram, DoesNotDependOnTheOrder) {
  std::vector<float> small = gaussian(500), large = gaussian(500, 37, 2);
  Histogram growing, shrinking, together;
  growing.add(small);
  growing.add(large);
  shrinking.add(large);
  shrinking.add(small);
  small.insert(small.end(), large.begin(), large.end());
  together.add(small);
  for (const Histogram *other : {&shrinking, &together}) {
    EXPECT_EQ(growing.binWidth(), other->binWidth());
    EXPECT_EQ(growing.center(0), other->center(0));
    EXPECT_TRUE(growing.bins() == other->bins());
  }
}

TEST(Histogram, GrowsFromAConstant) {
  Histogram histogram;
  histogram.add({3.0f, 3.0f});
  EXPECT_EQ(countBins(histogram), 2);
  histogram.add({4.0f});
  EXPECT_EQ(countBins(histogram), 3);
  EXPECT_NEAR(histogram.center(0), 3, histogram.binWidth());
}

TEST(Histogram, TakesTheWholeRangeOfFloats) {
  Histogram histogram;
  float largest = std::numeric_limits<float>::max();
  histogram.add({1e-44f, largest});
  histogram.add({-largest, NAN, INFINITY, -INFINITY});
  EXPECT_EQ(histogram.count(), 3);
  EXPECT_EQ(histogram.notFinite(), 3);
  EXPECT_EQ(countBins(histogram), 3);
}

TEST(Histogram, IsEmptyWithoutNumbers) {
  Histogram histogram;
  histogram.add({NAN});
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_TRUE(histogram.bins().empty());
}

TEST(Histogram, AddsWhatOthersCounted) {
  std::vector<float> near = gaussian(1000), far = gaussian(500, 30, 7);
  Histogram together, first, second;
  together.add(near);
  together.add(far);
  first.add(near);
  second.add(far);
  second.add({0.0f, INFINITY});
  together.add({0.0f, INFINITY});
  // The narrower bins join the wider ones, whichever comes first.
  for (auto [into, other] : {std::pair(first, second), std::pair(second, first)}) {
    into.add(other);
    EXPECT_EQ(into.count(), together.count());
    EXPECT_EQ(into.zeros(), 1);
    EXPECT_EQ(into.notFinite(), 1);
    EXPECT_EQ(into.binWidth(), together.binWidth());
    EXPECT_EQ(into.bins(), together.bins());
  }
  Histogram empty;
  first.add(empty);
  EXPECT_EQ(first.count(), 1000);
}

} // namespace
