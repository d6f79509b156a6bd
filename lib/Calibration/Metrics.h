// How far outputs are from what they should be, over many samples.
#ifndef TENON_LIB_CALIBRATION_METRICS_H
#define TENON_LIB_CALIBRATION_METRICS_H

#include "include/tenon/runtime.h"
#include "lib/Calibration/Confidence.h"
#include "lib/Tensors/Tensor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cmath>
#include <optional>

namespace tenon::quantize {

/// Compares one tensor of two models, sample by sample. All sums are f64.
class TensorLoss {
public:
  /// An error if the ranks differ. Of other sizes, as of boxes that were found, nothing is
  /// compared, and all is lost.
  llvm::Error add(const tenon_tensor &reference, const tenon_tensor &got);

  /// Signal to noise in dB: 10 log10(Σ x² / Σ (x - y)²); infinite if nothing differs, and minus
  /// infinite if there is noise without a signal, only one of both is NaN or infinite somewhere, or
  /// a size differs.
  double sqnr() const;
  /// Of both tensors as one long vector.
  double cosine() const;
  /// The largest difference as a part of the reference's largest number.
  double relativeError() const;
  /// How many times the noise seen other samples may have (`boundNoise`), where each tensor that
  /// was added is of one sample; `alike` saw further ones that differ as much.
  double noiseBound(const TensorLoss *alike = nullptr) const {
    return boundNoise(samples, alike ? alike->getSamples() : llvm::ArrayRef<SamplePowers>());
  }
  /// Of each tensor that was added.
  llvm::ArrayRef<SamplePowers> getSamples() const { return samples; }
  /// Σ (x - y)² and Σ x².
  double noise() const { return noiseSum; }
  double signal() const { return signalSum; }
  int64_t count() const { return elements; }
  /// How far the reference's numbers are apart, at most.
  double range() const { return elements ? high - low : 0; }

private:
  int64_t elements = 0;
  bool isBroken = false;
  double signalSum = 0, gotSum = 0, productSum = 0, noiseSum = 0;
  double largestError = 0, largestNumber = 0, low = INFINITY, high = -INFINITY;
  std::vector<SamplePowers> samples;
  std::vector<float> referenceStorage, gotStorage;
};

/// Of each sample the largest noise of an output, for the mean signal that the output has. Each
/// tensor that was added is of one sample.
std::vector<double> findSampleNoise(llvm::ArrayRef<TensorLoss> outputs);

/// How often the classes with the highest scores are right: those of the reference's highest score,
/// or the labels. Scores are the last dimension, or the channels of [N,C,1,1].
class TopAccuracy {
public:
  explicit TopAccuracy(int64_t k = 1) : k(k) {}

  /// Agreement of `got` with the reference, in each row.
  llvm::Error addAgreement(const tenon_tensor &reference, const tenon_tensor &got);
  /// Rows of `got` against one label, for a tensor of one row.
  llvm::Error addLabel(int64_t label, const tenon_tensor &got);

  int64_t count() const { return rows; }
  double fraction() const { return rows ? static_cast<double>(hits) / rows : 1; }

private:
  int64_t k, rows = 0, hits = 0;
};

} // namespace tenon::quantize

#endif
