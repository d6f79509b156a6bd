// Results against references, as a test wants to know it: equal enough, or what is wrong.
#ifndef TENON_LIB_TENSORS_COMPARE_H
#define TENON_LIB_TENSORS_COMPARE_H

#include "lib/Tensors/Tensor.h"

namespace tenon {

/// An element agrees if |got - expected| <= atol + rtol * |expected|. Whatever is no floating point
/// number must be equal, unless `integersToo`.
struct Tolerance {
  double rtol = 1e-3, atol = 1e-5;
  /// An error up to this part of the output's range, from the least to the largest of zero and its
  /// finite elements, agrees, too.
  double rangeFraction = 0;
  /// This part of the elements may disagree.
  double maxMismatchFraction = 0;
  bool integersToo = false;
};

/// What a model's folder says about its outputs.
struct ModelTolerance {
  Tolerance base;
  std::vector<double> atols; // by output; base.atol where the list ends

  Tolerance forOutput(size_t index) const;
};

/// Reads `{"rtol": r, "atol": a or [a, ...], "max_mismatch_fraction": f}`; each may be absent.
llvm::Expected<ModelTolerance> readTolerance(llvm::StringRef path);

struct Comparison {
  bool equal = false;
  /// Largest |got - expected| of two finite numbers.
  double maxError = 0;
  int64_t mismatches = 0;
  /// If not equal: one line.
  std::string cause;
};

/// NaN agrees with NaN, and an infinity only with itself.
Comparison compareTensors(const Tensor &got, const Tensor &expected, const Tolerance &tolerance);

} // namespace tenon

#endif // TENON_LIB_TENSORS_COMPARE_H
