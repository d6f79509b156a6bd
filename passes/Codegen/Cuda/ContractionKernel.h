// Matrix products and convolutions with FMAs from shared memory.
#ifndef TENON_PASSES_CODEGEN_CUDA_CONTRACTIONKERNEL_H
#define TENON_PASSES_CODEGEN_CUDA_CONTRACTIONKERNEL_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Emits the product `root`, a `tenon.matmul` or `tenon.conv`, and what follows its sums in the
/// kernel. The emitter's blocks have the schedule's threads.
void emitContractionKernel(KernelEmitter &emitter, mlir::Operation *root,
                           ContractionScheduleAttr schedule);

/// Bytes of shared memory that a block takes.
int64_t contractionSharedBytes(ContractionScheduleAttr schedule, mlir::Operation *root);

} // namespace tenon::cuda

#endif
