// Both operands of a product in the stages of warps with different roles: how a step of them is
// brought, and multiplied by a warpgroup.
//
// Weights of which two in four are zero are the left operand of instructions, the only one that may
// be so: the product is computed turned, its rows being outputs, and its columns positions. Words
// that say where weights were are a third box of a step. Those outside of the weights are zeros,
// which no instruction takes, and are made the least that one does.
#ifndef TENON_PASSES_CODEGEN_CUDA_PIPELINEOPERANDS_H
#define TENON_PASSES_CODEGEN_CUDA_PIPELINEOPERANDS_H

#include "passes/Codegen/Cuda/BroughtOperand.h"
#include "passes/Schedule/Cuda/Pipeline.h"

namespace tenon::cuda {

/// What is multiplied, by rows and columns of the result.
struct PipelineSources {
  const ContractionSizes &sizes;
  const ContractionOperand &input, &weights;
};

class PipelineOperands {
public:
  PipelineOperands(KernelEmitter &e, mlir::Operation *root, const PipelineSources &sources,
                   PipelineScheduleAttr schedule, const PipelineMemory &memory);

  /// Has a step brought to a stage, of rows and columns of instructions from the first ones on.
  void bring(mlir::Value outer, mlir::Value row, mlir::Value column, const DepthStep &step,
             mlir::Value stage, mlir::Value barriers);
  /// Starts the products of a step with a group's rows, which add to sums if `accumulates`.
  llvm::SmallVector<mlir::Value> multiply(mlir::Value accumulates, mlir::Value stage,
                                          mlir::Value groupRow, mlir::ValueRange sums);

private:
  BroughtOperand makeInput(const PipelineSources &sources, BroughtOperand::Tiles tiles);
  BroughtOperand makeWeights(const PipelineSources &sources, BroughtOperand::Tiles tiles);
  BroughtOperand makeLeft(const PipelineSources &sources);
  BroughtOperand makeRight(const PipelineSources &sources, const PipelineMemory &memory);
  BroughtOperand makePlaces(const PipelineSources &sources, const PipelineMemory &memory);
  llvm::SmallVector<mlir::Value> loadWords(mlir::Value stage, mlir::Value groupRow);

  KernelEmitter &e;
  Emitter &em;
  mlir::Operation *root;
  PipelineScheduleAttr schedule;
  /// Of instructions.
  BroughtOperand left, right;
  mlir::Type leftNumber, rightNumber;
  /// Of weights without half of them.
  std::optional<BroughtOperand> places;
};

} // namespace tenon::cuda

#endif
