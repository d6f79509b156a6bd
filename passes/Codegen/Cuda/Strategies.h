// The strategies of GPUs: how kernels are recognised, scheduled, checked and emitted.
#ifndef TENON_PASSES_CODEGEN_CUDA_STRATEGIES_H
#define TENON_PASSES_CODEGEN_CUDA_STRATEGIES_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon::cuda {

/// Makes targets of the `cuda` dialect have their strategies.
void registerStrategies(mlir::DialectRegistry &registry);

} // namespace tenon::cuda

#endif
