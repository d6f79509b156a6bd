// What ranges of activations do to samples that had no part in them, as far as calibration's own
// can tell.
//
// The few samples that are held back hardly show how many others reach beyond the ranges: of
// sounds, one in ten does, and then makes most of the noise. Those that calibrate never do. So
// they are put into parts, ranges are found anew from all samples but one part (those held back
// have a share in these), and this part judges a model with them: k-fold cross-validation. All else
// of a recipe stays, such as the codes of weights.
#ifndef TENON_LIB_QUANTIZE_CROSSVALIDATION_H
#define TENON_LIB_QUANTIZE_CROSSVALIDATION_H

#include "lib/Evaluation/Evaluate.h"
#include "lib/Quantize/Repair.h"

namespace tenon::quantize {

class CrossValidation {
public:
  /// Finds the ranges of all activations of a recipe without each part of the samples that
  /// calibrate, by the methods of its entries. `data` has the samples of the split; both outlive
  /// the result.
  static llvm::Expected<CrossValidation> create(const Recipe &all, const RepairContext &context,
                                                DataSource &data, const DataSplit &split);

  /// Whether a recipe has ranges of activations.
  static bool concerns(const Recipe &recipe, const QuantizationPlan &plan);
  /// Compiles a recipe with the ranges of each part in turn, and lets the part judge.
  llvm::Error run(const Recipe &recipe, const std::shared_ptr<ModelFile> &model,
                  const ProbeOptions &probe, Evaluator::Judge judge);

private:
  struct Fold {
    DataSubset judges;
    TensorRecipes ranges;
  };

  std::vector<Fold> folds;
};

} // namespace tenon::quantize

#endif
