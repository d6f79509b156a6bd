// Fourier transforms against the sum that defines them, determinants and inverses, regions.

#include "test/unit/library/LibraryCall.h"
#include <cmath>
#include <complex>
#include <gtest/gtest.h>

extern "C" LibFunction tenon_couple_pairs_f32, tenon_dft_f32, tenon_dft_f64, tenon_det_f32,
    tenon_inverse_f64, tenon_roi_align_f32, tenon_max_roi_pool_f32;

namespace {

using Complex = std::complex<double>;

std::vector<Complex> transform(const std::vector<Complex> &x, bool inverse) {
  size_t n = x.size();
  std::vector<Complex> result(n);
  for (size_t k = 0; k < n; ++k) {
    for (size_t j = 0; j < n; ++j)
      result[k] +=
          x[j] * std::polar(1.0, (inverse ? 2 : -2) * M_PI * double(j * k % n) / double(n));
    if (inverse)
      result[k] /= double(n);
  }
  return result;
}

CallOptions dftOptions(int64_t axis, int64_t length, bool inverse, int64_t linesAtOnce = 8) {
  return {.ints = {axis, length, inverse, linesAtOnce},
          .scratchBytes = (2 * linesAtOnce + 1) * 16 * length};
}

void checkTransforms(int64_t n, bool inverse, int64_t linesAtOnce) {
  constexpr int64_t lines = 11;
  Tensor<double> x({lines, n, 2}), y({lines, n, 2});
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = std::sin(double(i * i));
  CallOptions options = dftOptions(1, n, inverse, linesAtOnce);
  options.tasks = 2;
  ASSERT_EQ(call(tenon_dft_f64, {x.view()}, {y.view()}, options), 0);
  for (int64_t line = 0; line < lines; ++line) {
    std::vector<Complex> from(n);
    for (int64_t j = 0; j < n; ++j)
      from[j] = {x.values[(line * n + j) * 2], x.values[(line * n + j) * 2 + 1]};
    std::vector<Complex> expected = transform(from, inverse);
    for (int64_t k = 0; k < n; ++k) {
      EXPECT_NEAR(y.values[(line * n + k) * 2], expected[k].real(), 1e-12) << n;
      EXPECT_NEAR(y.values[(line * n + k) * 2 + 1], expected[k].imag(), 1e-12) << n;
    }
  }
}

TEST(Fourier, EveryLengthBothWays) {
  for (int64_t n : {1, 2, 4, 7, 8, 12, 15, 16, 30, 49, 64, 200})
    for (bool inverse : {false, true})
      for (int64_t linesAtOnce : {1, 8})
        checkTransforms(n, inverse, linesAtOnce);
}

TEST(Fourier, RealLinesAlongAnyAxisAndBack) {
  constexpr int64_t n = 6;
  Tensor<float> x({n, 2, 1}), half({n / 2 + 1, 2, 2}), back({n, 2, 1});
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = float(i * i % 7);
  ASSERT_EQ(call(tenon_dft_f32, {x.view()}, {half.view()}, dftOptions(0, n, false)), 0);
  for (int64_t line = 0; line < 2; ++line) {
    std::vector<Complex> from(n);
    for (int64_t j = 0; j < n; ++j)
      from[j] = x.values[j * 2 + line];
    std::vector<Complex> expected = transform(from, false);
    for (int64_t k = 0; k <= n / 2; ++k)
      EXPECT_NEAR(half.values[(k * 2 + line) * 2 + 1], expected[k].imag(), 1e-5);
  }
  ASSERT_EQ(call(tenon_dft_f32, {half.view()}, {back.view()}, dftOptions(0, n, true)), 0);
  for (size_t i = 0; i < x.values.size(); ++i)
    EXPECT_NEAR(back.values[i], x.values[i], 1e-5);
}

TEST(Fourier, LinesArePaddedAndCutOff) {
  Tensor<float> x({1, 3, 1}, {1, 2, 3}), four({1, 4, 2}), two({1, 2, 2});
  ASSERT_EQ(call(tenon_dft_f32, {x.view()}, {four.view()}, dftOptions(1, 4, false)), 0);
  EXPECT_NEAR(four.values[2], -2, 1e-6); // 1 - 3
  EXPECT_NEAR(four.values[3], -2, 1e-6);
  ASSERT_EQ(call(tenon_dft_f32, {x.view()}, {two.view()}, dftOptions(1, 2, false)), 0);
  EXPECT_NEAR(two.values[0], 3, 1e-6);
  EXPECT_NEAR(two.values[2], -1, 1e-6);
}

TEST(LinearAlgebra, Determinants) {
  Tensor<float> x({3, 2, 2}, {1, 2, 3, 4, 0, 1, 1, 0, 1, 1, 1, 1}), y({3});
  ASSERT_EQ(call(tenon_det_f32, {x.view()}, {y.view()}, {.scratchBytes = 32, .tasks = 2}), 0);
  EXPECT_NEAR(y.values[0], -2, 1e-6);
  EXPECT_EQ(y.values[1], -1);
  EXPECT_EQ(y.values[2], 0);
}

TEST(LinearAlgebra, InverseTimesMatrixIsOne) {
  Tensor<double> x({3, 3}, {0, 2, 1, 1, 0, 4, 3, 1, 1}), y({3, 3});
  ASSERT_EQ(call(tenon_inverse_f64, {x.view()}, {y.view()}, {.scratchBytes = 144}), 0);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      double sum = 0;
      for (int k = 0; k < 3; ++k)
        sum += x.values[i * 3 + k] * y.values[k * 3 + j];
      EXPECT_NEAR(sum, i == j, 1e-12);
    }
}

TEST(CouplePairs, FindsProbabilitiesThatFit) {
  // Of pairs that agree with probabilities 0.5, 0.3 and 0.2; the second row with equal ones.
  Tensor<float> pairs({2, 3}, {0.5f / 0.8f, 0.5f / 0.7f, 0.3f / 0.5f, 0.5f, 0.5f, 0.5f}), p({2, 3});
  ASSERT_EQ(call(tenon_couple_pairs_f32, {pairs.view()}, {p.view()},
                 {.scratchBytes = 3 * 4 * 4, .tasks = 2}),
            0);
  const float expected[] = {0.5f, 0.3f, 0.2f, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f};
  for (int i = 0; i < 6; ++i)
    EXPECT_NEAR(p.values[i], expected[i], 5e-3) << i; // steps end early
}

TEST(RegionPooling, SamplesInterpolate) {
  Tensor<float> x({1, 1, 4, 4}), y({1, 1, 2, 2}), regions({1, 4}, {0, 0, 4, 4});
  for (int i = 0; i < 16; ++i)
    x.values[i] = float(i);
  Tensor<int64_t> images({1}, 0);
  CallOptions options = {.ints = {1, 0, 1}, .floats = {1.0}};
  ASSERT_EQ(
      call(tenon_roi_align_f32, {x.view(), regions.view(), images.view()}, {y.view()}, options), 0);
  // One sample per cell, at the middle of four pixels.
  EXPECT_EQ(y.values, (std::vector<float>{2.5, 4.5, 10.5, 12.5}));
  images.values = {1};
  EXPECT_EQ(
      call(tenon_roi_align_f32, {x.view(), regions.view(), images.view()}, {y.view()}, options),
      TENON_EXEC_BAD_VALUE);
}

TEST(RegionPooling, LargestPixelOfEachCell) {
  Tensor<float> x({1, 1, 4, 4}), y({1, 1, 2, 2}), regions({1, 5}, {0, 0, 0, 3, 3});
  for (int i = 0; i < 16; ++i)
    x.values[i] = float(i);
  ASSERT_EQ(call(tenon_max_roi_pool_f32, {x.view(), regions.view()}, {y.view()}, {.floats = {1.0}}),
            0);
  EXPECT_EQ(y.values, (std::vector<float>{5, 7, 13, 15}));
}

} // namespace
