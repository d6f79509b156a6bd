// Products whose weights are packed, in blocks with scales of their own.
#ifndef TENON_LIB_QUANTIZE_PACKEDWEIGHTS_H
#define TENON_LIB_QUANTIZE_PACKEDWEIGHTS_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

/// Makes of a MatMul or Gemm with a constant matrix the MatMulNBits of ONNX Runtime's operator set,
/// as `entry` says of the weight. (ONNX's DequantizeLinear has blocks from version 21 on, which few
/// models are of; MatMulNBits is read by whoever multiplies such weights fast.) An error if the
/// node is none that MatMulNBits can compute.
llvm::Error packWeights(ModelEditor &model, onnx::NodeProto &node, const TensorRecipe &entry);

/// Whether packWeights can do so with operand 1 of the node, if its weight has two dimensions.
bool canPackWeights(const onnx::NodeProto &node);

} // namespace tenon::quantize

#endif
