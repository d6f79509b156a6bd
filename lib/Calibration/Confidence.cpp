// What a few samples say of others (see the header).

#include "lib/Calibration/Confidence.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace tenon::quantize {

/// What sets of numbers tell together of how far they spread, each around its own mean.
struct Spread {
  double squares = 0, freedom = 0;

  void add(llvm::ArrayRef<double> numbers);
  double variance() const { return squares / freedom; }
};

static double findMean(llvm::ArrayRef<double> numbers) {
  double sum = 0;
  for (double number : numbers)
    sum += number;
  return sum / static_cast<double>(numbers.size());
}

void Spread::add(llvm::ArrayRef<double> numbers) {
  double mean = findMean(numbers);
  for (double number : numbers)
    squares += (number - mean) * (number - mean);
  freedom += static_cast<double>(numbers.size()) - 1;
}

/// The 97.5% quantile of Student's distribution, by the expansion of Cornish and Fisher.
static double findStudentQuantile(double freedom) {
  constexpr double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom);
}

static SamplePowers addPowers(llvm::ArrayRef<SamplePowers> samples) {
  SamplePowers sum = {0, 0};
  for (const SamplePowers &sample : samples) {
    sum.noise += sample.noise;
    sum.signal += sample.signal;
  }
  return sum;
}

/// Where samples are as different as that, they let nothing be said.
constexpr double mostTimes = 10;

namespace {

/// Samples as parts of their mean.
struct Parts {
  std::vector<double> noise;
  /// Logarithms of noise. What is far below the mean has no say in it, and none in how far noise
  /// spreads.
  std::vector<double> logarithms;
  /// Noise less signal: how much of the quotient of both a sample makes.
  std::vector<double> differences;

  /// None if there is no noise, or no signal.
  explicit Parts(llvm::ArrayRef<SamplePowers> samples);
};

} // namespace

Parts::Parts(llvm::ArrayRef<SamplePowers> samples) {
  SamplePowers all = addPowers(samples);
  if (all.noise <= 0 || all.signal <= 0)
    return;
  constexpr double least = 0.01;
  auto count = static_cast<double>(samples.size());
  for (const SamplePowers &sample : samples) {
    double part = sample.noise / all.noise * count;
    noise.push_back(part);
    logarithms.push_back(std::log(std::max(part, least)));
    differences.push_back(part - sample.signal / all.signal * count);
  }
}

/// The upper end of the mean of a log-normal distribution, after Cox.
static double boundLogNormalMean(double mean, const Spread &spread, double count, double quantile) {
  double variance = spread.variance();
  double deviation = std::sqrt(variance / count + variance * variance / (2 * spread.freedom));
  return std::exp(mean + variance / 2 + quantile * deviation);
}

/// The upper end of the mean of numbers that may be skewed, after Hall, "On the removal of skewness
/// by transformation", 1992. Their mean is 1.
static double boundSkewedMean(llvm::ArrayRef<double> numbers) {
  auto count = static_cast<double>(numbers.size());
  double squares = 0, cubes = 0;
  for (double number : numbers) {
    squares += std::pow(number - 1, 2);
    cubes += std::pow(number - 1, 3);
  }
  if (squares == 0)
    return 1;
  double deviation = std::sqrt(squares / (count - 1));
  double skewness = cubes / count / std::pow(deviation, 3);
  double distance = findStudentQuantile(count - 1) / std::sqrt(count) + skewness / (6 * count);
  // Next to none is the limit.
  if (std::abs(skewness) > 1e-3)
    distance = 3 / skewness * (1 - std::cbrt(1 - skewness * distance));
  return 1 + deviation * distance;
}

/// By the mean of `samples`, and how much both differ.
static double boundAboutMean(llvm::ArrayRef<SamplePowers> samples,
                             llvm::ArrayRef<SamplePowers> alike) {
  Parts own(samples), others(alike);
  if (own.logarithms.empty())
    return 1;
  Spread logarithms, differences;
  for (const Parts *parts : {&own, &others})
    if (!parts->logarithms.empty()) {
      logarithms.add(parts->logarithms);
      differences.add(parts->differences);
    }
  if (logarithms.freedom < 1)
    return 1;
  auto count = static_cast<double>(samples.size());
  double quantile = findStudentQuantile(logarithms.freedom);
  double byQuotient = 1 + quantile * std::sqrt(differences.variance() / count);
  double byNoise = boundLogNormalMean(findMean(own.logarithms), logarithms, count, quantile);
  return std::clamp(std::max(byQuotient, byNoise), 1.0, mostTimes);
}

/// By the mean of samples of which a few may have nearly all of the noise. A log-normal
/// distribution that fits the others says too little of these.
static double boundByFew(llvm::ArrayRef<SamplePowers> samples) {
  Parts parts(samples);
  if (parts.noise.size() < 2)
    return 1;
  return std::clamp(boundSkewedMean(parts.noise), 1.0, mostTimes);
}

/// The noise for the signal.
static double findQuotient(llvm::ArrayRef<SamplePowers> samples) {
  auto [noise, signal] = addPowers(samples);
  return noise > 0 && signal > 0 ? noise / signal : 0;
}

// What a change was fitted to has less noise than others, if it differs. So where it has more than
// `samples`, these are lucky ones, and all of them are the better guess.
double boundNoise(llvm::ArrayRef<SamplePowers> samples, llvm::ArrayRef<SamplePowers> alike) {
  double bound = boundAboutMean(samples, alike), quotient = findQuotient(samples);
  if (quotient == 0)
    return bound;
  std::vector<SamplePowers> all(samples);
  all.insert(all.end(), alike.begin(), alike.end());
  double times = findQuotient(all) / quotient;
  bound = std::max(bound, times * boundByFew(all));
  return times > 1 ? std::max(bound, times * boundAboutMean(all, {})) : bound;
}

} // namespace tenon::quantize
