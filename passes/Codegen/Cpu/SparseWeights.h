// Reading weights that lie in panels without their zeros; internal to Contraction*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_SPARSEWEIGHTS_H
#define TENON_PASSES_CODEGEN_CPU_SPARSEWEIGHTS_H

#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

class SparseWeights {
public:
  /// Of a spec whose weights are sparse.
  SparseWeights(const ContractionSpec &spec) : base(spec.weights), form(*spec.sparse) {}

  /// What microkernels get of the panel `number`, which has a list for each of `taps`.
  mlir::Value panel(Emitter &emitter, mlir::Value number, mlir::Value taps) const;

  using BlockBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value row, mlir::Value weights, mlir::ValueRange carried)>;
  /// Visits the blocks of a panel's list number `tap`: each one's row in the list, and where its
  /// weights are.
  llvm::SmallVector<mlir::Value> forBlocks(Emitter &emitter, mlir::Value panel, mlir::Value tap,
                                           mlir::ValueRange initial, BlockBody body) const;

private:
  mlir::Value loadNumber(Emitter &emitter, mlir::Value pointer, mlir::Value index) const;

  mlir::Value base;
  SparseForm form;
};

} // namespace tenon::cpu

#endif
