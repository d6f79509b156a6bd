// What the recipes of one model are made of: its plan, what calibration saw, and how each tensor is
// quantized where it is.
#ifndef TENON_LIB_QUANTIZE_RECIPEPARTS_H
#define TENON_LIB_QUANTIZE_RECIPEPARTS_H

#include "lib/Calibration/Calibrate.h"
#include "lib/Editing/LightModel.h"
#include "lib/Evaluation/Evaluate.h"
#include "lib/Quantize/Decisions.h"
#include "lib/Quantize/TensorRecipes.h"

namespace tenon::quantize {

class RecipeParts {
public:
  /// Plans. An error if there is nothing to quantize.
  static llvm::Expected<RecipeParts> create(const std::shared_ptr<ModelFile> &model,
                                            const ImportOptions &import);

  /// Lets samples pass, and decides how tensors are quantized.
  llvm::Error calibrate(DataSource &data, const CalibrateOptions &options,
                        const TensorOptions &tensors);
  /// Without samples: of weights alone.
  llvm::Error describeWeights(const TensorOptions &tensors);

  /// The recipe in which products have these precisions, one for each product of the plan.
  Recipe makeRecipe(llvm::ArrayRef<NodePrecision> precisions) const;
  /// Products that cannot have the precision stay fp32.
  Recipe makeUniformRecipe(NodePrecision precision) const;
  /// Takes over what repairs made of the recipe in which all is in one precision.
  void adopt(const Recipe &repaired, NodePrecision precision);

  /// Many models are made from it, so its weights lie in a file.
  const std::shared_ptr<ModelFile> &getModel() const { return model.get(); }
  const ModelEditor &getEditor() const { return editor; }
  const ValueTypes &getTypes() const { return types; }
  const QuantizationPlan &getPlan() const { return plan; }
  const llvm::StringMap<Decision> &getDecisions() const { return decisions; }
  /// As an Evaluator takes them.
  Evaluator::Decisions countDecisions() const;
  const llvm::StringMap<Histogram> &getHistograms() const { return histograms; }
  const TensorRecipes &getActivations() const { return activations; }
  bool areShortcutsBytes() const { return shortcutsAreBytes; }
  /// The entries of weights for a precision.
  const TensorRecipes &getWeights(NodePrecision precision) const {
    return precision == NodePrecision::Int4Weights ? packedWeights : weights;
  }

private:
  explicit RecipeParts(LightModel light) : model(std::move(light)), editor(model.get()) {}

  LightModel model;
  ModelEditor editor;
  ValueTypes types;
  QuantizationPlan plan;
  llvm::StringMap<Decision> decisions;
  llvm::StringMap<Histogram> histograms;
  TensorRecipes activations, weights, packedWeights;
  /// What repairs change in the constants of the model.
  std::vector<Adjustment> adjustments;
  /// Whether additions of shortcuts and the like read bytes.
  bool shortcutsAreBytes = true;
};

} // namespace tenon::quantize

#endif
