// From what was seen of a tensor to how it is quantized.
#ifndef TENON_LIB_CALIBRATION_PARAMETERS_H
#define TENON_LIB_CALIBRATION_PARAMETERS_H

#include "include/tenon/runtime.h"
#include "lib/Calibration/Histogram.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace tenon::quantize {

/// How the range is found that is quantized; what is outside becomes its ends.
enum class RangeMethod {
  /// All that was seen.
  MinMax,
  /// All but the same small part on both sides.
  Percentile,
  /// The least mean square error, clipping included.
  MeanSquare,
  /// The least Kullback-Leibler divergence between what was seen and what is left of it.
  Entropy
};

/// "minmax", "percentile", "mse", "entropy".
llvm::StringRef getName(RangeMethod method);
std::optional<RangeMethod> parseRangeMethod(llvm::StringRef name);

/// The numbers that a tensor's codes may be.
struct CodeRange {
  int32_t dtype = TENON_UINT8;
  /// The zero point is that of the type: 0, or 128 of unsigned bytes; the least code of signed
  /// types is not used.
  bool symmetric = false;

  int64_t least() const;
  int64_t largest() const;
  /// If symmetric.
  int64_t middle() const { return (least() + largest() + 1) / 2; }
};

struct QuantizationParameters {
  float scale = 1;
  int64_t zeroPoint = 0;
  /// The range that was chosen. What the codes stand for may be a bit more.
  float low = 0, high = 0;
  /// The signal-to-noise ratio of the tensor itself, in dB; infinite where nothing is lost.
  double predictedSqnr = 0;
};

struct RangeOptions {
  RangeMethod method = RangeMethod::MeanSquare;
  /// In percent, of RangeMethod::Percentile.
  double percentile = 99.99;
  /// What both ends that the method found are multiplied with: samples that were not seen may reach
  /// further.
  double stretch = 1;

  /// As recipes say it: "minmax", "minmax*1.2".
  std::string str() const;
  /// The options with what such a text says; nullopt if it is none.
  std::optional<RangeOptions> with(llvm::StringRef text) const;
};

/// The parameters for a range that is made to include zero. Ranges of no extent get a scale that
/// keeps their number.
QuantizationParameters makeParameters(float low, float high, const CodeRange &codes);

QuantizationParameters chooseParameters(const Histogram &histogram, const CodeRange &codes,
                                        const RangeOptions &options = {});

/// The sum of squared errors of what a histogram counted, quantized like this.
double quantizationError(const Histogram &histogram, const QuantizationParameters &parameters,
                         const CodeRange &codes);

} // namespace tenon::quantize

#endif
