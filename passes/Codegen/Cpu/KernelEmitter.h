// The element emitter for CPU kernels: buffers, scalar and vector memory access, reuse of elements.
//
// A kernel function gets `args`: a pointer per argument, a pointer per result, one to the scratch
// memory of all tasks if it needs any, one to the strings of the run if it reads or makes
// characters, then its shape symbols as i64. Strategies (RowsKernel, ContractionKernel, ...) set up
// loops, lanes and masks, ask for the elements of the tensors that the kernel computes, and store
// them.
#ifndef TENON_PASSES_CODEGEN_CPU_KERNELEMITTER_H
#define TENON_PASSES_CODEGEN_CPU_KERNELEMITTER_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include <map>
#include <vector>

namespace tenon::cpu {

/// Where the elements of a tensor lie: the memory of an argument or a result, or a part of it.
struct Buffer {
  mlir::Value pointer;
  mlir::Type elementType;
  DimExprs strides;
  /// Whether there is a first element in every run.
  bool hasElements = false;
};

/// Where all elements of a tensor of this type lie one behind another, in row-major order.
Buffer makeBuffer(mlir::Value pointer, mlir::Type type);

class KernelEmitter final : public ElementEmitter {
public:
  /// Starts the kernel's function in `module`; the builder is left in its body.
  KernelEmitter(KernelOp kernel, mlir::ModuleOp module, TargetAttr target);

  KernelOp kernel;
  mlir::ModuleOp module;
  TargetAttr target;
  /// How loops over elements go: the kernel's schedule, or the cost model's for what a strategy
  /// with a root does element by element.
  RowsScheduleAttr rows;
  /// Builds where `builder()` does.
  Emitter em;
  mlir::Value task, tasks;
  /// The scratch memory of this task, as many bytes as the kernel says; null if it needs none.
  mlir::Value scratch;
  /// The strings of the run (tenon_strings); null if the kernel reads and makes no characters.
  mlir::Value strings;

  mlir::Value element(mlir::Value tensor, llvm::ArrayRef<LaneIndex> index) override;
  mlir::Value value(mlir::AffineExpr expr) override;
  mlir::Value guarded(mlir::Value condition, llvm::function_ref<mlir::Value()> inner,
                      mlir::Value otherwise) override;
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value count, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body)
      override;

  /// The buffer of a block argument.
  const Buffer &argument(mlir::Value argument) const { return arguments.find(argument)->second; }
  /// The memory of an argument or of a slice of one.
  Buffer buffer(mlir::Value tensor);
  /// The tensor that a strategy computes for a result, and where it belongs: inside the frames that
  /// the kernel yields around it.
  mlir::Value computed(unsigned number) const { return computedResults[number]; }
  const Buffer &result(unsigned number) const { return results[number]; }

  /// Stores elements (in their compute type) of a result.
  void store(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index, mlir::Value element);
  mlir::Value load(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index);

  // Loops over elements (KernelLoops.cpp).
  /// Lanes that suit a loop over a dimension of this size.
  int64_t lanesFor(mlir::AffineExpr size) const;
  /// This task's part of [0, count).
  std::pair<mlir::Value, mlir::Value> share(mlir::Value count);
  /// Calls `body` with an index that covers [lower, upper) in steps of `lanes`; the rest is one
  /// masked trip. Carried values go through.
  llvm::SmallVector<mlir::Value>
  vectorLoop(mlir::Value lower, mlir::Value upper, int64_t lanes, bool mayHaveRest,
             mlir::ValueRange init,
             llvm::function_ref<llvm::SmallVector<mlir::Value>(LaneIndex, mlir::ValueRange)> body);
  /// Calls `body` for this task's share of the elements of a tensor, vectors along its last
  /// dimension.
  void forElements(llvm::ArrayRef<mlir::AffineExpr> shape,
                   llvm::function_ref<void(llvm::ArrayRef<LaneIndex>)> body);

  /// Runs `body` with this many lanes, of which `mask` (or all, if null) count, and with an empty
  /// store of reusable elements on top of the present one.
  void withLanes(int64_t lanes, mlir::Value mask, llvm::function_ref<void()> body);
  mlir::Value currentMask() const { return mask; }

  /// Elements of `tensor` come from `source` instead of its op, until the next change.
  using Source = std::function<mlir::Value(llvm::ArrayRef<LaneIndex>)>;
  void setSource(mlir::Value tensor, Source source) { sources[tensor] = std::move(source); }

  using SizePairs = llvm::SmallVector<std::pair<mlir::AffineExpr, mlir::AffineExpr>>;
  /// Emits `agreeing` for a run in which the sizes of each pair are equal, and else `otherwise`.
  void ifSizesAgree(const SizePairs &pairs, llvm::function_ref<void()> agreeing,
                    llvm::function_ref<void()> otherwise);
  /// Runs `body`, twice where vectors may broadcast or not, which only a run tells: for a run in
  /// which they do not, without the gathers that they need otherwise.
  void withAgreeingLanes(llvm::function_ref<void()> body);

  /// Fills the frames of the results and ends the function.
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
  /// A pad that a result is yielded through, and the whole of it in memory.
  struct Frame {
    PadOp pad;
    Buffer buffer;
  };
  void inScope(llvm::function_ref<void()> body);
  mlir::Value compute(mlir::Value tensor, llvm::ArrayRef<LaneIndex> index);
  mlir::Value constantElement(ConstantOp constant);
  void addResult(mlir::Value yielded, mlir::Value pointer);
  Buffer part(const Buffer &buffer, llvm::ArrayRef<mlir::AffineExpr> starts);
  void fill(const Frame &frame);
  void fillBox(const Frame &frame, llvm::ArrayRef<mlir::AffineExpr> starts,
               llvm::ArrayRef<mlir::AffineExpr> sizes, size_t firstWhole);
  LaneIndex offset(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index);
  mlir::Value toCompute(mlir::Value stored, mlir::Type elementType);
  mlir::Value toStorage(mlir::Value computed, mlir::Type elementType);
  /// Pointers to each lane's element.
  mlir::Value lanePointers(const Buffer &buffer, LaneIndex offset);
  mlir::Value loadEverySecond(mlir::VectorType type, const Buffer &buffer, mlir::Value base);
  mlir::Value loadForAllLanes(const Buffer &buffer, mlir::Value base);
  mlir::Value fullMask();

  llvm::DenseMap<mlir::Value, Buffer> arguments;
  llvm::SmallVector<Buffer> results;
  llvm::SmallVector<mlir::Value> computedResults;
  llvm::SmallVector<Frame> frames;
  llvm::SmallVector<mlir::Value> symbols;
  llvm::DenseMap<mlir::Value, Source> sources;
  std::vector<Scope> scopes;
  mlir::Value mask;
  /// Whether a guard may leave no lane of the mask; loops have no trips without lanes.
  bool mayHaveNoLanes = false;
};

} // namespace tenon::cpu

#endif
