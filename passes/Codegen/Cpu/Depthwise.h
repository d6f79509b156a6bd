// Emission of depthwise convolution for CPUs: each channel has its own small filter.
//
//   out[b][o...][c] = sum over taps t... of input[b][o*stride + t*dilation ...][c] *
//   weights[t...][c]
//
// Channels fill the vectors, so there is nothing to reduce across lanes; the work is in loading
// each input element once for all outputs that it contributes to.
#ifndef TENON_PASSES_CODEGEN_CPU_DEPTHWISE_H
#define TENON_PASSES_CODEGEN_CPU_DEPTHWISE_H

#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

/// What to compute. As in ContractionSpec; kernel sizes, strides and dilations are compile-time
/// constants.
struct DepthwiseSpec {
  mlir::Value batch;
  llvm::SmallVector<mlir::Value, 3> outSpatial;
  llvm::SmallVector<int64_t, 3> kernel, stride, dilation;
  mlir::Value channels;

  mlir::Value input;
  mlir::Type inputType;
  mlir::Value inputBatchStride;
  llvm::SmallVector<mlir::Value, 3> inputSpatialStride;

  /// [taps...][channels].
  mlir::Value weights;
  mlir::Type weightType;
  /// f32, f64 or an integer type.
  mlir::Type accumulatorType;
  bool inputIsUnsigned = false, weightsAreUnsigned = false;
};

/// As emitContraction. `OutputIndex::group` is 0.
void emitDepthwise(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                   const DepthwiseSpec &spec, DepthwiseScheduleAttr schedule, mlir::Value task,
                   mlir::Value tasks, EpilogueFn epilogue);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_DEPTHWISE_H
