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

#include "dialects/Target/Cpu/SparsePanels.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace tenon::cpu {

/// Weights of a few bits, (code - zero - bias) * scale with a scale and zero point for each output
/// channel and block of input channels. Codes lie as `#cpu.code_panels` says, scales and zero
/// points [blocks, N] in panels as `#cpu.panels` says, both of the same width.
struct CodedWeights {
  /// Of a code; input channels of a block, whole lanes of codes unless there is one block.
  int64_t bits = 4, blockSize = 32;
  /// Output channels of a panel: the schedule's, whichever of its forms reads them.
  int64_t panelWidth = 0;
  /// f32.
  mlir::Value scales;
  /// Null: 0.
  mlir::Value zeros;
  mlir::Type zeroType;
  bool zerosAreUnsigned = false;
  /// Of codes in memory: what they have more than the weights' own integers.
  float bias = 0;
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
  /// Not null: where in a table of `numMatrices` matrices those of each batch are, integers of
  /// `pickType`. Negative ones count from the end.
  mlir::Value picks, numMatrices;
  mlir::Type pickType;
  /// RowMajor and Transposed only: between groups, and between rows of K or N.
  mlir::Value weightGroupStride, weightRowStride;

  /// Packed weights of one tap and group with known sizes may be codes; then `weights` are these.
  std::optional<CodedWeights> codes;
  /// Packed weights may be without the zeros that the schedule skips; then `weights` are these
  /// bytes.
  std::optional<SparseForm> sparse;

  /// f32, f64, i32 or i64. Narrower operands are extended to it before they are multiplied.
  mlir::Type accumulatorType;
  bool inputIsUnsigned = false, weightsAreUnsigned = false;

  /// `contractionScratchBytes` bytes for this task alone, 64-byte aligned; null if that is none.
  mlir::Value scratch;
  /// The caller has set the tile registers that the schedule's instruction needs, for several
  /// contractions.
  bool tilesAreSet = false;
  /// Where rows end, memory that may be read goes on for as many as a tile has.
  bool hasWholeTiles = false;
};

/// Whether products with codes are those of bytes: the schedule's instruction multiplies such, and
/// each row of the input is rounded to them, block by block (docs/numerics.md).
bool roundsInput(const ContractionSpec &spec, ContractionScheduleAttr schedule);

/// Scratch bytes that each task needs: fixed + perChannel * inChannels (K of one group).
struct ScratchBytes {
  int64_t fixed = 0, perChannel = 0;
};
/// `taps`: of the kernel, all dimensions multiplied. `hasCodes`: whether the spec has codes.
ScratchBytes contractionScratchBytes(ContractionScheduleAttr schedule, int64_t taps,
                                     mlir::Type accumulatorType, bool hasCodes = false);

/// Copies the RowMajor or Transposed weights of `spec` (one batch, one group, one tap) to the
/// panels of WeightLayout::Packed at `packed`, as the schedule's instruction reads them. What
/// PackWeights does to constants, for a kernel that uses weights more than once. Takes
/// `packedWeightBytes` there.
void emitPackWeights(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                     const ContractionSpec &spec, ContractionScheduleAttr schedule,
                     mlir::Value packed);

/// Of products into f32. Packing writes up to `lanes` rows of a panel behind the last one, which
/// are part of this.
int64_t packedWeightBytes(ContractionScheduleAttr schedule, int64_t channels, int64_t columns);

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
                     const ContractionSpec &spec, ContractionScheduleAttr schedule,
                     mlir::Value task, mlir::Value tasks, EpilogueFn epilogue);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_CONTRACTION_H
