// Conversion of kernel modules (scf, arith, math, vector, cf on scalars, 1-D vectors and
// `!llvm.ptr`) to the LLVM dialect.
#ifndef TENON_PASSES_CODEGEN_COMMON_LOWERKERNELS_H
#define TENON_PASSES_CODEGEN_COMMON_LOWERKERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LogicalResult.h"

namespace tenon {

/// Whether the op becomes LLVM IR as it is: of the LLVM dialect, or an instruction of a target.
bool isTranslatable(mlir::Operation *op);

/// Converts everything in `module` to the LLVM dialect. Functions must be `llvm.func` already.
mlir::LogicalResult lowerKernels(mlir::ModuleOp module);

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_LOWERKERNELS_H
