// Matrix products and convolutions by warps with different roles: one thread has operands brought,
// warpgroups multiply them.
#ifndef TENON_PASSES_CODEGEN_CUDA_CONTRACTIONWGMMA_H
#define TENON_PASSES_CODEGEN_CUDA_CONTRACTIONWGMMA_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Emits the product `root`, a `tenon.matmul` or `tenon.conv` that findObstacle (Pipeline.h) finds
/// nothing against, and what follows its sums in the kernel. The emitter's blocks have the
/// schedule's threads.
void emitWgmmaKernel(KernelEmitter &emitter, mlir::Operation *root, PipelineScheduleAttr schedule);

} // namespace tenon::cuda

#endif
