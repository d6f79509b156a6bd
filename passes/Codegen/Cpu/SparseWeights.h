// Reading weights that lie in panels without their zeros; internal to Contraction*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_SPARSEWEIGHTS_H
#define TENON_PASSES_CODEGEN_CPU_SPARSEWEIGHTS_H

#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

class SparseWeights {
public:
  /// Of a spec whose weights are sparse.
  SparseWeights(const ContractionSpec &spec)
      : base(spec.weights), type(spec.weightType), form(*spec.sparse) {}

  /// What microkernels get of the panel `number`.
  mlir::Value panel(Emitter &emitter, mlir::Value number) const;

  using BlockBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value row, mlir::Value weights, mlir::ValueRange carried)>;
  /// Visits the blocks of a panel's list number `tap`: each one's row in the list, and where its
  /// weights are.
  llvm::SmallVector<mlir::Value> forBlocks(Emitter &emitter, mlir::Value panel, mlir::Value tap,
                                           mlir::ValueRange initial, BlockBody body) const;

  /// Of single weights: the list of a panel for `tap`, and the number of its first weight.
  mlir::Value list(Emitter &emitter, mlir::Value panel, mlir::Value tap) const;
  mlir::Value first(Emitter &emitter, mlir::Value list) const;
  /// Weights of a row from `column` on, zeros among them, as a vector of `type`, in which several
  /// may be one integer. `at` counts the weights before and after them.
  mlir::Value expand(Emitter &emitter, mlir::Value list, mlir::Value row, int64_t column,
                     mlir::VectorType type, mlir::Value &at) const;

  using WeightBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value row, mlir::Value weight, mlir::ValueRange carried)>;
  /// Of columns: the number of a panel's first weight.
  mlir::Value firstOfPanel(Emitter &emitter, mlir::Value panel) const;
  /// Visits the weights of a panel's list of a column: which of the list's input channels each is
  /// for, and itself. `at` is the number of the first one before, and of the next list's after it.
  llvm::SmallVector<mlir::Value> forColumn(Emitter &emitter, mlir::Value panel, mlir::Value number,
                                           mlir::Value &at, mlir::ValueRange initial,
                                           WeightBody body) const;

private:
  llvm::SmallVector<mlir::Value> forBits(Emitter &emitter, mlir::Value list, mlir::Value &at,
                                         mlir::ValueRange initial, WeightBody body) const;
  llvm::SmallVector<mlir::Value> forRows(Emitter &emitter, mlir::Value list, mlir::Value &at,
                                         mlir::ValueRange initial, WeightBody body) const;
  mlir::Value loadWeight(Emitter &emitter, mlir::Value number) const;

  mlir::Value base;
  /// Of a weight in memory.
  mlir::Type type;
  SparseForm form;
};

} // namespace tenon::cpu

#endif
