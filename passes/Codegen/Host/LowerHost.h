// The function that runs a program's kernels, as LLVM code against runtime/abi.h.
#ifndef TENON_PASSES_CODEGEN_HOST_LOWERHOST_H
#define TENON_PASSES_CODEGEN_HOST_LOWERHOST_H

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tenon {

struct HostOptions {
  /// Gives a constant its place among the model's weights: an offset in bytes.
  std::function<mlir::FailureOr<uint64_t>(ConstantOp)> placeConstant;
};

/// Lowers `function`, whose launches have placements, to `i32 tenon_run(ptr exec)` in a module of
/// its own. Kernels are numbered in the order of their ops in the enclosing module; their
/// descriptors are the elements of `tenon_kernels`. Fails with diagnostics.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> lowerHost(mlir::func::FuncOp function,
                                                             const HostOptions &options);

} // namespace tenon

#endif
