// The products of a recipe whose weights have codes, with what they multiply these with.
#ifndef TENON_LIB_QUANTIZE_CODEDPRODUCTS_H
#define TENON_LIB_QUANTIZE_CODEDPRODUCTS_H

#include "lib/Quantize/ProductInputs.h"
#include "lib/Quantize/Repair.h"

namespace tenon::quantize {

struct CodedProduct {
  const Product &product;
  const onnx::NodeProto &node;
  /// In fp32, with the recipe's adjustments.
  Tensor constant;
  WeightLayout layout;
  TensorRecipe &entry;
  NodePrecision precision;
  /// Of all samples.
  ProductInputs *inputs = nullptr;
};

/// Visits products of a recipe whose weight is a matrix that nobody else reads. They are observed
/// in rounds, so that the sums of all need not be in memory together.
class CodedProducts {
public:
  /// The model with the recipe's adjustments, which outlives this, and so does the recipe.
  CodedProducts(const ModelEditor &adjusted, Recipe &recipe, const RepairContext &context)
      : model(adjusted), recipe(recipe), context(context) {}

  using Visitor = llvm::function_ref<llvm::Error(CodedProduct &)>;
  llvm::Error visit(llvm::ArrayRef<NodePrecision> precisions, const ProductInputs::Options &options,
                    Visitor visitor);

private:
  llvm::Expected<std::vector<CodedProduct>> collect(llvm::ArrayRef<NodePrecision> precisions);
  llvm::Error visitRound(llvm::MutableArrayRef<CodedProduct> round,
                         const ProductInputs::Options &options, Visitor visitor);

  const ModelEditor &model;
  Recipe &recipe;
  const RepairContext &context;
};

} // namespace tenon::quantize

#endif
