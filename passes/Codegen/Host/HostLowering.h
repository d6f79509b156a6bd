// The lowering of the host function, in parts: values and services of the runtime
// (HostLowering.cpp), launches (HostLaunch.cpp), transfers (HostTransfers.cpp), control flow
// (HostControlFlow.cpp), sequences and the like (HostSequences.cpp), outputs (HostOutputs.cpp), and
// what holds them together (LowerHost.cpp).
#ifndef TENON_PASSES_CODEGEN_HOST_HOSTLOWERING_H
#define TENON_PASSES_CODEGEN_HOST_HOSTLOWERING_H

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Passes.h"
#include "runtime/abi.h"

namespace tenon {

class HostLowering {
public:
  /// Lowers `function` to `i32 tenon_run(ptr exec)` in `module`.
  HostLowering(mlir::func::FuncOp function, mlir::ModuleOp module, ConstantPlacer placer)
      : function(function), placer(std::move(placer)), context(function.getContext()),
        module(module), em(function.getLoc(), context) {}

  mlir::LogicalResult run();

private:
  // Ops.
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lower(mlir::Operation *op);
  mlir::LogicalResult lower(ConstantOp op);
  void lower(LaunchOp op);
  void lower(TransferOp op);
  void placeResults(LaunchOp op);
  /// Memory at a place that is not one of another result.
  mlir::Value memoryAt(mlir::Attribute place, llvm::function_ref<mlir::Value()> bytes);
  void launch(LaunchOp op);
  /// The most bytes that a result may take.
  mlir::Value bytesOfResult(LaunchOp op, size_t number);
  void launchWhereSizesDiffer(LaunchOp op);
  /// An expression over a kernel's symbols, by those that the launch gives.
  mlir::Value valueInLaunch(LaunchOp op, mlir::AffineExpr expr);
  /// The scratch memory of the launch's tasks; null if they need none.
  mlir::Value scratchOf(LaunchOp op, KernelOp kernel, mlir::Value tasks);
  void lower(BindSymbolOp op);
  void lower(BindBroadcastOp op);
  void lower(RequireOp op);
  mlir::LogicalResult lower(IfOp op);
  mlir::LogicalResult lower(LoopOp op);
  void lower(SequenceConstructOp op);
  void lower(SequenceInsertOp op);
  void lower(SequenceEraseOp op);
  void lower(SequenceAtOp op);
  void lower(SequenceLengthOp op);
  void lower(SequenceConcatOp op);
  void lower(SequenceSplitOp op);
  void lower(MapEntriesOp op);
  void lower(DecodeImageOp op);
  void lower(ReleaseOp op);
  void lower(mlir::func::ReturnOp op);
  /// Copies what no launch wrote into the caller's memory.
  void writeOutputs(mlir::func::ReturnOp op);
  void writeObject(int64_t number, mlir::Value object);
  void writeOutput(int64_t number, mlir::Value tensor, mlir::Value source, bool mayBeThere);

  // Values.
  mlir::Value pointerOf(mlir::Value tensor) { return pointers.lookup(tensor); }
  mlir::Value value(mlir::AffineExpr expr);
  /// The product of sizes; more than any memory has where it does not fit into 64 bits.
  mlir::Value productOf(llvm::ArrayRef<mlir::Value> sizes);
  /// How many bytes a tensor of these dimensions takes, as productOf.
  mlir::Value bytesOf(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type elementType);
  mlir::Value bytesOf(mlir::Type type);
  mlir::Value loadElement(mlir::Value tensor, int64_t position);
  /// Binds the dimensions of `type` that are symbols nothing has bound yet.
  void bindDims(mlir::Type type, llvm::ArrayRef<mlir::Value> sizes);
  mlir::Value countTasks(LaunchOp op, KernelOp kernel);

  // Sequences, optionals and maps.
  template <typename T>
  mlir::Value objectField(mlir::Value object, T tenon_object::*member, mlir::Type type) {
    tenon_object probe;
    int64_t offset = reinterpret_cast<char *>(&(probe.*member)) - reinterpret_cast<char *>(&probe);
    return em.load(type, em.offsetPointer(object, em.getI8Type(), offset));
  }
  mlir::Value i32(int64_t number);
  /// The object that a service makes; its first argument, the run, is added.
  mlir::Value callObjectService(mlir::Value service, mlir::ValueRange arguments);
  void retain(mlir::Value object);
  void releaseObject(mlir::Value object);
  /// An object that an element becomes, with a reference to give on: a tensor's copy.
  mlir::Value newReference(mlir::Value element);
  mlir::Value lengthOf(mlir::Value list);
  llvm::SmallVector<mlir::Value> sizesOf(mlir::Type tensor);
  /// A position, counted from the start, after checking that the sequence has it.
  mlir::Value checkedPosition(mlir::Value position, mlir::Value length, bool isInsertion);
  void checkRank(mlir::Value tensor, int64_t expected);
  /// Takes a tensor's memory and sizes from an object.
  void bindTensor(mlir::Value tensor, mlir::Value object);
  /// The pointers of what ends a block, with a reference to each object.
  llvm::SmallVector<mlir::Value> yieldedPointers(mlir::Operation *terminator);

  // The memory of kernels, where it is not the host's (HostTransfers.cpp).
  /// One of the runtime's TENON_TRANSFER_*.
  void transfer(int32_t direction, mlir::Value to, mlir::Value from, mlir::Value bytes);
  mlir::Value allocateOnHost(mlir::Value bytes);
  void releaseOnHost(mlir::Value pointer);
  /// Whether the program may read the tensor: all constants, and what is on the host.
  bool isOnHost(mlir::Value tensor);
  /// The memory of a tensor for which that is so.
  mlir::Value pointerOnHost(mlir::Value tensor);

  // The runtime.
  template <typename T> mlir::Value field(T tenon_exec::*member, mlir::Type type) {
    tenon_exec probe;
    int64_t offset = reinterpret_cast<char *>(&(probe.*member)) - reinterpret_cast<char *>(&probe);
    return em.load(type, em.offsetPointer(exec, em.getI8Type(), offset));
  }
  mlir::Value callService(mlir::Value service, mlir::Type result, mlir::ValueRange arguments);
  mlir::Value allocate(mlir::Value bytes);
  void release(mlir::Value pointer);
  mlir::Value outputBuffer(int64_t number, mlir::Type type);
  /// Ends the run with an error about the present op's node. Each TENON_VALUE_MARK in the message
  /// stands for the next of `values`.
  void failIf(mlir::Value condition, int32_t code, const llvm::Twine &message,
              mlir::ValueRange values = {});
  void returnIf(mlir::Value condition, int32_t code);
  /// A text of the program.
  mlir::Value makeText(llvm::StringRef text);
  /// The beginning of messages about the present op's node, for services that write them.
  mlir::Value describeNodeInRun();
  mlir::Value isNull(mlir::Value pointer);
  /// Room for i64 numbers on the stack, for all of the run.
  mlir::Value stackSlots(int64_t count);
  /// The most i64 numbers that are given to a service at one time.
  int64_t countSlots();
  /// Room for them: on the stack, or allocated for the run if they are very many.
  mlir::Value makeSlots();
  /// These numbers, for the next call of a service or kernel only.
  mlir::Value inSlots(mlir::ValueRange values);
  void copy(mlir::Value to, mlir::Value from, mlir::Value bytes);
  /// Copies of a range to itself are undefined in C, and of no use.
  void copyUnlessSame(mlir::Value to, mlir::Value from, mlir::Value bytes);

  // Control flow.
  /// A copy of a tensor, in a buffer of its own.
  mlir::Value carry(mlir::Value value);
  mlir::Block *newBlock() { return &host.getBody().emplaceBlock(); }
  void branch(mlir::Block *to, mlir::ValueRange arguments = {}) {
    em.create<mlir::LLVM::BrOp>(arguments, to);
  }

  mlir::func::FuncOp function;
  /// Whether kernels compute in memory of their own.
  bool isRemote = false;
  ConstantPlacer placer;
  mlir::MLIRContext *context;
  mlir::ModuleOp module;
  Emitter em;
  mlir::LLVM::LLVMFuncOp host;
  mlir::Type pointerType, i64;
  mlir::Value exec, arena, weights, hostWeights, slots;
  mlir::Block *entry = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> pointers;
  /// Of constants, in bytes.
  llvm::DenseMap<mlir::Value, int64_t> offsets;
  /// The objects in which tensors lie that were read from a sequence or map.
  llvm::DenseMap<mlir::Value, mlir::Value> ownObjects;
  /// The memory to release after a result that may be another one's.
  llvm::DenseMap<mlir::Value, mlir::Value> ownMemory;
  llvm::DenseMap<unsigned, mlir::Value> symbols;
  llvm::StringMap<int64_t> kernelNumbers;
  int64_t numStrings = 0, numSlots = 0;
};

/// The most i64 numbers or pointers that an op on sequences gives to a service at one time.
int64_t countSequenceSlots(mlir::Operation *op);

} // namespace tenon

#endif
