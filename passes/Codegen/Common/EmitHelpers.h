// Small helpers for emitting kernels with builders: folding i64 arithmetic, pointers and loads, and
// functions outlined from the kernel that they serve.
#ifndef TENON_PASSES_CODEGEN_COMMON_EMITHELPERS_H
#define TENON_PASSES_CODEGEN_COMMON_EMITHELPERS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/FunctionExtras.h"
#include <optional>

namespace tenon {

/// The value of an integer that is known at compile time.
std::optional<int64_t> constantOf(mlir::Value value);
inline bool isConstant(mlir::Value value, int64_t expected) {
  std::optional<int64_t> constant = constantOf(value);
  return constant && *constant == expected;
}

/// The most bytes that generated code keeps in an array on the stack.
inline constexpr int64_t kLargestStackArray = 4096;

/// The bytes that the array takes; nullopt if only a run tells.
std::optional<int64_t> getStackBytes(mlir::LLVM::AllocaOp array);

/// A builder at one place with arithmetic on i64 that folds as it builds, so that kernels with
/// static sizes come out without any size arithmetic.
class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  using mlir::ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  Emitter(mlir::OpBuilder &builder, mlir::Location loc)
      : mlir::ImplicitLocOpBuilder(loc, builder) {}

  mlir::Value i64(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, i64(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, i64(b)); }
  /// Unsigned: operands are sizes and indices.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b) {
    return compare(mlir::arith::CmpIPredicate::slt, a, b);
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// The value of an expression over shape symbols. Parts of it may be negative.
  mlir::Value evaluate(mlir::AffineExpr expr,
                       llvm::function_ref<mlir::Value(unsigned symbol)> valueOf);

  /// `pointer + offset` in units of `elementType`.
  mlir::Value offsetPointer(mlir::Value pointer, mlir::Type elementType, mlir::Value offset);
  mlir::Value offsetPointer(mlir::Value pointer, mlir::Type elementType, int64_t offset);
  /// Loads a scalar or vector that is aligned as its elements are, or as elements of type `stored`,
  /// which it is made of, in memory.
  mlir::Value load(mlir::Type type, mlir::Value pointer, mlir::Type stored = nullptr);
  void store(mlir::Value value, mlir::Value pointer);
  /// Lanes without a set mask bit are not touched and read as zero; a null mask sets all.
  mlir::Value maskedLoad(mlir::VectorType type, mlir::Value pointer, mlir::Value mask,
                         mlir::Type stored = nullptr);
  void maskedStore(mlir::Value value, mlir::Value pointer, mlir::Value mask);
  /// One element from, or to, each of a vector of pointers; masked out lanes read 0.
  mlir::Value gather(mlir::VectorType type, mlir::Value pointers, mlir::Value mask);
  void scatter(mlir::Value value, mlir::Value pointers, mlir::Value mask);
  /// A few elements on the stack of the function, for what is given by a pointer:
  /// kLargestStackArray bytes at most, since stacks may be a caller's. Kernels have scratch memory
  /// for all else.
  mlir::Value stackArray(mlir::Type elementType, int64_t count, int64_t alignment = 8);
  /// Hints that the cache line at `pointer` will be read; locality 3 is the nearest cache.
  void prefetch(mlir::Value pointer, int locality);
  /// A mask with the first `count` of `lanes` lanes set; null if that is all of them.
  mlir::Value laneMask(int64_t lanes, mlir::Value count);

  /// Converts a scalar or vector to `elementType`; unsigned integers extend with zeros.
  mlir::Value convert(mlir::Value value, mlir::Type elementType, bool isUnsigned = false);
  /// a * b + sum of vectors: rounded once for floats, modulo the width for integers.
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value sum);

  /// `for (i = lower; i < upper; i += step)`; emits the body alone if that is provably one trip.
  void loop(mlir::Value lower, mlir::Value upper, mlir::Value step,
            llvm::function_ref<void(mlir::Value)> body);
  /// The same with values carried from trip to trip.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value lower, mlir::Value upper, mlir::Value step, mlir::ValueRange initial,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> thenBody,
              llvm::function_ref<void()> elseBody = nullptr);
  /// Runs `body` with the case that `value` equals; `value` must be one of `cases`.
  void dispatch(mlir::Value value, llvm::ArrayRef<int64_t> cases,
                llvm::function_ref<void(int64_t)> body);
};

/// A function taken out of a kernel. Values of the kernel that its body uses become arguments after
/// its own; constants are copied.
struct OutlinedFunction {
  mlir::LLVM::LLVMFuncOp function;
  llvm::SmallVector<mlir::Value> captures;

  /// Calls it from the kernel it was outlined from.
  void call(Emitter &emitter, mlir::ValueRange arguments) const;
};

/// Builds an internal function in `module`. Pointers among the first `noalias` of its own arguments
/// do not alias anything else that it touches.
OutlinedFunction outlineFunction(Emitter &emitter, mlir::ModuleOp module, llvm::StringRef name,
                                 mlir::TypeRange argumentTypes,
                                 llvm::function_ref<void(Emitter &, mlir::ValueRange)> body,
                                 unsigned noalias);

} // namespace tenon

#endif // TENON_PASSES_CODEGEN_COMMON_EMITHELPERS_H
