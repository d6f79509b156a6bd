// Vectors made one number, for emitters.
#ifndef TENON_PASSES_CODEGEN_COMMON_FOLDLANES_H
#define TENON_PASSES_CODEGEN_COMMON_FOLDLANES_H

#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon {

/// Combines the halves of a vector, whose lanes are a power of two, until one lane is left.
mlir::Value foldLanes(Emitter &emitter, mlir::Value vector,
                      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

/// The largest (smallest) lane of `most`, or NaN if a lane of `nan` is.
mlir::Value foldExtremum(Emitter &emitter, bool isMax, mlir::Value most, mlir::Value nan);

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_FOLDLANES_H
