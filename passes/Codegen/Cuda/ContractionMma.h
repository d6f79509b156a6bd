// Matrix products and convolutions on the matrix units of a GPU.
#ifndef TENON_PASSES_CODEGEN_CUDA_CONTRACTIONMMA_H
#define TENON_PASSES_CODEGEN_CUDA_CONTRACTIONMMA_H

#include "dialects/Tile/TileDialect.h"
#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Emits the product `root`, a `tenon.matmul` or `tenon.conv`, and what follows its sums in the
/// kernel. The emitter's blocks have the schedule's threads.
void emitMmaKernel(KernelEmitter &emitter, mlir::Operation *root, TileScheduleAttr schedule);

/// Whether weights that are known when the model is compiled had better lie by columns: those of
/// convolutions, for which addresses are shorter then, what could not be copied to shared memory as
/// it is multiplied, and all that lies in another way where a warpgroup multiplies.
bool wantsColumns(mlir::Operation *root, ScheduleAttrInterface schedule);

/// Bytes of shared memory that a block takes, for inputs of this element type.
int64_t mmaSharedBytes(TileScheduleAttr schedule, mlir::Type input);

} // namespace tenon::cuda

#endif
