// What the passes over a row of a kernel with reductions evaluate (see RowsKernel.cpp), and which
// of it is kept from one pass to the next.
#ifndef TENON_PASSES_CODEGEN_COMMON_ROWPASSES_H
#define TENON_PASSES_CODEGEN_COMMON_ROWPASSES_H

#include "dialects/Tenon/TenonDialect.h"
#include <map>

namespace tenon {

/// A value that the first pass that evaluates it leaves for later ones.
struct KeptValue {
  mlir::Value value;
  /// The level of reductions whose pass evaluates it first.
  unsigned level;
  /// It waits in the result's row; else in row number `slot` of scratch memory.
  bool inResult;
  int64_t slot = 0;
};

class RowPasses {
public:
  /// Of a kernel that has reductions.
  explicit RowPasses(KernelOp kernel);

  /// What is reduced, and along which dimensions, in ascending order.
  const DimExprs &getDims() const { return dims; }
  llvm::ArrayRef<int64_t> getAxes() const { return axes; }
  /// Of what a reduction results in.
  const DimExprs &getReducedDims() const { return reducedDims; }
  bool isReduced(size_t dim) const { return llvm::is_contained(axes, dim); }

  /// By level: those of one level depend on reductions of the levels before.
  const std::map<unsigned, llvm::SmallVector<ReduceOp>> &getLevels() const { return levels; }
  unsigned levelOf(mlir::Operation *op) const;
  /// Whether the op computes a number for each row, rather than for each element.
  bool isRowValue(mlir::Operation *op) const;

  /// What to keep: in the result's row, and, with `mayUseScratch`, in scratch memory.
  llvm::SmallVector<KeptValue> chooseKept(bool mayUseScratch) const;
  /// Bytes of a row of scratch memory.
  int64_t getSlotBytes() const;

private:
  using Ops = llvm::SmallPtrSet<mlir::Operation *, 32>;
  /// Adds what `value` is computed from within the pass of a level, without what is kept before.
  void collect(mlir::Value value, unsigned level, llvm::ArrayRef<KeptValue> kept, Ops &ops) const;
  /// The ops that each pass evaluates, by level; the last one writes the result.
  std::map<unsigned, Ops> collectPasses(llvm::ArrayRef<KeptValue> kept) const;
  /// What later passes save if the value is kept.
  int64_t countSaved(mlir::Operation *op, unsigned first,
                     const std::map<unsigned, Ops> &passes) const;
  bool canKeep(mlir::Value value) const;
  bool fitsScratch(mlir::Value value) const;
  unsigned getLastLevel() const { return levels.rbegin()->first + 1; }

  mlir::Block *block;
  /// What the kernel's only result is, inside of its frame; null if there are several.
  mlir::Value computed;
  DimExprs dims;
  llvm::SmallVector<int64_t> axes;
  DimExprs reducedDims;
  std::map<unsigned, llvm::SmallVector<ReduceOp>> levels;
};

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_ROWPASSES_H
