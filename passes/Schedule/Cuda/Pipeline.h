// Products that warps with different roles compute (#cuda.pipeline_schedule): of which operands
// that is possible, and what a block has in shared memory.
#ifndef TENON_PASSES_SCHEDULE_CUDA_PIPELINE_H
#define TENON_PASSES_SCHEDULE_CUDA_PIPELINE_H

#include "dialects/Target/Cuda/CudaDialect.h"
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

/// Where in shared memory a block has what, in bytes.
struct PipelineMemory {
  PipelineMemory(PipelineScheduleAttr schedule, int64_t elementBytes);

  int64_t right, sums, full, empty, bytes;
  /// Columns of the sums that a warp has there at a time.
  int64_t sumColumns;
  /// Of a step, from memory.
  int64_t stageBytes;
};

/// What must hold of a schedule for a product.
std::string findObstacle(PipelineScheduleAttr schedule, mlir::Operation *root, TargetAttr target);

} // namespace tenon::cuda

#endif
