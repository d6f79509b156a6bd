// Attention on the matrix units of a GPU.
#ifndef TENON_PASSES_CODEGEN_CUDA_ATTENTIONMMA_H
#define TENON_PASSES_CODEGEN_CUDA_ATTENTIONMMA_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Emits the attention `op` and what follows it in the kernel. The emitter's blocks have the
/// schedule's threads.
void emitAttentionMmaKernel(KernelEmitter &emitter, AttentionOp op,
                            AttentionTileScheduleAttr schedule);

} // namespace tenon::cuda

#endif
