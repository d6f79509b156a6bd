// From tiles to instructions.
#ifndef TENON_PASSES_CODEGEN_CUDA_LOWERTILES_H
#define TENON_PASSES_CODEGEN_CUDA_LOWERTILES_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon::cuda {

/// Has ops of the `tile` dialect lowered wherever kernels are (tenon-lower-kernels).
void registerTileLowering(mlir::DialectRegistry &registry);

} // namespace tenon::cuda

#endif
