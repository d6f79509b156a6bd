// Products that warps with different roles compute (#cuda.pipeline_schedule): of which operands
// that is possible, and what a block has in shared memory.
#ifndef TENON_PASSES_SCHEDULE_CUDA_PIPELINE_H
#define TENON_PASSES_SCHEDULE_CUDA_PIPELINE_H

#include "dialects/Target/Cuda/SparseColumns.h"
#include "dialects/Tenon/TenonDialect.h"

namespace tenon::cuda {

/// How the right operand of a product lies in memory.
enum class RightForm {
  Columns, ///< by columns of the product, each along its depth
  Lines    ///< by steps of the depth, each with all columns
};

/// The form that kernels with different roles read it in: known weights are laid out by columns.
RightForm getRightForm(mlir::Operation *root);

/// Why the copy engine cannot bring a product's operands by `depth` channels of it; empty: it can.
std::string findObstacle(mlir::Operation *root, int64_t depth);

/// Where in shared memory a block has what, in bytes; the left operand is first.
struct PipelineMemory {
  PipelineMemory(PipelineScheduleAttr schedule, int64_t elementBytes);

  /// `places` are words of weights without half of them: so many lines of each step.
  int64_t right, places, sums, full, empty, bytes;
  int64_t placesLines;
  /// Columns of the sums that a warp has there at a time; in turned sums, a group of warps.
  int64_t sumColumns;
  /// Of a step, from memory; and of it what rows have.
  int64_t stageBytes, stageRowBytes;
};

/// What must hold of a schedule for a product.
std::string findObstacle(PipelineScheduleAttr schedule, mlir::Operation *root, TargetAttr target);

} // namespace tenon::cuda

#endif
