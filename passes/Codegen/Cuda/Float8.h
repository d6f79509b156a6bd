// Conversions of floats of 8 bits (E4M3 without infinities, and E5M2) on a GPU. Codes are i8,
// numbers f32: scalars, or vectors of an even length.
#ifndef TENON_PASSES_CODEGEN_CUDA_FLOAT8_H
#define TENON_PASSES_CODEGEN_CUDA_FLOAT8_H

#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon::cuda {

/// The numbers that codes stand for; with `byInstruction` by one that sm_89 and later have.
mlir::Value decodeFloat8(Emitter &em, mlir::Value codes, mlir::FloatType type, bool byInstruction);

/// The codes of numbers, rounded to nearest, ties to even. What is too large becomes the largest
/// number. By an instruction that sm_89 and later have.
mlir::Value roundToFloat8(Emitter &em, mlir::Value numbers, mlir::FloatType type);

/// The codes of what is such a number already, infinities among them.
mlir::Value encodeFloat8(Emitter &em, mlir::Value numbers, mlir::FloatType type);

} // namespace tenon::cuda

#endif
