// Histograms that grow (see the header).

#include "lib/Calibration/Histogram.h"
#include <algorithm>
#include <cmath>

namespace tenon::quantize {

/// Bins narrower than the distance of neighbouring floats would stay empty, and numbers of bins are
/// exact floats above this.
static constexpr int mantissaBits = 22;
/// No bin is narrower than 2^-120, so that its inverse is a float.
static constexpr int leastExponent = -120;

double Histogram::binWidth() const { return std::ldexp(1.0, exponent); }

static int64_t binOf(float number, int exponent) {
  return static_cast<int64_t>(std::floor(std::ldexp(static_cast<double>(number), -exponent)));
}

/// The narrowest width with which all of a range is in kBins bins.
static int chooseExponent(float low, float high) {
  float size = std::max(std::abs(low), std::abs(high));
  int exponent =
      size == 0 ? leastExponent : std::max(std::ilogb(size) - mantissaBits, leastExponent);
  // A difference may overflow; a bin more than the quotient of range and width is needed at most.
  while (binOf(high, exponent) - binOf(low, exponent) >= Histogram::kBins)
    ++exponent;
  return exponent;
}

void Histogram::rebin(int newExponent, int64_t newFirst, int64_t newLast) {
  std::vector<int64_t> merged(newLast - newFirst + 1);
  for (auto [bin, count] : llvm::enumerate(counts))
    // Numbers of bins may be negative: the shift rounds down, as the bins want it.
    merged[((first + static_cast<int64_t>(bin)) >> (newExponent - exponent)) - newFirst] += count;
  counts = std::move(merged);
  exponent = newExponent;
  first = newFirst;
}

/// Makes the range include these numbers.
void Histogram::include(float low, float high) {
  if (!counts.empty() && low >= least && high <= largest)
    return;
  bool isFirst = counts.empty();
  least = isFirst ? low : std::min(low, least);
  largest = isFirst ? high : std::max(high, largest);
  int wanted = chooseExponent(least, largest);
  if (isFirst)
    exponent = wanted;
  // A first range around other numbers could ask for narrower bins; those cannot be split.
  wanted = std::max(wanted, exponent);
  rebin(wanted, binOf(least, wanted), binOf(largest, wanted));
}

void Histogram::add(llvm::ArrayRef<float> numbers) {
  float low = INFINITY, high = -INFINITY;
  int64_t finite = 0, zeroed = 0;
  for (float number : numbers) {
    bool isFinite = std::abs(number) <= std::numeric_limits<float>::max();
    finite += isFinite;
    zeroed += number == 0;
    low = std::min(low, isFinite ? number : low);
    high = std::max(high, isFinite ? number : high);
  }
  strange += static_cast<int64_t>(numbers.size()) - finite;
  if (finite == 0)
    return;
  total += finite;
  zeroCount += zeroed;
  include(low, high);
  // Products with powers of two are exact.
  float scale = std::ldexp(1.0f, -exponent);
  for (float number : numbers)
    if (number != 0 && std::abs(number) <= std::numeric_limits<float>::max())
      ++counts[static_cast<int64_t>(std::floor(number * scale)) - first];
}

void Histogram::add(const Histogram &other) {
  strange += other.strange;
  if (other.total == 0)
    return;
  total += other.total;
  zeroCount += other.zeroCount;
  include(other.least, other.largest);
  if (other.exponent > exponent)
    rebin(other.exponent, binOf(least, other.exponent), binOf(largest, other.exponent));
  for (auto [bin, count] : llvm::enumerate(other.counts))
    counts[((other.first + static_cast<int64_t>(bin)) >> (exponent - other.exponent)) - first] +=
        count;
}

} // namespace tenon::quantize
