// Emission of matrix multiplication and convolution for CPUs.
//
// A contraction is a channels-last convolution without padding, of 0 to 3 spatial dimensions:
//
//   out[b][o...][g*N + n] = sum over taps t..., channels k of
//       input[b][o*stride + t*dilation ...][g][k] * weights[g][t...][k][n]
//
// A matrix product is the case of one spatial dimension (the rows) and one tap. The emitter splits
// output rows into tiles that fill the vector registers, calls one microkernel per tile shape, and
// hands each finished accumulator vector to the caller's epilogue, which stores it. See
// docs/cpu-codegen.md for the measurements behind it.
#ifndef TENON_PASSES_CODEGEN_CPU_CONTRACTION_H
#define TENON_PASSES_CODEGEN_CPU_CONTRACTION_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/Codegen/Cpu/TargetInfo.h"

namespace tenon::cpu {

/// How weights lie in memory. NR is the schedule's panelWidth.
enum class WeightLayout {
  /// [group][ceil(N/NR)][taps...][K][NR]; the last panel is zero padded to full NR.
  Packed,
  /// [group][taps...][K][N] with strides, e.g. the second operand of a matrix product.
  RowMajor,
  /// [group][N][K] with strides; one tap only.
  Transposed,
};

/// What to compute. Sizes and strides are i64 values, constant where possible; strides count
/// elements. The innermost dimension of every operand has stride 1.
struct ContractionSpec {
  mlir::Value batch, group;
  /// One entry per spatial dimension, outermost first.
  llvm::SmallVector<mlir::Value, 3> outSpatial, kernel, stride, dilation;
  /// Per group: K and N.
  mlir::Value inChannels, outChannels;

  mlir::Value input;
  mlir::Type inputType;
  mlir::Value inputBatchStride, inputGroupStride;
  llvm::SmallVector<mlir::Value, 3> inputSpatialStride;

  WeightLayout weightLayout = WeightLayout::Packed;
  mlir::Value weights;
  mlir::Type weightType;
  /// Null or 0: all batches share the weights.
  mlir::Value weightBatchStride;
  /// RowMajor and Transposed only: between groups, and between rows of K or N.
  mlir::Value weightGroupStride, weightRowStride;

  /// f32, f64, i32 or i64. Narrower operands are extended to it before they are multiplied.
  mlir::Type accumulatorType;
  bool inputIsUnsigned = false, weightsAreUnsigned = false;

  /// `contractionScratchBytes` bytes for this task alone, 64-byte aligned; null if that is none.
  mlir::Value scratch;
};

/// The sizes that a schedule depends on; -1 is unknown.
struct ContractionSizes {
  int64_t batch = 1, group = 1;
  /// Output rows of all spatial dimensions but the last, and of the last one.
  int64_t lines = 1, rows = -1;
  /// Kernel taps, all dimensions multiplied.
  int64_t taps = 1;
  int64_t inChannels = -1, outChannels = -1;
  int64_t accumulatorBits = 32, inputBits = 32, weightBits = 32;
  /// Distance in elements between neighbouring rows of the input; -1 if unknown.
  int64_t inputRowStride = -1;
  WeightLayout weightLayout = WeightLayout::Packed;
  bool weightsPerBatch = false;
};

/// How to compute it.
struct ContractionSchedule {
  /// Lanes of the vectors; 0: a full register. Fewer when there are few output channels.
  int64_t lanes = 0;
  /// Output positions and vectors of output channels per register tile.
  int64_t tileRows = 1, tileVectors = 1;
  /// Lines (of the second to last spatial dimension) that a tile may span when lines are short.
  int64_t tileLines = 1;
  /// Channels per trip of the innermost loop.
  int64_t unrollK = 4;
  /// Tiles whose input is reused for all weight panels before the next ones are visited; 0: all.
  /// 1 keeps a tile's input in the nearest cache, 0 keeps a panel of weights there.
  int64_t blockTiles = 0;
  /// Copy each tile's input to contiguous scratch first. One tap and known `blockTiles` only.
  bool packInput = false;
  /// Copy each panel of weights that are not Packed to contiguous scratch first. Without it,
  /// weights are read in place: RowMajor ones like Packed ones, Transposed ones along their rows,
  /// with sums across the lanes at the end (then `tileVectors` is 1). Compile-time kernel sizes
  /// only.
  bool packWeights = false;
  /// Cache lines of the next weight panel to prefetch per trip of the innermost loop.
  int64_t prefetchLines = 0;
  /// Where tasks could share panels as evenly as tiles, share panels: each task then reads a part
  /// of the weights instead of all.
  bool preferSplitPanels = false;

  int64_t vectorLanes(const TargetInfo &target, int64_t accumulatorBits = 32) const {
    return lanes ? lanes : target.lanes(accumulatorBits);
  }
  /// NR: output channels per weight panel.
  int64_t panelWidth(const TargetInfo &target, int64_t accumulatorBits = 32) const {
    return tileVectors * vectorLanes(target, accumulatorBits);
  }
};

ContractionSchedule chooseContractionSchedule(const TargetInfo &target,
                                              const ContractionSizes &sizes);

/// Scratch bytes that each task needs: fixed + perChannel * inChannels (K of one group).
struct ScratchBytes {
  int64_t fixed = 0, perChannel = 0;
};
ScratchBytes contractionScratchBytes(const ContractionSpec &spec,
                                     const ContractionSchedule &schedule, const TargetInfo &target);

/// Copies the RowMajor or Transposed weights of `spec` (one batch, one group) to the panels of
/// WeightLayout::Packed at `packed`, with elements of the accumulator type. What PackWeights does
/// to constants, for a kernel that uses weights more than once. Stores up to `lanes` rows of a
/// panel behind the last one.
void emitPackWeights(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                     const ContractionSpec &spec, const ContractionSchedule &schedule,
                     const TargetInfo &target, mlir::Value packed);

/// The place of an accumulator vector in the output.
struct OutputIndex {
  mlir::Value batch, group;
  llvm::SmallVector<mlir::Value, 3> spatial;
  /// Of lane 0, counted over all groups.
  mlir::Value channel;
};

/// Called where a sum is complete; stores it. `mask` is null if all lanes count. The callback may
/// use any value that dominates the call of `emitContraction`.
using EpilogueFn = llvm::function_ref<void(mlir::OpBuilder &, mlir::Location, mlir::Value sum,
                                           const OutputIndex &, mlir::Value mask)>;

/// Emits share `task` of `tasks` of the contraction at the builder's place, which must lie in an
/// `llvm.func` of `module`. The sums are the same bit by bit for any number of tasks.
void emitContraction(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                     const ContractionSpec &spec, const ContractionSchedule &schedule,
                     const TargetInfo &target, mlir::Value task, mlir::Value tasks,
                     EpilogueFn epilogue);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_CONTRACTION_H
