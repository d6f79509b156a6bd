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

/// q - zero in i32.
mlir::Value subtractZero(NodeImporter &node, mlir::Value q, mlir::Value zero);

} // namespace tenon

#endif
