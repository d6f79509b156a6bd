// How far outputs are from what they should be (see the header).

#include "lib/Calibration/Metrics.h"
#include "lib/Calibration/Floats.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <numeric>

namespace tenon::quantize {

static llvm::ArrayRef<int64_t> dimsOf(const tenon_tensor &tensor) {
  return {tensor.dims, static_cast<size_t>(tensor.rank)};
}

/// Whether only sizes differ, which numbers may decide: how many boxes there are, say.
static bool differInSize(const tenon_tensor &reference, const tenon_tensor &got) {
  return reference.rank == got.rank && dimsOf(reference) != dimsOf(got);
}

static llvm::Error checkShapes(const tenon_tensor &reference, const tenon_tensor &got) {
  if (dimsOf(reference) == dimsOf(got))
    return llvm::Error::success();
  return llvm::createStringError("is " + describeTensorType(got.dtype, dimsOf(got)) +
                                 ", but the reference is " +
                                 describeTensorType(reference.dtype, dimsOf(reference)));
}

llvm::Error TensorLoss::add(const tenon_tensor &reference, const tenon_tensor &got) {
  if (differInSize(reference, got)) {
    isBroken = true;
    samples.push_back({0, 0});
    return llvm::Error::success();
  }
  if (llvm::Error error = checkShapes(reference, got))
    return error;
  llvm::ArrayRef<float> expected = toFloats(reference, referenceStorage),
                        found = toFloats(got, gotStorage);
  elements += static_cast<int64_t>(expected.size());
  double noiseBefore = noiseSum, signalBefore = signalSum;
  for (auto [x, y] : llvm::zip_equal(expected, found)) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      // Masked scores are infinite in both.
      isBroken |= !(x == y || (std::isnan(x) && std::isnan(y)));
      continue;
    }
    double a = x, b = y, error = b - a;
    signalSum += a * a;
    gotSum += b * b;
    productSum += a * b;
    noiseSum += error * error;
    largestError = std::max(largestError, std::abs(error));
    largestNumber = std::max(largestNumber, std::abs(a));
    low = std::min(low, a);
    high = std::max(high, a);
  }
  samples.push_back({noiseSum - noiseBefore, signalSum - signalBefore});
  return llvm::Error::success();
}

double TensorLoss::sqnr() const {
  if (isBroken)
    return -INFINITY;
  return noiseSum == 0 ? INFINITY : 10 * std::log10(signalSum / noiseSum);
}

double TensorLoss::cosine() const {
  if (isBroken)
    return 0;
  double norms = std::sqrt(signalSum) * std::sqrt(gotSum);
  if (norms == 0)
    return signalSum == gotSum ? 1 : 0;
  return std::min(1.0, productSum / norms);
}

double TensorLoss::relativeError() const {
  if (isBroken)
    return INFINITY;
  if (largestNumber == 0)
    return largestError == 0 ? 0 : INFINITY;
  return largestError / largestNumber;
}

std::vector<double> findSampleNoise(llvm::ArrayRef<TensorLoss> outputs) {
  std::vector<double> noise;
  for (const TensorLoss &output : outputs) {
    llvm::ArrayRef<SamplePowers> samples = output.getSamples();
    noise.resize(samples.size());
    double signal = output.signal() / static_cast<double>(samples.size());
    for (auto [most, sample] : llvm::zip_equal(noise, samples))
      if (sample.noise > 0)
        most = std::max(most, sample.noise / signal);
  }
  return noise;
}

/// Scores of how many classes are next to each other.
static llvm::Expected<int64_t> countClasses(const tenon_tensor &tensor) {
  llvm::ArrayRef<int64_t> dims = dimsOf(tensor);
  while (dims.size() > 2 && dims.back() == 1)
    dims = dims.drop_back();
  if (dims.empty() || dims.back() < 2)
    return llvm::createStringError(describeTensorType(tensor.dtype, dimsOf(tensor)) +
                                   " has no scores of classes");
  return dims.back();
}

/// Whether `index` is among the k highest scores. NaN is no score.
static bool isAmongTop(llvm::ArrayRef<float> scores, int64_t index, int64_t k) {
  if (std::isnan(scores[index]))
    return false;
  int64_t better = 0;
  for (auto [i, score] : llvm::enumerate(scores))
    better += score > scores[index] || (score == scores[index] && static_cast<int64_t>(i) < index);
  return better < k;
}

llvm::Error TopAccuracy::addAgreement(const tenon_tensor &reference, const tenon_tensor &got) {
  if (llvm::Error error = checkShapes(reference, got))
    return error;
  llvm::Expected<int64_t> classes = countClasses(reference);
  if (!classes)
    return classes.takeError();
  std::vector<float> referenceStorage, gotStorage;
  llvm::ArrayRef<float> expected = toFloats(reference, referenceStorage),
                        found = toFloats(got, gotStorage);
  for (size_t at = 0; at < expected.size(); at += *classes, ++rows) {
    llvm::ArrayRef<float> row = expected.slice(at, *classes);
    int64_t best = std::max_element(row.begin(), row.end()) - row.begin();
    hits += isAmongTop(found.slice(at, *classes), best, k);
  }
  return llvm::Error::success();
}

llvm::Error TopAccuracy::addLabel(int64_t label, const tenon_tensor &got) {
  llvm::Expected<int64_t> classes = countClasses(got);
  if (!classes)
    return classes.takeError();
  std::vector<float> storage;
  llvm::ArrayRef<float> found = toFloats(got, storage);
  if (static_cast<int64_t>(found.size()) != *classes)
    return llvm::createStringError("there is one label for " +
                                   llvm::Twine(found.size() / *classes) + " rows of scores");
  if (label < 0 || label >= *classes)
    return llvm::createStringError("label " + llvm::Twine(label) + " is none of " +
                                   llvm::Twine(*classes) + " classes");
  ++rows;
  hits += isAmongTop(found, label, k);
  return llvm::Error::success();
}

} // namespace tenon::quantize
