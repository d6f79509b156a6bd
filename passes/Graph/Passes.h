// Simplification of the graph.
#ifndef TENON_PASSES_GRAPH_PASSES_H
#define TENON_PASSES_GRAPH_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include <functional>

namespace tenon {

/// Compiles and runs `main` of a module, which has no arguments, and gives its results.
using ConstantEvaluator =
    std::function<mlir::FailureOr<llvm::SmallVector<mlir::ElementsAttr>>(mlir::ModuleOp module)>;

/// The pass with an evaluator.
std::unique_ptr<mlir::Pass> createFoldConstantsPass(ConstantEvaluator evaluator);

#define GEN_PASS_DECL
#include "passes/Graph/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Graph/Passes.h.inc"

} // namespace tenon

#endif
