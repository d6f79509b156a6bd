// Numbers of f32 as sums of bf16 numbers (docs/numerics.md).
#ifndef TENON_PASSES_CODEGEN_CPU_FLOATPARTS_H
#define TENON_PASSES_CODEGEN_CPU_FLOATPARTS_H

#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon::cpu {

/// Vectors of bf16 whose sum is a vector of f32: each but the last is what the ones before leave,
/// rounded to the nearest; the last is what they all leave. What is not finite is in the last
/// alone, which is multiplied by first parts only: so an infinity times a number is an infinity,
/// and not the sum of one and its opposite.
llvm::SmallVector<mlir::Value> splitFloats(Emitter &emitter, mlir::Value vector, int64_t parts);

} // namespace tenon::cpu

#endif
