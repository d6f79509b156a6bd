// What a few samples say of others.
#ifndef TENON_LIB_CALIBRATION_CONFIDENCE_H
#define TENON_LIB_CALIBRATION_CONFIDENCE_H

#include "llvm/ADT/ArrayRef.h"

namespace tenon::quantize {

/// Of one sample, the noise that a tensor has and its signal: Σ (x - y)² and Σ x².
struct SamplePowers {
  double noise, signal;
};

/// How many times the noise for the signal that these samples have together others may have, with a
/// confidence of about 95%; at least 1. Noise is often that of a few samples, of which a few more
/// would have shown others: so it is taken as log-normal, or as skewed as that of these samples is
/// where that says more.
///
/// `alike` are samples whose noise differs as much from each other, but about a mean of its own:
/// those that a change was fitted to. This is likely to be lower than that of others; where it is
/// higher, the bound is one of the mean of all. Where no two samples say how much they differ, the
/// result is 1; the mean is never multiplied by more than 10, where numbers as different as that
/// let nothing be said.
double boundNoise(llvm::ArrayRef<SamplePowers> samples, llvm::ArrayRef<SamplePowers> alike = {});

} // namespace tenon::quantize

#endif
