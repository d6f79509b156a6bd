// Registers that a kernel's threads need, and how many blocks a multiprocessor can hold by them.
//
// NVIDIA's assembler takes no more registers than let a multiprocessor hold as many blocks as a
// kernel says. Where it says nothing, the assembler guesses, and would rather store some values in
// memory than give up a block.
#ifndef TENON_PASSES_SCHEDULE_CUDA_REGISTERS_H
#define TENON_PASSES_SCHEDULE_CUDA_REGISTERS_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Tenon/TenonDialect.h"

namespace tenon::cuda {

/// What a thread needs, about: for the elements that it computes with at one time, for indices and
/// for addresses.
int64_t countRowsRegisters(KernelOp kernel, int64_t lanes);
/// The same where sums of the root are in registers, while what follows it is computed. Tiles for
/// matrix units are chosen for one block (chooseTiles): its threads may have what there is.
int64_t countRegisters(KernelOp kernel, mlir::Operation *root, ContractionScheduleAttr schedule);
int64_t countRegisters(KernelOp kernel, mlir::Operation *root, TileScheduleAttr schedule);
int64_t countRegisters(KernelOp kernel, mlir::Operation *root, PipelineScheduleAttr schedule);
int64_t countRegisters(KernelOp kernel, mlir::Operation *root, GemvScheduleAttr schedule);
int64_t countRegisters(KernelOp kernel, AttentionOp root, AttentionScheduleAttr schedule);
int64_t countRegisters(KernelOp kernel, AttentionOp root, AttentionTileScheduleAttr schedule);

/// Blocks of so many threads that a multiprocessor holds if each thread has these registers; at
/// least one.
int64_t countResidentBlocks(TargetAttr target, int64_t threads, int64_t registers);

} // namespace tenon::cuda

#endif
