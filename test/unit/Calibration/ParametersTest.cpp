// How ranges are chosen, and what quantizing to them loses.

#include "lib/Calibration/Parameters.h"
#include "test/unit/Calibration/TestTensors.h"
#include <cmath>

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

constexpr CodeRange bytes = {TENON_UINT8, false}, signedBytes = {TENON_INT8, true};
constexpr RangeMethod clippingMethods[] = {RangeMethod::Percentile, RangeMethod::MeanSquare,
                                           RangeMethod::Entropy};

/// Most numbers are near zero, and a few are far away.
std::vector<float> longTailed() {
  std::vector<float> numbers = gaussian(100000);
  for (float far : {25.0f, -31.0f, 40.0f, -38.0f})
    numbers.push_back(far);
  return numbers;
}

Histogram histogramOf(llvm::ArrayRef<float> numbers) {
  Histogram histogram;
  histogram.add(numbers);
  return histogram;
}

/// Quantizes and measures, instead of predicting.
double measureError(llvm::ArrayRef<float> numbers, const QuantizationParameters &parameters,
                    const CodeRange &codes) {
  double sum = 0;
  for (float number : numbers) {
    double code = std::nearbyint(number / parameters.scale) + double(parameters.zeroPoint);
    code = std::clamp(code, double(codes.least()), double(codes.largest()));
    double error = (code - double(parameters.zeroPoint)) * parameters.scale - number;
    sum += error * error;
  }
  return sum;
}

TEST(CodeRange, LeavesOutTheLeastSymmetricCode) {
  EXPECT_EQ(bytes.least(), 0);
  EXPECT_EQ(bytes.largest(), 255);
  EXPECT_EQ(signedBytes.least(), -127);
  EXPECT_EQ(signedBytes.largest(), 127);
  EXPECT_EQ(signedBytes.middle(), 0);
  EXPECT_EQ((CodeRange{TENON_UINT8, true}.middle()), 128);
  EXPECT_EQ((CodeRange{TENON_INT4, true}.least()), -7);
  EXPECT_EQ((CodeRange{TENON_UINT4, false}.largest()), 15);
}

TEST(Parameters, IncludeZero) {
  QuantizationParameters parameters = makeParameters(2, 5, bytes);
  EXPECT_EQ(parameters.zeroPoint, 0);
  EXPECT_FLOAT_EQ(parameters.scale, 5.0f / 255);
  parameters = makeParameters(-4, -1, bytes);
  EXPECT_EQ(parameters.zeroPoint, 255);
  parameters = makeParameters(-1, 3, signedBytes);
  EXPECT_EQ(parameters.zeroPoint, 0);
  EXPECT_FLOAT_EQ(parameters.scale, 3.0f / 127);
}

TEST(Parameters, GuardZerosAndConstants) {
  EXPECT_EQ(makeParameters(0, 0, signedBytes).scale, 1);
  EXPECT_EQ(makeParameters(0, 1e-44f, bytes).scale, 1);
  Histogram constant = histogramOf({3.0f, 3.0f, 3.0f});
  for (RangeMethod method : clippingMethods) {
    QuantizationParameters parameters = chooseParameters(constant, bytes, {method});
    EXPECT_NEAR(measureError({3.0f}, parameters, bytes), 0, 1e-4) << getName(method).str();
  }
  EXPECT_EQ(chooseParameters(Histogram(), bytes).scale, 1);
  Histogram zeros = histogramOf({0.0f, 0.0f});
  for (RangeMethod method : clippingMethods)
    EXPECT_EQ(chooseParameters(zeros, signedBytes, {method}).scale, 1) << getName(method).str();
}

TEST(Parameters, ClipALongTail) {
  std::vector<float> numbers = longTailed();
  Histogram histogram = histogramOf(numbers);
  for (const CodeRange &codes : {bytes, signedBytes}) {
    QuantizationParameters all = chooseParameters(histogram, codes, {RangeMethod::MinMax});
    for (RangeMethod method : clippingMethods) {
      QuantizationParameters clipped = chooseParameters(histogram, codes, {method});
      EXPECT_LT(clipped.scale, 0.9f * all.scale) << getName(method).str();
      EXPECT_GT(clipped.scale, 0.02f * all.scale) << getName(method).str();
    }
  }
}

TEST(Parameters, MeanSquareLosesLeast) {
  for (const std::vector<float> &numbers : {longTailed(), gaussian(10000)}) {
    Histogram histogram = histogramOf(numbers);
    for (const CodeRange &codes : {bytes, signedBytes, CodeRange{TENON_INT4, true}}) {
      double best = measureError(
          numbers, chooseParameters(histogram, codes, {RangeMethod::MeanSquare}), codes);
      for (RangeMethod method :
           {RangeMethod::MinMax, RangeMethod::Percentile, RangeMethod::Entropy})
        EXPECT_LE(best,
                  1.01 * measureError(numbers, chooseParameters(histogram, codes, {method}), codes))
            << getName(method).str();
    }
  }
}

TEST(Parameters, PercentileLeavesOutAsMuchAsItSays) {
  std::vector<float> numbers;
  for (int i = 1; i <= 10000; ++i)
    numbers.push_back(static_cast<float>(i));
  RangeOptions options{RangeMethod::Percentile, 99};
  EXPECT_NEAR(chooseParameters(histogramOf(numbers), bytes, options).high, 9900, 5);
}

TEST(Parameters, StretchWhatTheMethodFound) {
  Histogram histogram = histogramOf({-1, 2, 0.5f});
  RangeOptions options{RangeMethod::MinMax, 99.99, 1.5};
  QuantizationParameters stretched = chooseParameters(histogram, bytes, options);
  EXPECT_FLOAT_EQ(stretched.low, -1.5f);
  EXPECT_FLOAT_EQ(stretched.high, 3);
}

TEST(RangeOptions, AreReadAsTheyAreWritten) {
  RangeOptions options{RangeMethod::Percentile, 99, 1.2};
  EXPECT_EQ(options.str(), "percentile*1.2");
  RangeOptions read = *RangeOptions{RangeMethod::MinMax, 99}.with("percentile*1.2");
  EXPECT_EQ(read.method, RangeMethod::Percentile);
  EXPECT_EQ(read.percentile, 99);
  EXPECT_EQ(read.stretch, 1.2);
  EXPECT_EQ(read.with("mse")->stretch, 1);
  EXPECT_EQ(read.with("mse")->str(), "mse");
  for (llvm::StringRef wrong : {"adaptive rounding", "mse*", "mse*two", "*2", "mse*-1"})
    EXPECT_FALSE(read.with(wrong)) << wrong.str();
}

TEST(Parameters, PredictWhatIsMeasured) {
  std::vector<float> numbers = longTailed();
  Histogram histogram = histogramOf(numbers);
  for (const CodeRange &codes : {bytes, signedBytes, CodeRange{TENON_UINT4, false}})
    for (RangeMethod method : {RangeMethod::MinMax, RangeMethod::MeanSquare}) {
      QuantizationParameters parameters = chooseParameters(histogram, codes, {method});
      double predicted = quantizationError(histogram, parameters, codes);
      double measured = measureError(numbers, parameters, codes);
      EXPECT_NEAR(predicted / measured, 1, 0.05);
    }
}

} // namespace
