// Conversions between numbers and their quantized form, for the import functions.

#ifndef TENON_LIB_IMPORTER_OPS_QUANTIZE_H
#define TENON_LIB_IMPORTER_OPS_QUANTIZE_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// saturate(round(x / scale) + zero) in `type`; halves round to even. `zero` may be null. Scale and
/// zero broadcast with x. 8-bit floats are rounded by the conversion itself.
mlir::Value quantize(NodeImporter &node, mlir::Value x, mlir::Value scale, mlir::Value zero,
                     mlir::Type type);

/// saturate(round(quotient) + zero) in `type`. Floats narrower than a byte, and unless `saturate`
/// is false 8-bit ones, too, take their largest finite number for what is beyond it.
mlir::Value quantizeQuotient(NodeImporter &node, mlir::Value quotient, mlir::Value zero,
                             mlir::Type type, bool saturate = true);

/// (q - zero) * scale in the scale's element type.
mlir::Value dequantize(NodeImporter &node, mlir::Value q, mlir::Value scale, mlir::Value zero);

/// Whether `q` may be a quantized tensor or zero point of integers; reports an error if not.
bool checkQuantized(NodeImporter &node, mlir::Value q);

/// q - zero in i32.
mlir::Value subtractZero(NodeImporter &node, mlir::Value q, mlir::Value zero);

/// Brings scales or zero points of a tensor to a shape that broadcasts with it: one for all, one
/// per position of `axis`, or one per block of `blockSize` positions, of which 0 makes as many
/// blocks as there are parameters.
mlir::Value spreadParameter(NodeImporter &node, mlir::Value parameter, mlir::Value tensor,
                            int64_t axis, int64_t blockSize);

/// A parameter as a scalar; an error that says `what` it is if it is more than one number.
mlir::Value toOneNumber(NodeImporter &node, mlir::Value parameter, llvm::StringRef what);

/// A tensor in bytes, with the scale and zero point that its own range gives.
struct DynamicallyQuantized {
  mlir::Value values, scale, zero;
};

/// The range of x, widened to include zero, maps to [0, 255].
DynamicallyQuantized quantizeDynamically(NodeImporter &node, mlir::Value x);

/// A scale or zero point of a matrix operand: one, or one per row (`axisFromEnd` 2) or column (1).
mlir::Value alignWithMatrix(NodeImporter &node, mlir::Value parameter, int64_t axisFromEnd);

/// ONNX's matrix product of a - zeroA and b - zeroB in i32. A zero point may be null.
mlir::Value multiplyQuantized(NodeImporter &node, mlir::Value a, mlir::Value zeroA, mlir::Value b,
                              mlir::Value zeroB);

/// The i32 sums of a contraction as numbers, in f32.
mlir::Value scaleSums(NodeImporter &node, mlir::Value sums, mlir::Value scale);

/// The i32 sums of a contraction in the scale and type of the output.
mlir::Value requantize(NodeImporter &node, mlir::Value sums, mlir::Value scale,
                       mlir::Value outputScale, mlir::Value outputZero);

/// The numbers of `bits` bits in a tensor of bytes, along its last dimension: low ones first, or
/// high ones.
mlir::Value unpackBits(NodeImporter &node, mlir::Value bytes, int64_t bits, bool highFirst = false);

} // namespace tenon

#endif
