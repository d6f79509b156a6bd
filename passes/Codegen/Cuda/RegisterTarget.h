// GPUs as targets.
#ifndef TENON_PASSES_CODEGEN_CUDA_REGISTERTARGET_H
#define TENON_PASSES_CODEGEN_CUDA_REGISTERTARGET_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon::cuda {

/// Has the `cuda` dialect, with its strategies, loaded wherever the `tenon` dialect is, and the
/// dialect that its kernels are written in.
void registerTarget(mlir::DialectRegistry &registry);

} // namespace tenon::cuda

#endif
