// What a changed model may lose.
#ifndef TENON_LIB_EVALUATION_BUDGET_H
#define TENON_LIB_EVALUATION_BUDGET_H

#include "llvm/Support/Error.h"
#include <string>

namespace tenon::quantize {

enum class LossKind {
  /// Signal to noise of each output against fp32, at least so many dB.
  Sqnr,
  /// Cosine of each output and that of fp32, at least.
  Cosine,
  /// Largest difference as a part of an output's largest number, at most.
  Relative,
  /// Part of the samples whose class of the highest score is another one than with fp32 or, where
  /// there are labels, that are right less often, at most.
  Top1,
  /// The same with the label, or the class of fp32, among five.
  Top5,
  /// How much less the caller's own metric says than of fp32, at most.
  Metric
};

struct Budget {
  LossKind kind = LossKind::Sqnr;
  double limit = 30;

  /// From `sqnr=30dB`, `cosine=0.999`, `relative=0.01`, `top1=1%`, `top5=0.5%` or `metric=0.01`.
  static llvm::Expected<Budget> parse(llvm::StringRef text);
  /// The text that is parsed.
  std::string str() const;

  /// Whether more is better, as it is of dB and cosines.
  bool isQuality() const { return kind == LossKind::Sqnr || kind == LossKind::Cosine; }
  bool holds(double value) const { return isQuality() ? value >= limit : value <= limit; }
  /// "31.2 dB", "0.9995", "0.5%".
  std::string format(double value) const;
  /// About how much noise the outputs may have for their signal, as a start for a search.
  double estimateNoise() const;
};

} // namespace tenon::quantize

#endif
