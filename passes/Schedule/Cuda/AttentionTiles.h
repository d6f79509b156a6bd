// Attention on matrix units: what is multiplied, and how it lies in shared memory.
#ifndef TENON_PASSES_SCHEDULE_CUDA_ATTENTIONTILES_H
#define TENON_PASSES_SCHEDULE_CUDA_ATTENTIONTILES_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "passes/Schedule/Cuda/Sizes.h"

namespace tenon::cuda {

/// The type of the numbers that matrix units multiply: that of the halves among queries, keys and
/// values, to which the others may be rounded, or what the caller allows to round f32 to. Null if
/// there is none, or if an operand does not lie in memory in rows that tiles are made of.
mlir::FloatType getMultipliedType(AttentionOp op);

/// Whether powers of scores, which are f32, may be rounded to it: where the caller allows it, and
/// in models of bf16, as on CPUs. Else they are multiplied in two parts, and lose no digits.
bool mayRoundPowers(AttentionOp op);

/// The instruction for such numbers.
MmaAttr getMma(mlir::FloatType multiplied);

/// Whether a warp has its queries, of so many numbers, in registers, and need not load them in each
/// step.
bool staysInRegisters(int64_t depth, mlir::FloatType multiplied);

/// What a block has in shared memory: queries, and each step's keys and values; when these are
/// done with, results, and what slices know of their rows.
struct AttentionTiles {
  AttentionTiles(const AttentionSizes &sizes, AttentionTileScheduleAttr schedule,
                 mlir::FloatType multiplied);

  /// Elements of a query's or key's line, of a value's, and of what is copied at a time.
  int64_t depthLine, widthLine, chunk;
  /// Columns of results that warps have.
  int64_t columns;
  /// Bytes of all stages, and of results and states of all slices.
  int64_t queryBytes, keyBytes, valueBytes, resultBytes, stateBytes;

  int64_t getBytes() const {
    return std::max(queryBytes + keyBytes + valueBytes, resultBytes + stateBytes);
  }
};

/// The best tiles of attention for matrix units if its keys are taken in so many parts, and the
/// cycles that they are thought to take; null if these do not multiply its numbers.
std::pair<AttentionTileScheduleAttr, double> rateAttentionTiles(TargetAttr target, AttentionOp op,
                                                                int64_t parts);
inline AttentionTileScheduleAttr chooseAttentionTiles(TargetAttr target, AttentionOp op) {
  return rateAttentionTiles(target, op, getAttentionSizes(op).parts).first;
}

} // namespace tenon::cuda

#endif
