// The lowering of the host function, in parts: values and services of the runtime
// (HostLowering.cpp), launches (HostLaunch.cpp), control flow (HostControlFlow.cpp), and what holds
// them together (LowerHost.cpp).
#ifndef TENON_PASSES_CODEGEN_HOST_HOSTLOWERING_H
#define TENON_PASSES_CODEGEN_HOST_HOSTLOWERING_H

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
  void placeResults(LaunchOp op);
  void launch(LaunchOp op);
  void launchWhereSizesDiffer(LaunchOp op);
  void lower(BindSymbolOp op);
  void lower(BindBroadcastOp op);
  void lower(RequireOp op);
  mlir::LogicalResult lower(IfOp op);
  mlir::LogicalResult lower(LoopOp op);
  void lower(mlir::func::ReturnOp op);

  // Values.
  mlir::Value pointerOf(mlir::Value tensor) { return pointers.lookup(tensor); }
  mlir::Value value(mlir::AffineExpr expr);
  mlir::Value count(llvm::ArrayRef<mlir::AffineExpr> dims);
  /// How many bytes a tensor of these dimensions takes; more than any memory has where the number
  /// does not fit into 64 bits.
  mlir::Value bytesOf(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type elementType);
  mlir::Value bytesOf(mlir::Type type);
  mlir::Value loadElement(mlir::Value tensor, int64_t position);
  /// Binds the dimensions of `type` that are symbols nothing has bound yet.
  void bindDims(mlir::Type type, llvm::ArrayRef<mlir::Value> sizes);
  mlir::Value countTasks(LaunchOp op, KernelOp kernel);

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
  mlir::Value isNull(mlir::Value pointer);
  mlir::Value stackSlots(mlir::Type type, int64_t count);
  void copy(mlir::Value to, mlir::Value from, mlir::Value bytes) {
    em.create<mlir::LLVM::MemcpyOp>(to, from, bytes, /*isVolatile=*/false);
  }

  // Control flow.
  mlir::Block *newBlock() { return &host.getBody().emplaceBlock(); }
  void branch(mlir::Block *to, mlir::ValueRange arguments = {}) {
    em.create<mlir::LLVM::BrOp>(arguments, to);
  }

  mlir::func::FuncOp function;
  ConstantPlacer placer;
  mlir::MLIRContext *context;
  mlir::ModuleOp module;
  Emitter em;
  mlir::LLVM::LLVMFuncOp host;
  mlir::Type pointerType, i64;
  mlir::Value exec, arena, weights;
  mlir::Block *entry = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> pointers;
  /// The memory to release after a result that may be another one's.
  llvm::DenseMap<mlir::Value, mlir::Value> ownMemory;
  llvm::DenseMap<unsigned, mlir::Value> symbols;
  llvm::StringMap<int64_t> kernelNumbers;
  int64_t numStrings = 0;
};

} // namespace tenon

#endif
