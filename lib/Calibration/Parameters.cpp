// From what was seen of a tensor to how it is quantized (see the header).
//
// Clipping methods search for the ends of a range that lose least, by a measure that looks at the
// histogram: first one end of it, then the other, coarsely and then finely around the best, twice,
// since what is best for one depends on the other.

#include "lib/Calibration/Parameters.h"
#include "lib/Tensors/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <algorithm>
#include <cmath>

namespace tenon::quantize {

static constexpr std::pair<RangeMethod, llvm::StringLiteral> methodNames[] = {
    {RangeMethod::MinMax, "minmax"},
    {RangeMethod::Percentile, "percentile"},
    {RangeMethod::MeanSquare, "mse"},
    {RangeMethod::Entropy, "entropy"},
};

llvm::StringRef getName(RangeMethod method) {
  return llvm::find_if(methodNames, [&](auto &entry) { return entry.first == method; })->second;
}

std::optional<RangeMethod> parseRangeMethod(llvm::StringRef name) {
  for (auto [method, known] : methodNames)
    if (known == name)
      return method;
  return std::nullopt;
}

std::string RangeOptions::str() const {
  std::string text = getName(method).str();
  return stretch == 1 ? text : text + "*" + formatNumber(stretch);
}

std::optional<RangeOptions> RangeOptions::with(llvm::StringRef text) const {
  auto [name, factor] = text.split('*');
  std::optional<RangeMethod> known = parseRangeMethod(name);
  double number = 1;
  if (!known || (text.contains('*') && (factor.getAsDouble(number) || number <= 0)))
    return std::nullopt;
  RangeOptions options = *this;
  options.method = *known;
  options.stretch = number;
  return options;
}

static bool isSignedCode(int32_t dtype) {
  return dtype == TENON_INT8 || dtype == TENON_INT4 || dtype == TENON_INT16;
}

int64_t CodeRange::least() const {
  int64_t half = int64_t(1) << (tenon_dtype_bits(dtype) - 1);
  return !isSignedCode(dtype) ? 0 : symmetric ? 1 - half : -half;
}

int64_t CodeRange::largest() const {
  int64_t half = int64_t(1) << (tenon_dtype_bits(dtype) - 1);
  return isSignedCode(dtype) ? half - 1 : 2 * half - 1;
}

QuantizationParameters makeParameters(float low, float high, const CodeRange &codes) {
  QuantizationParameters parameters;
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  int64_t least = codes.least(), largest = codes.largest();
  if (codes.symmetric) {
    high = std::max(-low, high);
    low = -high;
  }
  parameters.low = low;
  parameters.high = high;
  parameters.zeroPoint = codes.symmetric ? codes.middle() : least;
  double steps = codes.symmetric ? static_cast<double>(largest - codes.middle())
                                 : static_cast<double>(largest - least);
  double scale = (codes.symmetric ? double(high) : double(high) - low) / steps;
  // Zeros alone, or numbers so small that their scale is none: they become zeros.
  if (static_cast<float>(scale) < std::numeric_limits<float>::min())
    return parameters;
  parameters.scale = static_cast<float>(scale);
  if (!codes.symmetric)
    parameters.zeroPoint =
        std::clamp<int64_t>(least + std::llround(-double(low) / parameters.scale), least, largest);
  return parameters;
}

/// The error of one number in a range of codes.
static double errorOf(double number, const QuantizationParameters &parameters, int64_t least,
                      int64_t largest) {
  double code =
      std::nearbyint(number / parameters.scale) + static_cast<double>(parameters.zeroPoint);
  code = std::clamp(code, static_cast<double>(least), static_cast<double>(largest));
  return (code - static_cast<double>(parameters.zeroPoint)) * parameters.scale - number;
}

// Bins much narrower than a step are taken as their centers. Where a step has few bins, centers
// tell little of the numbers in a bin, and rounding is the noise of a step that it is anywhere.
double quantizationError(const Histogram &histogram, const QuantizationParameters &parameters,
                         const CodeRange &codes) {
  int64_t least = codes.least(), largest = codes.largest();
  double step = parameters.scale;
  double low = static_cast<double>(least - parameters.zeroPoint) * step,
         high = static_cast<double>(largest - parameters.zeroPoint) * step;
  bool isFine = histogram.binWidth() * 4 <= step;
  double sum = 0;
  for (auto [bin, count] : llvm::enumerate(histogram.bins())) {
    if (count == 0)
      continue;
    // What was seen is never outside of the extremes, even if its bin is.
    double number = std::clamp<double>(histogram.center(bin), histogram.min(), histogram.max());
    double error = errorOf(number, parameters, least, largest);
    bool isInside = number >= low && number <= high;
    sum += static_cast<double>(count) * (isFine || !isInside ? error * error : step * step / 12);
  }
  return sum;
}

/// The sum of squares of all that was seen.
static double signalOf(const Histogram &histogram) {
  double sum = 0;
  for (auto [bin, count] : llvm::enumerate(histogram.bins()))
    sum += static_cast<double>(count) * histogram.center(bin) * histogram.center(bin);
  return sum;
}

/// The numbers that the same part of all is below and above.
static std::pair<float, float> findPercentiles(const Histogram &histogram, double percentile) {
  double outside = (1 - percentile / 100) * static_cast<double>(histogram.count());
  auto findEnd = [&](auto bins, bool isLow) {
    double seen = 0;
    for (auto [bin, count] : bins) {
      double center = histogram.center(bin);
      if (isLow ? center > 0 : center < 0)
        return 0.0f; // the range includes zero
      seen += static_cast<double>(count);
      if (seen > outside)
        return static_cast<float>(center);
    }
    return 0.0f;
  };
  float low = findEnd(llvm::enumerate(histogram.bins()), true);
  std::vector<std::pair<size_t, int64_t>> reversed;
  for (size_t bin = histogram.bins().size(); bin-- > 0;)
    reversed.emplace_back(bin, histogram.bins()[bin]);
  float high = findEnd(reversed, false);
  return {std::max(low, histogram.min()), std::min(high, histogram.max())};
}

/// What a range loses; less is better.
using RangeMeasure = llvm::function_ref<double(float low, float high)>;

/// The best part of `end` to clip at, by `loss` of a part between 0 and 1.
static float searchEnd(float end, llvm::function_ref<double(float)> loss) {
  constexpr int coarse = 64, fine = 8;
  auto part = [](int64_t number) { return static_cast<float>(number) / (coarse * fine); };
  double best = loss(end);
  int64_t bestNumber = coarse * fine;
  auto consider = [&](int64_t number) {
    double value = loss(end * part(number));
    if (value < best) {
      best = value;
      bestNumber = number;
    }
  };
  for (int64_t i = 1; i < coarse; ++i)
    consider(i * fine);
  for (int64_t center = bestNumber, i = center - fine + 1; i < center + fine; ++i)
    if (i > 0 && i < coarse * fine)
      consider(i);
  return end * part(bestNumber);
}

static std::pair<float, float> searchRange(const Histogram &histogram, bool symmetric,
                                           RangeMeasure loss) {
  float least = std::min(histogram.min(), 0.0f), largest = std::max(histogram.max(), 0.0f);
  if (symmetric) {
    float end = searchEnd(std::max(-least, largest), [&](float end) { return loss(-end, end); });
    return {-end, end};
  }
  float low = least, high = largest;
  for (int round = 0; round < 2; ++round) {
    if (largest > 0)
      high = searchEnd(largest, [&](float end) { return loss(low, end); });
    if (least < 0)
      low = searchEnd(least, [&](float end) { return loss(end, high); });
  }
  return {low, high};
}

namespace {

/// The bins of a histogram in a range of codes, as distributions p and q: p has what is outside of
/// the range in its first and last bin, and q has in each bin that holds anything the mean of those
/// that share its code.
class CodedBins {
public:
  CodedBins(const Histogram &histogram, const QuantizationParameters &parameters,
            const CodeRange &codes)
      : sums(codes.largest() - codes.least() + 1) {
    double step = parameters.scale,
           zero = static_cast<double>(parameters.zeroPoint - codes.least());
    double lastCode = static_cast<double>(sums.size() - 1);
    double below = 0, above = 0;
    for (auto [bin, count] : llvm::enumerate(histogram.bins())) {
      if (count == 0)
        continue;
      double code = std::nearbyint(histogram.center(bin) / step) + zero;
      double weight = static_cast<double>(count);
      total += weight;
      if (code < 0 || code > lastCode) {
        (code < 0 ? below : above) += weight;
        continue;
      }
      bins.push_back({weight, static_cast<size_t>(code)});
      sums[static_cast<size_t>(code)].add(weight);
      inside += weight;
    }
    if (!bins.empty()) {
      bins.front().weight += below;
      bins.back().weight += above;
    }
  }

  /// Σ p log(p / q).
  double divergence() const {
    double sum = 0;
    for (const Bin &bin : bins)
      sum += bin.weight / total * std::log(bin.weight / total / (sums[bin.code].mean() / inside));
    return bins.empty() ? INFINITY : sum;
  }

private:
  struct Bin {
    double weight;
    size_t code;
  };
  struct Code {
    double weight = 0, bins = 0;
    void add(double more) {
      weight += more;
      ++bins;
    }
    double mean() const { return weight / bins; }
  };

  std::vector<Bin> bins;
  std::vector<Code> sums;
  double total = 0, inside = 0;
};

} // namespace

static std::pair<float, float> chooseRange(const Histogram &histogram, const CodeRange &codes,
                                           const RangeOptions &options) {
  switch (options.method) {
  case RangeMethod::MinMax:
    return {histogram.min(), histogram.max()};
  case RangeMethod::Percentile:
    return findPercentiles(histogram, options.percentile);
  case RangeMethod::MeanSquare:
    return searchRange(histogram, codes.symmetric, [&](float low, float high) {
      return quantizationError(histogram, makeParameters(low, high, codes), codes);
    });
  case RangeMethod::Entropy:
    return searchRange(histogram, codes.symmetric, [&](float low, float high) {
      return CodedBins(histogram, makeParameters(low, high, codes), codes).divergence();
    });
  }
  llvm_unreachable("all methods are handled");
}

QuantizationParameters chooseParameters(const Histogram &histogram, const CodeRange &codes,
                                        const RangeOptions &options) {
  auto [low, high] = chooseRange(histogram, codes, options);
  QuantizationParameters parameters = makeParameters(
      static_cast<float>(low * options.stretch), static_cast<float>(high * options.stretch), codes);
  double error = quantizationError(histogram, parameters, codes);
  parameters.predictedSqnr = error == 0 ? INFINITY : 10 * std::log10(signalOf(histogram) / error);
  return parameters;
}

} // namespace tenon::quantize
