// Floats of 8 bits and less: in memory they are bytes, in kernels f32.

#ifndef TENON_DIALECTS_TENON_NARROWFLOAT_H
#define TENON_DIALECTS_TENON_NARROWFLOAT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace tenon {

/// Whether elements of this type are bytes that are decoded and encoded by the functions below.
bool isNarrowFloat(mlir::Type elementType);

/// Whether it is one of the floats of 8 bits that processors and models multiply: E4M3 without
/// infinities, or E5M2. Every such number is one of f16, too.
bool isFloat8(mlir::Type elementType);

/// f32 values (a scalar or a vector) rounded to the nearest, on a tie even, that `type` can hold.
/// What is too large becomes the largest such number if `saturate`, else infinity or NaN.
mlir::Value roundToNarrow(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                          mlir::FloatType type, bool saturate);

/// The i8 encoding of f32 values that `type` can hold.
mlir::Value encodeNarrow(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                         mlir::FloatType type);

/// The f32 values that i8 encodings stand for.
mlir::Value decodeNarrow(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value code,
                         mlir::FloatType type);

} // namespace tenon

#endif
