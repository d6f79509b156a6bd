// Columns of weights that are quantized in blocks, as kernels of few rows read them: codes of 2, 4
// or 8 bits become floats in registers.
#ifndef TENON_PASSES_CODEGEN_CUDA_CODEDCOLUMNS_H
#define TENON_PASSES_CODEGEN_CUDA_CODEDCOLUMNS_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

class CodedColumns {
public:
  /// Of codes in `#cuda.code_columns`, with scales and zero points in `#cuda.columns`.
  CodedColumns(KernelEmitter &e, DequantizeBlocksOp op);

  /// (q - zero) * scale of as many neighbours in depth as there are lanes, whole bytes of one
  /// block; a vector, or a number where it is one.
  mlir::Value load(mlir::Value column, LaneIndex depth);

private:
  llvm::SmallVector<mlir::Value> loadWords(mlir::Value column, mlir::Value depth);
  mlir::Value loadParameter(const Buffer &buffer, mlir::Value column, mlir::Value block);
  mlir::Value number(double value);

  KernelEmitter &e;
  Emitter &em;
  DequantizeBlocksOp op;
  int64_t bits;
  /// What stored codes are larger by: they are never negative.
  double raised;
  Buffer codes, scales;
  std::optional<Buffer> zeros;
};

} // namespace tenon::cuda

#endif
