// The window geometry that pooling and convolution share: kernel, strides, dilations, padding.

#ifndef TENON_LIB_IMPORTER_OPS_WINDOWS_H
#define TENON_LIB_IMPORTER_OPS_WINDOWS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

struct Windows {
  llvm::SmallVector<int64_t> kernel, strides, dilations;
  /// Padding before and after each spatial dimension.
  DimExprs low, high;
  /// Number of windows in each spatial dimension.
  DimExprs counts;

  size_t rank() const { return kernel.size(); }
  /// How many positions a window spans.
  int64_t reach(size_t d) const { return (kernel[d] - 1) * dilations[d] + 1; }
  /// Zeros for the outer dimensions around `low`, as channels-last ops want them.
  DimExprs lowChannelsLast() const;
  /// [N, counts..., C].
  DimExprs resultChannelsLast(mlir::AffineExpr batch, mlir::AffineExpr channels) const;
};

/// Reads strides, dilations, pads, auto_pad and ceil_mode, for windows of `kernel` over the spatial
/// dimensions of `input` [N, C, spatial...]. nullopt after an error.
std::optional<Windows> getWindows(NodeImporter &node, mlir::Value input,
                                  llvm::ArrayRef<int64_t> kernel);

/// Whether a size, stride or dilation of a window is positive, and no nonsense that products of two
/// would overflow with.
inline bool isWindowSize(int64_t size) { return size > 0 && size < int64_t(1) << 31; }

/// `strides` or another list attribute with one positive number per spatial dimension, 1 if absent.
std::optional<NodeImporter::Ints> getSpatialInts(NodeImporter &node, llvm::StringRef name,
                                                 size_t rank);

/// ONNX's AveragePool of x [N, C, spatial...] with the node's attributes.
mlir::Value buildAveragePool(NodeImporter &node, mlir::Value x);

} // namespace tenon

#endif
