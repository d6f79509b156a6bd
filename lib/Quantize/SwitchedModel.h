// A model in which each group of products can be lowered by itself, from run to run.
//
// To compile a model for each group would take hours. So one model is made whose further inputs say
// what is lowered. What a group's products read of the others is
//
//     Where(switches[group], rounded, as it was)
//
// rounded by DequantizeLinear(QuantizeLinear(x)) or a cast to 16 bits and back. Weights are inputs,
// too: whoever runs the model gives those of the original where they lie, or rounded ones, and so
// no second copy of all weights exists. Products compute in f32 what integers would compute, but
// for the last bit.
#ifndef TENON_LIB_QUANTIZE_SWITCHEDMODEL_H
#define TENON_LIB_QUANTIZE_SWITCHEDMODEL_H

#include "lib/Editing/LightModel.h"
#include "lib/Quantize/Groups.h"
#include "lib/Quantize/TensorRecipes.h"

namespace tenon::quantize {

/// How tensors are rounded where a precision is given.
struct Rounding {
  NodePrecision precision;
  const TensorRecipes &activations, &weights;
  /// Whether additions of shortcuts and the like read what int8 products read.
  bool shortcutsAreBytes = true;

  /// Makes of a product's weight what it is in the precision. False if it stays as it is.
  llvm::Expected<bool> roundWeight(Tensor &weight, const Product &product) const;

private:
  void keepOutlierRows(Tensor &weight, const Tensor &original, const Product &product) const;
};

/// The model behind its own inputs has one of switches, and one for each weight.
struct SwitchedModel {
  struct Weight {
    const Product *product;
    unsigned group;
    std::vector<int64_t> dims;
    /// The elements in the original: where they lie as long as its file does, or `owned`.
    llvm::ArrayRef<char> elements;
    std::vector<char> owned;
  };
  /// What it is made of, and has the weights.
  LightModel source;
  std::shared_ptr<ModelFile> model;
  std::vector<Weight> weights;
  /// Of each group, whether anything of it can have the precision.
  std::vector<bool> has;

  static llvm::Expected<SwitchedModel> create(const std::shared_ptr<ModelFile> &model,
                                              const QuantizationPlan &plan,
                                              llvm::ArrayRef<Group> groups,
                                              const Rounding &rounding);
};

} // namespace tenon::quantize

#endif
