// Where along a network a model of lower precision goes away from fp32.
//
// Both models run side by side with the same tensors as further outputs: those that kernels of the
// lowered model write, as far as the original has them, too.
#ifndef TENON_LIB_QUANTIZE_COMPAREPRECISION_H
#define TENON_LIB_QUANTIZE_COMPAREPRECISION_H

#include "lib/Calibration/Calibrate.h"
#include "lib/Calibration/Metrics.h"

namespace tenon::quantize {

/// One tensor of both models.
struct TensorComparison {
  /// As ONNX calls it, with the node that computes it and its operator.
  std::string tensor, node, op;
  /// The number of the node in the graph.
  int64_t depth = 0;
  /// Of the kernel that writes it: what it multiplies or computes with, and its time in
  /// nanoseconds.
  std::string precision;
  double time = 0;
  bool isOutput = false;
  TensorLoss loss;
  /// What the tensor holds in fp32, and in the lowered model.
  Histogram reference, lowered;
};

struct PrecisionComparison {
  std::string model, precision;
  int64_t samples = 0;
  /// In the order of the graph.
  std::vector<TensorComparison> tensors;
  /// Of all kernels, in nanoseconds, and of weights.
  double timeBefore = 0, timeAfter = 0;
  int64_t weightsBefore = 0, weightsAfter = 0;
  /// Of kernels before, and after.
  int64_t kernelsBefore = 0, kernelsAfter = 0;

  /// Tensors by their loss, the worst one first.
  std::vector<const TensorComparison *> sortByLoss() const;
};

/// A model and how it is compiled.
struct ComparedModel {
  std::shared_ptr<ModelFile> file;
  driver::PrecisionOption precision;
};

/// Runs both on all samples. `options.probe` is for both, but for the precision. An error if they
/// have no tensor in common.
llvm::Expected<PrecisionComparison> comparePrecision(const std::shared_ptr<ModelFile> &reference,
                                                     const ComparedModel &lowered, DataSource &data,
                                                     const CalibrateOptions &options = {});

/// A table, worst first, of so many tensors; 0 is all.
std::string formatComparison(const PrecisionComparison &comparison, int64_t limit = 0);

} // namespace tenon::quantize

#endif
