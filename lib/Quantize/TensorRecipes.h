// How each tensor of a plan is quantized where it is.
#ifndef TENON_LIB_QUANTIZE_TENSORRECIPES_H
#define TENON_LIB_QUANTIZE_TENSORRECIPES_H

#include "lib/Calibration/Histogram.h"
#include "lib/Calibration/Parameters.h"
#include "lib/Quantize/Plan.h"

namespace tenon::quantize {

struct TensorOptions {
  RangeOptions range;
  /// Of activations.
  CodeRange activations = {TENON_UINT8, /*symmetric=*/false};
  /// Of weights of 4 bits.
  int64_t blockSize = 128;
};

/// Entries of tensors by their names.
using TensorRecipes = llvm::StringMap<TensorRecipe>;

/// Of activations, from what calibration saw of them. Tensors of one class get one range, which
/// holds all of theirs. How it is found may differ from class to class: `ranges` are by their
/// numbers, where there are any.
TensorRecipes describeActivations(const QuantizationPlan &plan,
                                  const llvm::StringMap<Histogram> &histograms,
                                  const TensorOptions &options = {},
                                  llvm::ArrayRef<RangeOptions> ranges = {});

/// Of weights as bytes with a sign, with a scale for each result. Where a bias would overflow
/// beside the scales of the input in `activations`, the weight's scale is enlarged.
llvm::Expected<TensorRecipes> describeWeights(const ModelEditor &model,
                                              const QuantizationPlan &plan,
                                              const TensorRecipes &activations);

/// Of weights of 4 bits in blocks, with scales that follow from the weights: of products that can
/// have such.
TensorRecipes describePackedWeights(const QuantizationPlan &plan,
                                    const TensorOptions &options = {});

/// The recipe in which products have these precisions, one for each product of the plan. Followers
/// are quantized where they stand between quantized tensors.
Recipe makeRecipe(const ModelEditor &model, const QuantizationPlan &plan,
                  llvm::ArrayRef<NodePrecision> precisions, const TensorRecipes &activations,
                  const TensorRecipes &weights, const TensorRecipes &packedWeights);

/// Whether a node is no product and moves nothing, but computes with the bytes of others.
bool isShortcut(const NodeRecipe &node, const QuantizationPlan &plan);
/// Takes such nodes out of a recipe: they read what was computed. False if there is none.
bool removeShortcuts(Recipe &recipe, const QuantizationPlan &plan);

} // namespace tenon::quantize

#endif
