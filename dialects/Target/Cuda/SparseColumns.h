// Weights by output without two zeros of each four neighbours in depth, as `#cuda.sparse_columns`
// lays them out: [groups, rows, depth / 2] in the weights' own type, the depth up to a multiple of
// 64. Rows are
//
//   values   [outputs]   of each output, up to a multiple of 16, two of each four weights
//   places   the rest    for each sixteen outputs and 64 of the depth, 32 words of 32 bits
//
// Four neighbours take four bits of a word: where the first of the two is among them, and where the
// second one is, which is behind it. Words are those of a warp's lanes, in their order; PTX ISA,
// "Sparse matrix storage" and the figures of mma.sp's metadata: lane 4 g + t of the matrix has
//
//   halves   of row g, weights [16 t, 16 t + 16) of the 64; in its upper half those of row g + 8
//   bytes    of row g + t % 2 * 8, weights [32 (t / 2), 32 (t / 2) + 32)
#ifndef TENON_DIALECTS_TARGET_CUDA_SPARSECOLUMNS_H
#define TENON_DIALECTS_TARGET_CUDA_SPARSECOLUMNS_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "llvm/Support/MathExtras.h"

namespace tenon::cuda {

struct SparseColumns {
  /// Outputs, and depth, that words are for; words, and bytes of them.
  static constexpr int64_t side = 16, blockDepth = 64, words = 32, placesBytes = 4 * words;

  int64_t groups, outputs, depth, elementBytes;

  SparseColumns(SparseColumnsAttr layout, mlir::RankedTensorType weights);

  /// Sixteen outputs each, and 64 of the depth.
  int64_t outputBlocks() const { return llvm::divideCeil(outputs, side); }
  int64_t depthBlocks() const { return llvm::divideCeil(depth, blockDepth); }
  /// Rows of values, and elements of each row.
  int64_t valueRows() const { return outputBlocks() * side; }
  int64_t rowElements() const { return depthBlocks() * blockDepth / 2; }
  /// Rows of places behind the values of sixteen outputs.
  int64_t placeRows() const {
    return outputBlocks() * placesBytes / (blockDepth / 2 * elementBytes);
  }
  int64_t rows() const { return valueRows() + placeRows(); }
  int64_t groupBytes() const { return rows() * rowElements() * elementBytes; }
  /// Where the words of a group for its first outputs and depth begin, in the group.
  int64_t placesOffset() const { return valueRows() * rowElements() * elementBytes; }
};

} // namespace tenon::cuda

#endif
