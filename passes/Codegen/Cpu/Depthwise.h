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

struct DepthwiseSchedule {
  /// Neighbouring outputs that are computed together.
  int64_t tileRows = 1;
  /// Lines of them.
  int64_t tileLines = 1;
  /// All weights are loaded before a tile is computed; otherwise one kernel line's at a time.
  bool keepWeights = false;
  /// All channels of one tile before the next tile: memory is read in order. Otherwise all tiles of
  /// a line before the next channels: kept weights are loaded once per line.
  bool channelsInside = true;
  /// Prefetch what the next line of outputs reads anew.
  bool prefetchInput = false;
};

/// What the schedule depends on.
struct DepthwiseSizes {
  llvm::SmallVector<int64_t, 3> kernel, stride;
  /// Bytes of one image of the input; -1 if only a run tells.
  int64_t imageBytes = -1;
};

DepthwiseSchedule chooseDepthwiseSchedule(const TargetInfo &target, const DepthwiseSizes &sizes);

/// As emitContraction. `OutputIndex::group` is 0.
void emitDepthwise(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                   const DepthwiseSpec &spec, const DepthwiseSchedule &schedule,
                   const TargetInfo &target, mlir::Value task, mlir::Value tasks,
                   EpilogueFn epilogue);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_DEPTHWISE_H
