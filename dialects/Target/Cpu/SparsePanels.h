// Weights in panels without their zeros, as `#cpu.sparse_panels` lays them out.
//
// The rows of panels form lists, one for each panel and kernel position, in the order of the
// panels. Everything lies in one tensor of bytes, whose parts begin at multiples of 64:
//
//   blocks   starts   i32 [lists + 1]    the first block of each list, and the end of the last one
//            rows     i32 [kept]         of each block, its row in the panel, ascending
//            values   [kept][row]        the blocks
//
//   single   starts   i32 [lists + 1]    the first weight of each list that is not zero
//            masks    [lists][rows][row / 8 bytes]   a bit for each weight, set if it is not zero
//            values   [kept]             the weights, and as many bytes as a vector behind them
#ifndef TENON_DIALECTS_TARGET_CPU_SPARSEPANELS_H
#define TENON_DIALECTS_TARGET_CPU_SPARSEPANELS_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Target/KnownWeights.h"

namespace tenon::cpu {

/// Where the parts are.
struct SparseForm {
  Zeros zeros = Zeros::Blocks;
  /// Rows of a list, the weights of a row, and the bytes of one.
  int64_t lists = 0, rows = 0, rowElements = 0, elementBytes = 0;
  int64_t kept = 0;

  SparseForm() = default;
  SparseForm(SparsePanelsAttr layout, mlir::RankedTensorType weights);

  /// Bytes of the bits for a row.
  int64_t maskBytes() const { return rowElements / 8; }
  /// Where the rows of blocks, or masks, are; then values; and the bytes of all.
  int64_t rowsOffset() const;
  int64_t valuesOffset() const;
  int64_t bytes() const;
};

} // namespace tenon::cpu

#endif
