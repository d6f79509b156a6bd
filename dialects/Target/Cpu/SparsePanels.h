// Weights in panels without their zeros, as `#cpu.sparse_panels` lays them out.
//
// What is left forms lists. The rows of panels have one for each panel and kernel position, in the
// order of the panels; columns have one for each panel, `depth` input channels, and output of the
// panel. Everything lies in one tensor of bytes, whose parts begin at multiples of 64:
//
//   blocks   starts   i32 [lists + 1]    the first block of each list, and the end of the last one
//            rows     u16 [kept]         of each block, its row in the panel, ascending; u32 where
//                                        panels have more than 65536 rows
//            values   [kept][row]        the blocks
//
//   single   lists    of each list, an i64, the number of its first weight that is not zero, and
//                     [rows][row / 8 bytes], a bit for each weight, set if it is not zero
//            values   [kept]             the weights
//
//   columns  panels   of each panel, an i32, the number of its first weight, and for each list
//                     [depth / 8], a bit for each input channel, set if its weight is not zero; or,
//                     if that takes less, u8, the list's weights
//            rows     u8 [kept]          in the latter case, of each weight, which of the list's
//                                        input channels it is for
//            values   [kept]             the weights
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
  /// Lists of a panel.
  int64_t panelLists = 0;
  int64_t kept = 0;
  /// Input channels of a column's list at most: their bits are a word.
  static constexpr int64_t mostDepth = 64;

  SparseForm() = default;
  SparseForm(SparsePanelsAttr layout, mlir::RankedTensorType weights);

  /// Of columns: whether bits tell which weights are not zero.
  bool hasMasks() const;
  /// What is in front of all lists of a panel of columns, or of the bits of a list of single
  /// weights.
  int64_t headBytes() const;
  /// A bit for each weight of a column's list, or of a row of single weights.
  int64_t maskBytes() const;
  /// From one list to the next of a panel, and from one panel to the next, as far as the lists
  /// themselves are concerned.
  int64_t listBytes() const;
  int64_t panelBytes() const;
  /// Where a list is.
  int64_t listOffset(int64_t list) const;
  /// Of the number of a row.
  int64_t rowBytes() const;
  /// Where the numbers of rows are, and the values; and the bytes of all.
  int64_t rowsOffset() const;
  int64_t valuesOffset() const;
  int64_t bytes() const;
};

} // namespace tenon::cpu

#endif
