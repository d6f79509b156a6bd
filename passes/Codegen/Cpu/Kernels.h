// The emitters of kernels, one function for each strategy. Every one splits its work by the
// emitter's task and tasks, and gives the same bits for any number of tasks.
#ifndef TENON_PASSES_CODEGEN_CPU_KERNELS_H
#define TENON_PASSES_CODEGEN_CPU_KERNELS_H

#include "passes/Codegen/Cpu/KernelEmitter.h"

namespace tenon::cpu {

/// Loops over the elements of the results, in tiles where they are transposed; with reductions, row
/// by row.
void emitRowsKernel(KernelEmitter &emitter);
/// A transpose with pointwise ops around it, in tiles (TransposedTiles.cpp). False, and nothing
/// emitted, if the kernel is something else. `otherwise` emits it for sizes below a tile's, if they
/// are known at run time only.
bool emitTransposedTiles(KernelEmitter &emitter, llvm::function_ref<void()> otherwise);
/// A matrix product or convolution with pointwise ops on its sums (ContractionKernel.cpp): as it
/// is, of one filter per channel, or with transformed filters.
void emitContractionKernel(KernelEmitter &emitter);
void emitDepthwiseKernel(KernelEmitter &emitter);
void emitWinogradKernel(KernelEmitter &emitter);
/// One of these; where its epilogue repeats its rows in this run, elements are computed one by one.
void emitWhereRowsAgree(KernelEmitter &emitter, llvm::function_ref<void(KernelEmitter &)> emit);
/// Attention with pointwise ops on its result (AttentionKernel.cpp).
void emitAttentionKernel(KernelEmitter &emitter);
/// A call of a function of the kernel library (LibraryKernel.cpp).
void emitLibraryKernel(KernelEmitter &emitter);

} // namespace tenon::cpu

#endif
