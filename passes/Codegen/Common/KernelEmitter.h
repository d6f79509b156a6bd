// The element emitter of kernels, as far as it is the same for all targets: buffers, scalar and
// vector memory access, reuse of elements.
//
// Strategies (rows, contraction, ...) set up loops, lanes and masks, ask for the elements of the
// tensors that the kernel computes, and store them. A target says how its function begins and gets
// at its buffers, how many lanes it takes, and how loops over elements are shared among those that
// run a kernel at the same time: the tasks of a launch on a CPU, threads on a GPU.
#ifndef TENON_PASSES_CODEGEN_COMMON_KERNELEMITTER_H
#define TENON_PASSES_CODEGEN_COMMON_KERNELEMITTER_H

#include "dialects/Tenon/TenonDialect.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include <map>
#include <vector>

namespace tenon {

/// Where the elements of a tensor lie: the memory of an argument or a result, or a part of it.
struct Buffer {
  mlir::Value pointer;
  mlir::Type elementType;
  DimExprs strides;
  /// Whether there is a first element in every run.
  bool hasElements = false;
  /// The first element is a multiple of so many elements behind the beginning of a tensor.
  int64_t alignment = 1 << 20;
};

/// What a kernel computes for a value that it yields: inside of the frames around it.
mlir::Value getComputed(mlir::Value yielded);

/// Where all elements of a tensor of this type lie one behind another, in row-major order.
Buffer makeBuffer(mlir::Value pointer, mlir::Type type);

class KernelEmitter : public ElementEmitter {
public:
  KernelOp kernel;
  mlir::ModuleOp module;
  /// Builds where `builder()` does.
  Emitter em;

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

  /// Emits what follows elements of the kernel's root, and stores the results at `index`.
  void storeComputed(mlir::Value root, mlir::Value element, llvm::ArrayRef<LaneIndex> index);
  /// Stores elements (in their compute type) of a result.
  void store(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index, mlir::Value element);
  mlir::Value load(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index);
  /// How many elements behind the buffer's first one that at `index` is.
  LaneIndex offset(const Buffer &buffer, llvm::ArrayRef<LaneIndex> index);

  /// The numbers that stored floats of 8 bits or less stand for, in f32, and back.
  virtual mlir::Value decodeFloats(mlir::Value stored, mlir::FloatType type);
  virtual mlir::Value encodeFloats(mlir::Value computed, mlir::FloatType type);

  // Loops over elements, which those that run the kernel share.
  /// Lanes that suit a loop over a dimension of this size.
  virtual int64_t lanesFor(mlir::AffineExpr size) const = 0;
  /// Calls `body` for each of [0, count) that falls to who runs it.
  virtual void forShare(mlir::Value count, llvm::function_ref<void(mlir::Value)> body) = 0;
  /// The same for rows, each of which a team computes together: all of its members run `body`.
  virtual void forRows(mlir::Value count, llvm::function_ref<void(mlir::Value)> body) = 0;
  /// Calls `body` with an index that covers [lower, upper) in steps of `lanes`, each member of the
  /// team its part; the rest is one masked trip. Carried values go through.
  virtual llvm::SmallVector<mlir::Value> vectorLoop(
      mlir::Value lower, mlir::Value upper, int64_t lanes, bool mayHaveRest, mlir::ValueRange init,
      llvm::function_ref<llvm::SmallVector<mlir::Value>(LaneIndex, mlir::ValueRange)> body) = 0;
  /// Combines the scalars that the members of a team have, of elements of `elementType`, so that
  /// all of them have the result.
  virtual mlir::Value foldTeam(ReduceKind kind, mlir::Type elementType, mlir::Value value) = 0;
  /// Runs `body`, which stores what belongs to a whole row, in one member of the team.
  virtual void onceInTeam(llvm::function_ref<void()> body) = 0;
  /// Calls `body` for the share of the elements of a tensor, vectors along its last dimension.
  virtual void forElements(llvm::ArrayRef<mlir::AffineExpr> shape,
                           llvm::function_ref<void(llvm::ArrayRef<LaneIndex>)> body) = 0;

  /// Memory of those that compute a row together, as much as `RowPasses` says that values take
  /// which wait there from one pass over the row to the next; null if there is none.
  virtual mlir::Value getRowScratch() const { return nullptr; }

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

  /// Fills the frames of the results, once: here, or where the function ends.
  void fillFrames();
  /// Ends the function.
  void finish();

protected:
  /// Emits at the place of `builder`, in the kernel's function.
  KernelEmitter(KernelOp kernel, mlir::ModuleOp module, Emitter builder);
  /// Says what the function got: a pointer for each argument and result, and the symbols.
  void bind(mlir::ValueRange pointers, mlir::ValueRange symbolValues);

  /// The element of an op's result.
  virtual mlir::Value computeElement(ElementalOpInterface op, unsigned result,
                                     llvm::ArrayRef<LaneIndex> index);
  /// Neighbouring elements from `position` on, those of the mask; a vector in the storage type.
  virtual mlir::Value loadNeighbours(mlir::VectorType type, const Buffer &buffer,
                                     LaneIndex position);
  virtual void storeNeighbours(mlir::Value stored, const Buffer &buffer, LaneIndex position);
  /// Elements with a distance of two between them; null if a gather is as good.
  virtual mlir::Value loadEverySecond(mlir::VectorType type, const Buffer &buffer,
                                      mlir::Value base) {
    return nullptr;
  }

  mlir::Value mask;

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
  mlir::Value toCompute(mlir::Value stored, mlir::Type elementType);
  mlir::Value toStorage(mlir::Value computed, mlir::Type elementType);
  /// Pointers to each lane's element.
  mlir::Value lanePointers(const Buffer &buffer, LaneIndex offset);
  mlir::Value loadForAllLanes(const Buffer &buffer, mlir::Value base);
  mlir::Value fullMask();

  llvm::DenseMap<mlir::Value, Buffer> arguments;
  llvm::SmallVector<Buffer> results;
  llvm::SmallVector<mlir::Value> computedResults;
  llvm::SmallVector<Frame> frames;
  llvm::SmallVector<mlir::Value> symbols;
  llvm::DenseMap<mlir::Value, Source> sources;
  std::vector<Scope> scopes;
  /// Whether a guard may leave no lane of the mask; loops have no trips without lanes.
  bool mayHaveNoLanes = false;
};

/// Computes a kernel without a root (RowsKernel.cpp): loops over the elements of the results; with
/// reductions, row by row. Inside `withAgreeingLanes`.
void emitRows(KernelEmitter &emitter);

/// Ends the computation of an element, or of neighbours in the last dimension, of the kernel's
/// root: emits the ops that follow the root and stores the kernel's results at `index`, at `b`'s
/// place.
void storeFinished(KernelEmitter &emitter, mlir::OpBuilder &b, mlir::OpResult root,
                   mlir::Value element, llvm::ArrayRef<mlir::Value> index, mlir::Value mask);

} // namespace tenon

#endif
