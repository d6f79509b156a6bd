// Turns `math` ops and NaN-aware minima and maxima into arithmetic that costs a few instructions.
#ifndef TENON_PASSES_CODEGEN_COMMON_EXPANDMATH_H
#define TENON_PASSES_CODEGEN_COMMON_EXPANDMATH_H

#include "dialects/Target/TargetInterfaces.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectInterface.h"
#include "passes/Codegen/Common/MathFunctions.h"

namespace tenon {

/// What a kind of targets computes in fewer instructions than others: an interface of the dialect
/// of their target attribute.
class TargetMath : public mlir::DialectInterface::Base<TargetMath> {
public:
  explicit TargetMath(mlir::Dialect *dialect) : Base(dialect) {}
  virtual MathOptions getOptions(TargetAttrInterface target) const = 0;
};

/// Replaces `math` ops on scalars and vectors under `root`: f32 by MathFunctions.h, f16 and bf16 by
/// way of f32, f64 by calls to libm for each lane. Ops that are one instruction (sqrt, floor, fma,
/// …) stay. Also arith.maximumf and friends where a compare and select will do. The module may
/// receive declarations of libm functions.
mlir::LogicalResult expandMath(mlir::ModuleOp root, const MathOptions &options = {});

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_EXPANDMATH_H
