// Matrix product and convolution as ONNX defines them, for ops that contain one.

#ifndef TENON_LIB_IMPORTER_OPS_CONTRACTIONS_H
#define TENON_LIB_IMPORTER_OPS_CONTRACTIONS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// ONNX's MatMul: a vector counts as a row on the left and as a column on the right, and leaves no
/// dimension. `mayRoundInput` as tenon.matmul's.
mlir::Value buildMatMul(NodeImporter &node, mlir::Value lhs, mlir::Value rhs,
                        bool mayRoundInput = false);

/// Transposes the matrices of a Gemm as the node's transA and transB say. False after an error,
/// such as an `addend` (null if absent) that does not broadcast to a matrix.
bool prepareGemm(NodeImporter &node, mlir::Value &lhs, mlir::Value &rhs, mlir::Value addend);

/// ONNX's Gemm with the node's operands and attributes: alpha A' B' + beta C.
mlir::Value buildGemm(NodeImporter &node);

/// ONNX's Conv of x [N, C, spatial...] and weights [O, C / groups, kernel...] with the node's
/// attributes; `bias` [O] may be null. With `inputZero`, a scalar or null for 0, x is quantized: it
/// is padded with that, and convolved less that in i32.
mlir::Value buildConvolution(NodeImporter &node, mlir::Value x, mlir::Value weights,
                             mlir::Value bias = nullptr,
                             std::optional<mlir::Value> inputZero = std::nullopt);

/// Sizes that windows may have, from the weights [.., .., kernel...]; `kernel_shape` must agree.
/// Nothing after an error.
std::optional<NodeImporter::Ints> getKernelSizes(NodeImporter &node, mlir::Value weights);

/// `tenon.conv` of a padded x [N, spatial..., C] and weights [kernel..., C / groups, O].
mlir::Value buildChannelsLastConv(NodeImporter &node, mlir::Value x, mlir::Value weights,
                                  llvm::ArrayRef<int64_t> strides,
                                  llvm::ArrayRef<int64_t> dilations, int64_t groups);

/// The same for weights [O, C / groups, kernel...] of which any size may be known at run time only.
mlir::Value buildGatheredConv(NodeImporter &node, mlir::Value x, mlir::Value weights,
                              llvm::ArrayRef<int64_t> strides, llvm::ArrayRef<int64_t> dilations,
                              mlir::AffineExpr groups);

} // namespace tenon

#endif
