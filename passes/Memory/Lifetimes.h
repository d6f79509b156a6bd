// When the buffers of a program are in use.
//
// Time is the position of ops in a walk of the function. A buffer lives from its launch to the last
// use of any value that shares it: reshapes are views, and the result of an `if` is whatever buffer
// the branch yields. A buffer from outside a loop lives to the end of the loop that uses it, since
// the next iteration may use it again. Launches that write parts of one tensor share the buffer of
// the first of them, its home. The memory of an argument is there from the start.
#ifndef TENON_PASSES_MEMORY_LIFETIMES_H
#define TENON_PASSES_MEMORY_LIFETIMES_H

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace tenon {

/// Buffers begin at multiples of this, and take up multiples of it.
inline constexpr int64_t kBufferAlignment = 64;

/// Bytes of the buffer that an op's result is, or nothing if they depend on the run.
std::optional<int64_t> getBufferBytes(mlir::OpResult result);

/// Where the buffer is; null if no op of the program says so, as of arguments.
mlir::Attribute getPlace(mlir::Value value);

/// The first of the launches that write parts of the tensor.
mlir::Value getHome(mlir::Value value);

class Lifetimes {
public:
  explicit Lifetimes(mlir::func::FuncOp function);

  int64_t begin(mlir::Operation *launch) const { return position.lookup(launch); }
  /// The last position at which the buffer of `value`, a launch's result or an argument of the
  /// function, is in use.
  int64_t lastUse(mlir::Value value) const;
  /// Whether the buffer is in use when the launch runs, or after it.
  bool isUsedFrom(mlir::Operation *launch, mlir::Value value) const {
    return lastUse(value) >= begin(launch);
  }
  /// The values that share the buffer.
  std::vector<mlir::Value> membersOf(mlir::Value value) const;
  /// Whether the value is that of a branch: which buffer it is in is known at run time only.
  bool isFromBranch(mlir::Value value) const { return fromBranch.contains(value); }

private:
  void numberOps();
  void findAliases();

  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Operation *, int64_t> position, endPosition;
  llvm::EquivalenceClasses<void *> aliases;
  llvm::DenseSet<mlir::Value> fromBranch;
};

} // namespace tenon

#endif
