// The sizes of ops, as their schedules depend on them; -1 is a size that only a run tells.
#ifndef TENON_PASSES_SCHEDULE_CPU_SIZES_H
#define TENON_PASSES_SCHEDULE_CPU_SIZES_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Target/KnownWeights.h"
#include "dialects/Tenon/TenonDialect.h"

namespace tenon::cpu {

/// Of a matrix product or convolution: a channels-last convolution without padding, in groups.
struct ContractionSizes {
  int64_t batch = 1, group = 1;
  /// Output rows of all spatial dimensions but the last, and of the last one.
  int64_t lines = 1, rows = -1;
  /// Kernel taps, all dimensions multiplied, and those of the last one.
  int64_t taps = 1, lastTaps = 1;
  int64_t inChannels = -1, outChannels = -1;
  int64_t accumulatorBits = 32, inputBits = 32, weightBits = 32;
  /// Element types with their signs; null where they are of no interest, as those of floats.
  mlir::Type inputType, weightType;
  /// Of f32: products of bf16 of which each product may be the sum; 1: none.
  int64_t bfloatProducts = 1;
  /// Distance in elements between neighbouring rows of the input; -1 if unknown.
  int64_t inputRowStride = -1;
  /// The last kernel dimension has several positions, which are neighbours in the input.
  bool tapsAreNeighbours = false;
  /// All output positions are those of one product, with input that lies row behind row.
  bool positionsAreRows = false;
  WeightLayout weightLayout = WeightLayout::Packed;
  bool weightsPerBatch = false;
  /// Weights are codes of `weightBits`, which are decoded on the way.
  bool hasCodes = false;
  /// The input may be rounded to bytes in the blocks of the codes, and those can become bytes.
  bool mayRoundInput = false;
  /// Of the weights, as far as it is known.
  WeightZeros zeros;
};

/// Of a convolution with a filter for each channel.
struct DepthwiseSizes {
  llvm::SmallVector<int64_t, 3> kernel, stride;
  int64_t accumulatorBits = 32;
  mlir::Type inputType, weightType;
  /// Bytes of one image of the input; -1 if only a run tells.
  int64_t imageBytes = -1;
};

/// Of attention. `group` is the number of heads of queries for each head of keys.
struct AttentionSizes {
  int64_t group = 1, queryCount = -1, keyCount = -1, depth = 0, width = 0;
  int64_t elementBits = 32;
  /// What queries, keys and values all are, if that is halves; then powers are rounded to them
  /// where an instruction multiplies them as they are.
  mlir::Type halves;
  int64_t queryRowStride = -1;
  bool keysAreColumns = false;
};

/// The sizes of a `tenon.matmul` or `tenon.conv`.
ContractionSizes getContractionSizes(mlir::Operation *op);
DepthwiseSizes getDepthwiseSizes(ConvOp op);
AttentionSizes getAttentionSizes(AttentionOp op);

/// Whether an instruction with tiles can read the input of such a contraction in place: the
/// channels of a position fill whole tiles, and there are enough positions in a line, of which only
/// a tile of one line takes part.
bool canReadTiles(const ContractionSizes &sizes, ContractionScheduleAttr schedule);

} // namespace tenon::cpu

#endif
