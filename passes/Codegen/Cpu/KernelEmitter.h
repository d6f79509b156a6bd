// The element emitter for CPU kernels: buffers, scalar and vector memory access, reuse of elements.
//
// A kernel function gets `args`: a pointer per argument, a pointer per result, then its shape
// symbols as i64. Strategies (RowsKernel, ContractionKernel, ...) set up loops, lanes and masks,
// and ask for the elements of the values that the kernel yields.
#ifndef TENON_PASSES_CODEGEN_CPU_KERNELEMITTER_H
#define TENON_PASSES_CODEGEN_CPU_KERNELEMITTER_H

#include "dialects/Tenon/TenonDialect.h"
#include "passes/Codegen/Cpu/EmitHelpers.h"
#include "passes/Codegen/Cpu/TargetInfo.h"
#include <map>
#include <vector>

namespace tenon::cpu {

/// A kernel's buffer: where it is and how it is laid out.
struct Buffer {
  mlir::Value pointer;
  mlir::Type elementType;
  DimExprs strides;
};

class KernelEmitter final : public ElementEmitter {
public:
  /// Starts the kernel's function in `module`; the builder is left in its body.
  KernelEmitter(KernelOp kernel, mlir::ModuleOp module, const TargetInfo &target);

  KernelOp kernel;
  mlir::ModuleOp module;
  const TargetInfo &target;
  /// Builds where `builder()` does.
  Emitter em;
  mlir::Value task, tasks;

  mlir::Value element(mlir::Value tensor, llvm::ArrayRef<LaneIndex> index) override;
  mlir::Value value(mlir::AffineExpr expr) override;
  mlir::Value guarded(mlir::Value condition, llvm::function_ref<mlir::Value()> inner,
                      mlir::Value otherwise) override;
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value count, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body)
      override;

  /// The buffer of a block argument, or of the result that the kernel yields at `number`.
  const Buffer &argument(mlir::Value argument) const { return arguments.find(argument)->second; }
  const Buffer &result(unsigned number) const { return results[number]; }
  mlir::Value yielded(unsigned number);

  /// Stores elements (in their compute type) of a result.
  void store(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index, mlir::Value element);
  mlir::Value load(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index);

  /// Runs `body` with this many lanes, of which `mask` (or all, if null) count, and with an empty
  /// store of reusable elements on top of the present one.
  void withLanes(int64_t lanes, mlir::Value mask, llvm::function_ref<void()> body);
  mlir::Value currentMask() const { return mask; }

  /// Elements of `tensor` come from `source` instead of its op, until the next change.
  using Source = std::function<mlir::Value(llvm::ArrayRef<LaneIndex>)>;
  void setSource(mlir::Value tensor, Source source) { sources[tensor] = std::move(source); }

  /// Ends the function.
  void finish();

private:
  /// An element that was computed before, at the same index.
  struct Known {
    llvm::SmallVector<LaneIndex> index;
    mlir::Value element;
  };
  struct Scope {
    std::map<void *, llvm::SmallVector<Known, 2>> known; // by tensor
    int64_t lanes = 1;
  };
  void inScope(llvm::function_ref<void()> body);
  mlir::Value compute(mlir::Value tensor, llvm::ArrayRef<LaneIndex> index);
  mlir::Value constantElement(ConstantOp constant);
  LaneIndex offset(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index);
  mlir::Value toCompute(mlir::Value stored, mlir::Type elementType);
  mlir::Value toStorage(mlir::Value computed, mlir::Type elementType);
  /// Pointers to each lane's element.
  mlir::Value lanePointers(const Buffer &buffer, LaneIndex offset);
  mlir::Value fullMask();

  llvm::DenseMap<mlir::Value, Buffer> arguments;
  llvm::SmallVector<Buffer> results;
  llvm::SmallVector<mlir::Value> symbols;
  llvm::DenseMap<mlir::Value, Source> sources;
  std::vector<Scope> scopes;
  mlir::Value mask;
};

} // namespace tenon::cpu

#endif
