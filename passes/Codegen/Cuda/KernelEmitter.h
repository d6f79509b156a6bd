// The element emitter for GPU kernels: the entry of the kernel, and what its threads share.
//
// An entry gets a pointer per argument, a pointer per result, then the kernel's shape symbols as
// i64. Any number of blocks gives the same results: threads go over elements, and teams over rows,
// with steps of as many as there are. What all threads of a team compute, like the bounds of loops
// over rows, is the same in all of them, so that they meet where they exchange values.
#ifndef TENON_PASSES_CODEGEN_CUDA_KERNELEMITTER_H
#define TENON_PASSES_CODEGEN_CUDA_KERNELEMITTER_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "passes/Codegen/Common/KernelEmitter.h"
#include "runtime/abi.h"

namespace tenon::cuda {

class KernelEmitter final : public tenon::KernelEmitter {
public:
  /// Starts the kernel's entry, for blocks of `blockThreads` threads of which a multiprocessor is
  /// to hold `residentBlocks`, in `module`; the builder is left in its body. `rows` says how loops
  /// over elements go.
  KernelEmitter(KernelOp kernel, mlir::ModuleOp module, RowsScheduleAttr rows, int64_t blockThreads,
                int64_t residentBlocks);

  RowsScheduleAttr rows;
  int64_t blockThreads;
  /// Of this thread in its block, of its block in the grid, and how many blocks there are: i64.
  mlir::Value thread, block, blocks;

  int64_t lanesFor(mlir::AffineExpr size) const override;
  void forShare(mlir::Value count, llvm::function_ref<void(mlir::Value)> body) override;
  void forRows(mlir::Value count, llvm::function_ref<void(mlir::Value)> body) override;
  llvm::SmallVector<mlir::Value>
  vectorLoop(mlir::Value lower, mlir::Value upper, int64_t lanes, bool mayHaveRest,
             mlir::ValueRange init,
             llvm::function_ref<llvm::SmallVector<mlir::Value>(LaneIndex, mlir::ValueRange)> body)
      override;
  mlir::Value foldTeam(ReduceKind kind, mlir::Type elementType, mlir::Value value) override;
  void onceInTeam(llvm::function_ref<void()> body) override;
  void forElements(llvm::ArrayRef<mlir::AffineExpr> shape,
                   llvm::function_ref<void(llvm::ArrayRef<LaneIndex>)> body) override;

  /// Combines the values of `lanes` neighbouring lanes, a power of two, so that all of them have
  /// the same bits.
  mlir::Value foldLanes(ReduceKind kind, mlir::Type elementType, mlir::Value value, int64_t lanes);
  /// Waits until all threads of the block are here, and see what the others have stored.
  void barrier();
  /// An array in the memory that a block shares; a pointer to it.
  mlir::Value sharedArray(mlir::Type elementType, int64_t count);
  /// Says how many bytes of shared memory a launch gives each block, for `tile.buffer`s; threads
  /// have the registers that they need.
  void setDynamicSharedBytes(int64_t bytes);
  /// Says that so many neighbouring blocks are a cluster.
  void setCluster(int64_t blocks);
  /// Adds a tensor map to the entry's parameters, which the runtime makes; a pointer to it.
  mlir::Value addTensorMap(const tenon_tensor_map_desc &desc);

  mlir::Value decodeFloats(mlir::Value stored, mlir::FloatType type) override;
  mlir::Value encodeFloats(mlir::Value computed, mlir::FloatType type) override;

protected:
  mlir::Value computeElement(ElementalOpInterface op, unsigned result,
                             llvm::ArrayRef<LaneIndex> index) override;
  mlir::Value loadNeighbours(mlir::VectorType type, const Buffer &buffer,
                             LaneIndex position) override;
  void storeNeighbours(mlir::Value stored, const Buffer &buffer, LaneIndex position) override;

private:
  /// Calls `body` for [first, count) in steps, with a store of reusable elements of its own.
  void forSteps(mlir::Value first, mlir::Value count, mlir::Value step,
                llvm::function_ref<void(mlir::Value)> body);
  mlir::Value member();
  /// `value` of the lane of this warp whose number differs in the bits of `distance`.
  mlir::Value exchange(mlir::Value value, int64_t distance);
  mlir::Value foldWarps(ReduceKind kind, mlir::Type elementType, mlir::Value value);
  mlir::LLVM::LLVMFuncOp getEntry();
  /// The value of an attribute of the entry in LLVM IR; empty if it has none.
  std::string getPassthrough(llvm::StringRef name);
  void setPassthrough(llvm::StringRef name, llvm::StringRef value);
  int64_t numShared = 0;
  /// Whether an instruction converts floats of 8 bits.
  bool convertsFloat8;
  /// What elements that were rounded to floats of 8 bits are as these.
  llvm::DenseMap<mlir::Value, mlir::Value> rounded;

  unsigned vectorAlignment(mlir::Type vector, const Buffer &buffer, LaneIndex position) const;
};

} // namespace tenon::cuda

#endif
