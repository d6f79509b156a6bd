// Products in the place of quotients round to the same integers.
#include "passes/Quantize/RoundedQuotient.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tenon;

namespace {

/// What takes the place of the division, as a kernel computes it.
float multiply(float x, Reciprocal by) { return std::nearbyint(std::fma(x, by.high, x * by.low)); }

TEST(RoundedQuotientTest, IsTheQuotientForEveryFloat) {
  // All floats between the bounds, of one divisor; what is far below the first step is 0 both ways.
  constexpr float divisor = 0.0513628609F;
  std::optional<Reciprocal> by = findReciprocal(divisor, 0, 255);
  ASSERT_TRUE(by);
  auto last = std::bit_cast<uint32_t>(255 * divisor);
  uint32_t wrong = 0;
  for (auto bits = std::bit_cast<uint32_t>(divisor / 4); bits <= last; ++bits) {
    auto x = std::bit_cast<float>(bits);
    wrong += multiply(x, *by) != std::nearbyint(x / divisor);
  }
  EXPECT_EQ(wrong, 0U);
}

TEST(RoundedQuotientTest, IsTheQuotientBesideEveryStep) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> exponent(-20, 20);
  int found = 0;
  constexpr int kDivisors = 2000;
  for (int i = 0; i < kDivisors; ++i) {
    float divisor = std::exp2(exponent(random));
    std::optional<Reciprocal> by = findReciprocal(divisor, -128, 127);
    if (!by)
      continue;
    ++found;
    for (int k = -128; k < 127; ++k) {
      float x = static_cast<float>((k + 0.5) * static_cast<double>(divisor));
      for (float near : {std::nextafter(x, -INFINITY), x, std::nextafter(x, INFINITY)})
        ASSERT_EQ(multiply(near, *by), std::nearbyint(near / divisor)) << near << " / " << divisor;
    }
  }
  // One for nearly every divisor, or kernels would divide.
  EXPECT_GT(found, kDivisors * 99 / 100);
}

TEST(RoundedQuotientTest, KnowsWhatItCannotReplace) {
  for (float divisor : {0.0F, -0.5F, INFINITY, NAN, 1e-30F, 1e30F})
    EXPECT_FALSE(findReciprocal(divisor, 0, 255)) << divisor;
}

} // namespace
