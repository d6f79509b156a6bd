// How a change to a model changes the noise of its outputs, sample by sample.
#ifndef TENON_LIB_QUANTIZE_NOISECHANGE_H
#define TENON_LIB_QUANTIZE_NOISECHANGE_H

#include "llvm/ADT/ArrayRef.h"

namespace tenon::quantize {

/// How the noise of samples changed, each compared with itself: they may differ by more than
/// repairs change. In logarithms, the mean of samples, and how far off that may be.
struct NoiseChange {
  double mean = 0, standardError = 0;

  /// Of the noise of samples before and after.
  static NoiseChange find(llvm::ArrayRef<double> before, llvm::ArrayRef<double> after);
  /// Whether no more than a part of the noise is left, and that it fell at all is not luck.
  bool leaves(double part) const;
};

} // namespace tenon::quantize

#endif
