// What GPUs compute in other ways than processors.
#ifndef TENON_PASSES_CODEGEN_CUDA_TARGETMATH_H
#define TENON_PASSES_CODEGEN_CUDA_TARGETMATH_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon::cuda {

/// Makes targets of the `cuda` dialect tell it.
void registerMath(mlir::DialectRegistry &registry);

} // namespace tenon::cuda

#endif
