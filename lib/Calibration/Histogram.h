// How often a tensor's elements have which size.
#ifndef TENON_LIB_CALIBRATION_HISTOGRAM_H
#define TENON_LIB_CALIBRATION_HISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace tenon::quantize {

/// Counts numbers in bins of one width, a power of two, that are as narrow as the numbers seen so
/// far allow: at least half of all bins lie between the least and the largest of them. Bins begin
/// at multiples of their width, so that they can be merged when the range grows, and the result
/// does not depend on the order of numbers.
class Histogram {
public:
  /// 32 KiB.
  static constexpr int64_t kBins = 4096;

  /// NaN and infinities are counted apart.
  void add(llvm::ArrayRef<float> numbers);
  /// What another histogram counted, as if its numbers had been added here.
  void add(const Histogram &other);

  /// Of finite numbers.
  int64_t count() const { return total; }
  int64_t notFinite() const { return strange; }
  /// Zeros, which are in no bin: quantization keeps them.
  int64_t zeros() const { return zeroCount; }
  /// 0 if there are none.
  float min() const { return total ? least : 0; }
  float max() const { return total ? largest : 0; }

  double binWidth() const;
  /// As far as there are numbers, from min() to max().
  llvm::ArrayRef<int64_t> bins() const { return counts; }
  double center(size_t bin) const {
    return (static_cast<double>(first + static_cast<int64_t>(bin)) + 0.5) * binWidth();
  }

private:
  void include(float low, float high);
  void rebin(int newExponent, int64_t newFirst, int64_t newLast);

  int64_t total = 0, strange = 0, zeroCount = 0;
  float least = 0, largest = 0;
  /// Bins are 2^exponent wide; the first one begins at first * 2^exponent.
  int exponent = 0;
  int64_t first = 0;
  std::vector<int64_t> counts;
};

} // namespace tenon::quantize

#endif
