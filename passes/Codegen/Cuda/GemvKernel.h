// Matrix products of few rows on a GPU.
#ifndef TENON_PASSES_CODEGEN_CUDA_GEMVKERNEL_H
#define TENON_PASSES_CODEGEN_CUDA_GEMVKERNEL_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Emits the product `root`, a `tenon.matmul` or `tenon.conv` of few rows, and what follows its
/// sums in the kernel. The emitter's blocks have the schedule's threads.
void emitGemvKernel(KernelEmitter &emitter, mlir::Operation *root, GemvScheduleAttr schedule);

} // namespace tenon::cuda

#endif
