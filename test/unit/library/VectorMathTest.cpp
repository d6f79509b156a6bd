// The vector functions against libm: a few ulp, and the right limits.

#include "lib/Target/KernelLibrary/src/VectorMath.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace tenon::library;

namespace {

template <typename Function> float apply(Function function, float x) {
  Vec v = Vec{} + x;
  function(v);
  return v[5];
}

double ulpError(float got, double expected) {
  int exponent;
  std::frexp(expected, &exponent);
  return std::fabs(got - expected) / std::ldexp(1.0, exponent - 24);
}

template <typename Function, typename Reference>
double worstError(Function function, Reference reference, float low, float high) {
  double worst = 0;
  for (int i = 0; i <= 200000; ++i) {
    float x = low + (high - low) * i / 200000;
    worst = std::fmax(worst, ulpError(apply(function, x), reference(static_cast<double>(x))));
  }
  return worst;
}

auto exponential = [](Vec &v) { vecExp(v); };
auto sigmoid = [](Vec &v) { vecSigmoid(v); };
auto hyperbolicTangent = [](Vec &v) { vecTanh(v); };

TEST(VectorMath, ExpIsWithinFourUlp) {
  EXPECT_LE(worstError(exponential, [](double x) { return std::exp(x); }, -86, 87), 4);
}

TEST(VectorMath, SigmoidIsWithinFourUlp) {
  auto reference = [](double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_LE(worstError(sigmoid, reference, -80, 80), 4);
}

TEST(VectorMath, TanhIsWithinFourUlp) {
  auto reference = [](double x) { return std::tanh(x); };
  EXPECT_LE(worstError(hyperbolicTangent, reference, -12, 12), 4);
  EXPECT_LE(worstError(hyperbolicTangent, reference, -0.01f, 0.01f), 4);
}

TEST(VectorMath, LimitsAndNaN) {
  EXPECT_EQ(apply(hyperbolicTangent, INFINITY), 1.0f);
  EXPECT_EQ(apply(hyperbolicTangent, -INFINITY), -1.0f);
  EXPECT_EQ(apply(sigmoid, 1000), 1.0f);
  EXPECT_LE(apply(sigmoid, -1000), 1e-37f);
  EXPECT_EQ(apply(hyperbolicTangent, 0), 0.0f);
  EXPECT_TRUE(std::isnan(apply(hyperbolicTangent, NAN)));
  EXPECT_TRUE(std::isnan(apply(sigmoid, NAN)));
}

TEST(VectorMath, PartialVectors) {
  float from[16], to[16] = {};
  for (int i = 0; i < 16; ++i)
    from[i] = i + 1;
  Vec v;
  loadPart(v, from, 3);
  EXPECT_EQ(v[2], 3);
  EXPECT_EQ(v[3], 0);
  storePart(to, v + 1.0f, 2);
  EXPECT_EQ(to[1], 3);
  EXPECT_EQ(to[2], 0);
}

} // namespace
