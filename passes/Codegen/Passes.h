// From a program to code: functions of loops and vectors, then the LLVM dialect.
#ifndef TENON_PASSES_CODEGEN_PASSES_H
#define TENON_PASSES_CODEGEN_PASSES_H

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include <functional>

namespace tenon {

/// Gives a constant its place among the model's weights: an offset in bytes.
using ConstantPlacer = std::function<mlir::FailureOr<uint64_t>(ConstantOp)>;

/// The pass with places for constants.
std::unique_ptr<mlir::Pass> createLowerHostPass(ConstantPlacer placer);

#define GEN_PASS_DECL
#include "passes/Codegen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Codegen/Passes.h.inc"

/// Adds the passes that lead from a module's functions of loops and vectors to the LLVM dialect.
void buildLoweringPipeline(mlir::OpPassManager &passes);

/// The module, of the LLVM dialect, with the function of one kernel: runs the passes on a copy.
/// Several kernels may be generated at once, on a thread each, if the context has all dialects
/// loaded. Fails with diagnostics.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> generateKernel(KernelOp kernel,
                                                                  TargetAttrInterface target);

/// The dialects of code, from loops and vectors to LLVM's.
void registerCodeDialects(mlir::DialectRegistry &registry);

} // namespace tenon

#endif
