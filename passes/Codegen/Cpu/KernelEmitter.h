// The element emitter for CPU kernels: the kernel's function, and its tasks' shares.
//
// A kernel function gets `args`: a pointer per argument, a pointer per result, one to the scratch
// memory of all tasks if it needs any, one to the strings of the run if it reads or makes
// characters, then its shape symbols as i64.
#ifndef TENON_PASSES_CODEGEN_CPU_KERNELEMITTER_H
#define TENON_PASSES_CODEGEN_CPU_KERNELEMITTER_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "passes/Codegen/Common/KernelEmitter.h"

namespace tenon::cpu {

class KernelEmitter final : public tenon::KernelEmitter {
public:
  /// Starts the kernel's function in `module`; the builder is left in its body.
  KernelEmitter(KernelOp kernel, mlir::ModuleOp module, TargetAttr target);

  TargetAttr target;
  /// How loops over elements go: the kernel's schedule, or the cost model's for what a strategy
  /// with a root does element by element.
  RowsScheduleAttr rows;
  mlir::Value task, tasks;
  /// The scratch memory of this task, as many bytes as the kernel says; null if it needs none.
  mlir::Value scratch;
  /// The strings of the run (tenon_strings); null if the kernel reads and makes no characters.
  mlir::Value strings;

  // Loops over elements (KernelLoops.cpp). A row is one task's, and no team's.
  int64_t lanesFor(mlir::AffineExpr size) const override;
  void forShare(mlir::Value count, llvm::function_ref<void(mlir::Value)> body) override;
  void forRows(mlir::Value count, llvm::function_ref<void(mlir::Value)> body) override {
    forShare(count, body);
  }
  llvm::SmallVector<mlir::Value>
  vectorLoop(mlir::Value lower, mlir::Value upper, int64_t lanes, bool mayHaveRest,
             mlir::ValueRange init,
             llvm::function_ref<llvm::SmallVector<mlir::Value>(LaneIndex, mlir::ValueRange)> body)
      override;
  mlir::Value getRowScratch() const override { return scratch; }
  mlir::Value foldTeam(ReduceKind, mlir::Type, mlir::Value value) override { return value; }
  void onceInTeam(llvm::function_ref<void()> body) override { body(); }
  void forElements(llvm::ArrayRef<mlir::AffineExpr> shape,
                   llvm::function_ref<void(llvm::ArrayRef<LaneIndex>)> body) override;

protected:
  mlir::Value loadEverySecond(mlir::VectorType type, const Buffer &buffer,
                              mlir::Value base) override;

private:
  /// This task's part of [0, count).
  std::pair<mlir::Value, mlir::Value> share(mlir::Value count);
};

} // namespace tenon::cpu

#endif
