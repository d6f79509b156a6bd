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
//   columns  starts   i32 [lists + 1]    the first weight of each list, and the end of the last one
//            rows     u8 [kept]          of each weight, which of the list's input channels it is
//            for values   [kept]             the weights
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

  SparseForm() = default;
  SparseForm(SparsePanelsAttr layout, mlir::RankedTensorType weights);

  /// What tells where a list begins, and of single weights the bits of a row.
  int64_t headBytes() const { return zeros == Zeros::Single ? 8 : 4; }
  int64_t maskBytes() const { return rowElements / 8; }
  /// From one list to the next, as far as the lists themselves are concerned.
  int64_t listBytes() const;
  /// Of the number of a row.
  int64_t rowBytes() const;
  /// Where the numbers of rows are, and the values; and the bytes of all.
  int64_t rowsOffset() const;
  int64_t valuesOffset() const;
  int64_t bytes() const;
};

} // namespace tenon::cpu

#endif
