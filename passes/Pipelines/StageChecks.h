// What tenon-verify-stage checks, by the level of the IR. Each check reports all that it finds.
#ifndef TENON_PASSES_PIPELINES_STAGECHECKS_H
#define TENON_PASSES_PIPELINES_STAGECHECKS_H

#include "mlir/IR/BuiltinOps.h"

namespace tenon {

/// Ops on tensors only; every dimension is an expression over symbols that the function has.
llvm::LogicalResult verifyGraph(mlir::ModuleOp module);
/// As verifyGraph, and the target has code for all elements that are left.
llvm::LogicalResult verifyTargetGraph(mlir::ModuleOp module);
/// Every kernel can be generated as its class and schedule say; all computation is in kernels.
llvm::LogicalResult verifyKernels(mlir::ModuleOp module);
/// Every launch's results have places that are large enough and nobody else's at that time.
llvm::LogicalResult verifyPlacements(mlir::ModuleOp module);
/// Each state has an output of its own, of the same element type and rank; with `compareSizes` also
/// of the same dimensions, as expressions.
llvm::LogicalResult verifyStates(mlir::ModuleOp module, bool compareSizes);
/// The program is modules, each of which has one function for others and holds no tensors.
llvm::LogicalResult verifyCode(mlir::ModuleOp program);
/// As verifyCode, and all in them is of the LLVM dialect.
llvm::LogicalResult verifyLLVM(mlir::ModuleOp program);

} // namespace tenon

#endif
