// Which operands of ONNX nodes can be quantized, and how they are then: what calibration looks at,
// and what recipes are made of.
#ifndef TENON_LIB_QUANTIZE_QUANTIZABLENODES_H
#define TENON_LIB_QUANTIZE_QUANTIZABLENODES_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Editing/ValueTypes.h"

namespace tenon::quantize {

enum class OperandRole {
  /// Computed by the model or given to it: one scale for the tensor.
  Activation,
  /// A constant that a product multiplies: a scale for each index of `axis`.
  Weight,
  /// A constant that joins the sums of a product, with the product of both scales.
  Bias
};

struct QuantizableOperand {
  int number;
  OperandRole role;
  /// Of weights and biases, the dimension along which results differ.
  std::optional<int64_t> axis;
  /// Of weights, the dimension that is summed over, if it is one.
  std::optional<int64_t> summedAxis;
};

/// Whether the node is a product: Conv, ConvTranspose, Gemm or MatMul.
bool isProduct(const onnx::NodeProto &node);

/// Whether the node reads rows of a constant table: Gather along the first of two dimensions.
bool isTableLookup(const ModelEditor &model, const onnx::NodeProto &node);

/// The types of a model's values by their names (inferValueTypes).
using ValueTypes = llvm::StringMap<ValueType>;

/// The operands of a product that may be quantized, or of what reads rows of a table, whose columns
/// are its results. None of other nodes, of products whose numbers are not f32, and of those
/// without a result of known rank.
llvm::SmallVector<QuantizableOperand> getQuantizableOperands(const ModelEditor &model,
                                                             const ValueTypes &types,
                                                             const onnx::NodeProto &node);

/// The constant that a product multiplies; nullopt where both operands are computed.
std::optional<QuantizableOperand> findWeight(llvm::ArrayRef<QuantizableOperand> operands);

/// Whether the node is of ONNX's own operator set.
bool isStandard(const onnx::NodeProto &node);

/// The operands whose elements the node only moves to its results, so that these may share a scale
/// with them: those of MaxPool, Reshape, Transpose, Concat and the like. Empty for others.
llvm::SmallVector<int> getMovedOperands(const onnx::NodeProto &node);

/// Whether the node computes each element from one element of each operand, so that a kernel reads
/// bytes as well as floats: Add, Mul, Relu and so on.
bool isPointwise(const onnx::NodeProto &node);

} // namespace tenon::quantize

#endif
