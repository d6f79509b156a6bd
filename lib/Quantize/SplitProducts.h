// Matrix products of which some channels are multiplied in f32.
#ifndef TENON_LIB_QUANTIZE_SPLITPRODUCTS_H
#define TENON_LIB_QUANTIZE_SPLITPRODUCTS_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

/// Whether channels of a product's first operand can be multiplied by themselves.
bool canSplitOutliers(const onnx::NodeProto &node);

/// A tensor without its outlier channels, which are zeros in it: Mul(tensor, mask). Returns its
/// name. `channels` is the size of the last dimension. An error if there are not so many.
llvm::Expected<std::string> addRest(ModelEditor &model, const TensorRecipe &entry,
                                    int64_t channels);

/// Makes of a product `y = x w` of a constant weight
///
///     y = product + MatMul(Gather(x, outliers), rows of w)
///
/// where the product itself is left to read the rest of x. The weight is still that of f32.
llvm::Error addOutlierProduct(ModelEditor &model, onnx::NodeProto &node, const TensorRecipe &entry);

} // namespace tenon::quantize

#endif
