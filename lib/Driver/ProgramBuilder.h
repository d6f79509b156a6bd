// From graphs to the code of a binary.
#ifndef TENON_LIB_DRIVER_PROGRAMBUILDER_H
#define TENON_LIB_DRIVER_PROGRAMBUILDER_H

#include "dialects/Tenon/TenonDialect.h"
#include "lib/Driver/Diagnostics.h"
#include "lib/Target/Emit.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines/Compile.h"
#include "llvm/ADT/StringMap.h"

namespace tenon::driver {

/// What one launch of a kernel computes, by the names of ONNX nodes. Launches share kernels, which
/// have the names of the first.
struct LaunchNodes {
  std::string kernel;
  std::vector<std::string> nodes;
  /// Those of them whose products it computes.
  std::vector<std::string> products;
};

/// Turns graphs into code, and collects what a binary is made of.
class ProgramBuilder {
public:
  ProgramBuilder(mlir::MLIRContext &context, DiagnosticCollector &diagnostics,
                 PipelineOptions options)
      : context(context), diagnostics(diagnostics), options(std::move(options)) {}

  /// Starts a model with the signature of `function`, to be written near `output`.
  llvm::Error begin(mlir::func::FuncOp function, llvm::StringRef output);
  /// Adds the code of a module at the end of `stage`, for one target.
  llvm::Error addVariant(mlir::ModuleOp module, TargetAttrInterface target,
                         Stage stage = Stage::Graph);
  llvm::LogicalResult runPasses(mlir::ModuleOp module, Stage from, Stage to,
                                TargetAttrInterface target);

  CompiledModel model;
  /// Of the last variant: how often each kernel is launched, and the most bytes in use at one time.
  llvm::StringMap<int64_t> launches;
  std::vector<LaunchNodes> launchNodes;
  int64_t arenaLowerBound = 0;

private:
  mlir::FailureOr<uint64_t> placeConstant(ConstantOp op);
  VariantInfo describe(mlir::ModuleOp program, TargetAttrInterface target);
  ModuleSource generate(KernelOp kernel, TargetAttrInterface target);
  llvm::Expected<ModuleSource> lowerHost(mlir::ModuleOp program);

  mlir::MLIRContext &context;
  DiagnosticCollector &diagnostics;
  /// But for the target.
  PipelineOptions options;
  std::unique_ptr<WeightsStore> weights;
  /// Programs and hosts stay alive until the file is written: code is generated from them then.
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

} // namespace tenon::driver

#endif
