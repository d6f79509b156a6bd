// Which elements of an image a convolution reads.

#ifndef TENON_LIB_EDITING_CONVOLUTIONWINDOW_H
#define TENON_LIB_EDITING_CONVOLUTIONWINDOW_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <onnx/onnx_pb.h>

namespace tenon {

/// Where a convolution reads in each dimension of an image.
struct ConvolutionWindow {
  llvm::SmallVector<int64_t> input, output, kernel, strides, dilations, begins;

  /// Of a Conv on an image of these sizes.
  static ConvolutionWindow create(const onnx::NodeProto &node, llvm::ArrayRef<int64_t> input,
                                  llvm::ArrayRef<int64_t> kernel);

  int64_t countPositions() const;
  int64_t countTaps() const;
  /// The element of a channel that a position reads for an element of the kernel; -1 in the
  /// padding.
  int64_t find(int64_t position, int64_t tap) const;
  /// Of each element of the kernel the part of the positions in which it reads the image, and no
  /// padding.
  llvm::SmallVector<double> findShares() const;
};

} // namespace tenon

#endif
