// What a few samples say of others (see the header).

#include "lib/Calibration/Confidence.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace tenon::quantize {

/// The mean, and the variance of single numbers around it.
struct Moments {
  double mean = 0, variance = 0;
};

static Moments findMoments(llvm::ArrayRef<double> numbers) {
  auto count = static_cast<double>(numbers.size());
  Moments moments;
  for (double number : numbers)
    moments.mean += number / count;
  for (double number : numbers)
    moments.variance += (number - moments.mean) * (number - moments.mean) / (count - 1);
  return moments;
}

/// The 97.5% quantile of Student's distribution, by the expansion of Cornish and Fisher.
static double findStudentQuantile(double freedom) {
  constexpr double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom);
}

/// The upper end of the mean of a log-normal distribution, after Cox. Numbers are parts of their
/// mean; what is far below it has no say in the mean, and none in how far numbers spread.
static double boundLogNormalMean(llvm::ArrayRef<double> parts, double quantile) {
  constexpr double least = 0.01;
  std::vector<double> logarithms;
  for (double part : parts)
    logarithms.push_back(std::log(std::max(part, least)));
  Moments moments = findMoments(logarithms);
  auto count = static_cast<double>(parts.size());
  double deviation =
      std::sqrt(moments.variance / count + moments.variance * moments.variance / (2 * (count - 1)));
  return std::exp(moments.mean + moments.variance / 2 + quantile * deviation);
}

double boundNoise(llvm::ArrayRef<SamplePowers> samples) {
  double noise = 0, signal = 0;
  for (const SamplePowers &sample : samples) {
    noise += sample.noise;
    signal += sample.signal;
  }
  if (samples.size() < 2 || noise <= 0 || signal <= 0)
    return 1;
  auto count = static_cast<double>(samples.size());
  // As parts of the mean: noise, and how much of the quotient of both a sample makes.
  std::vector<double> noises, differences;
  for (const SamplePowers &sample : samples) {
    noises.push_back(sample.noise / noise * count);
    differences.push_back(noises.back() - sample.signal / signal * count);
  }
  double quantile = findStudentQuantile(count - 1);
  double byQuotient = 1 + quantile * std::sqrt(findMoments(differences).variance / count);
  constexpr double most = 10;
  return std::clamp(std::max(byQuotient, boundLogNormalMean(noises, quantile)), 1.0, most);
}

} // namespace tenon::quantize
