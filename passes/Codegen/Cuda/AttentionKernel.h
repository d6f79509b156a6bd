// Attention with FMAs from shared memory.
#ifndef TENON_PASSES_CODEGEN_CUDA_ATTENTIONKERNEL_H
#define TENON_PASSES_CODEGEN_CUDA_ATTENTIONKERNEL_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Emits the attention `op` and what follows it in the kernel. The emitter's blocks have the
/// schedule's threads.
void emitAttentionKernel(KernelEmitter &emitter, AttentionOp op, AttentionScheduleAttr schedule);

} // namespace tenon::cuda

#endif
