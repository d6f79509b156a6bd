// Scales and zero points beside what they belong to.
#ifndef TENON_PASSES_QUANTIZE_PARAMETERS_H
#define TENON_PASSES_QUANTIZE_PARAMETERS_H

#include "dialects/Tenon/DecomposeBuilder.h"

namespace tenon {

/// Whether all dimensions are known to be 1.
bool isSingleElement(mlir::Value value);

/// Whether what is dequantized are integers, and no floats of 8 bits.
bool readsIntegers(DequantizeOp op);

/// Whether the parameters broadcast to what is dequantized, and not the other way round.
bool keepsShape(DequantizeOp op);

/// A parameter of a contraction's operand as it broadcasts with the result; null if it differs
/// within what a result sums over.
mlir::Value alignWithResult(const DecomposeBuilder &make, mlir::Operation *op, unsigned operand,
                            mlir::Value parameter);

} // namespace tenon

#endif
