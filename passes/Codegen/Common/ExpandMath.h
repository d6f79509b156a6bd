// Turns `math` ops and NaN-aware minima and maxima into arithmetic that costs a few instructions.
#ifndef TENON_PASSES_CODEGEN_COMMON_EXPANDMATH_H
#define TENON_PASSES_CODEGEN_COMMON_EXPANDMATH_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "passes/Codegen/Common/MathFunctions.h"
#include <memory>

namespace tenon {

/// Patterns that replace `math` ops on scalars and vectors: f32 by MathFunctions.h, f16 and bf16 by
/// way of f32, f64 by calls to libm for each lane. Ops that are one instruction (sqrt, floor, fma,
/// …) stay. Also arith.maximumf and friends where a compare and select will do.
void populateExpandMathPatterns(mlir::RewritePatternSet &patterns, const MathOptions &options = {});

/// Applies them to everything under `root`, a module that may receive declarations of libm
/// functions.
mlir::LogicalResult expandMath(mlir::ModuleOp root, const MathOptions &options = {});

std::unique_ptr<mlir::Pass> createExpandMathPass(const MathOptions &options = {});
void registerExpandMathPass();

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_EXPANDMATH_H
