// Programs that run in the compiler's own process: what constants are folded with, and what ranges,
// accuracy and times are measured with.
//
// A program is compiled to a file and loaded by the runtime like any model, so that what is
// measured is what ships. The file is gone once it is loaded.
#ifndef TENON_LIB_EXECUTE_LOADEDPROGRAM_H
#define TENON_LIB_EXECUTE_LOADEDPROGRAM_H

#include "lib/Execute/HostTensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/Pipelines/Compile.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace tenon {

struct LoadOptions {
  /// Where the module stands: at the end of this stage.
  Stage stage = Stage::Graph;
  /// Whether what depends on constants alone is computed while compiling, instead of in each run.
  bool foldConstants = true;
  /// Of the compiler; 0 is one per core.
  unsigned compileThreads = 0;
};

struct RunOptions {
  /// Kernels are divided among so many threads; 0 is one per core. Results do not depend on it.
  int32_t threads = 1;
};

struct MeasureOptions {
  RunOptions run;
  /// Runs before the clock starts: the first one allocates.
  int64_t warmUps = 1;
  int64_t runs = 10;
};

/// How long the launches of one kernel took, in nanoseconds.
struct KernelTime {
  std::string name;
  /// ONNX nodes, comma separated.
  std::string nodes;
  int64_t calls = 0, total = 0, best = 0;
};

/// How long runs took, in nanoseconds. The clock of kernels costs some 100 of them per launch.
struct Measurement {
  int64_t runs = 0, total = 0, best = 0;
  /// In the program's order.
  std::vector<KernelTime> kernels;
};

/// Compiles `main` of a module to a shared library at `path`, as LoadedProgram::load does.
llvm::Error compileProgram(mlir::ModuleOp module, const std::string &path,
                           const LoadOptions &options = {});

class LoadedProgram {
public:
  /// Compiles `main` of a module, for the module's target or else for this processor. The module
  /// stays as it is; its context was prepared (lib/Driver/Context.h) and outlives the program.
  /// Errors name the node.
  static llvm::Expected<LoadedProgram> load(mlir::ModuleOp module, const LoadOptions &options = {});

  /// Of `main`; sizes that a run tells are expressions.
  mlir::FunctionType getType() const { return type; }

  /// Runs once, on inputs in the order of `main`'s arguments. An error if they are not what the
  /// program takes, or hold what it refuses.
  llvm::Expected<std::vector<HostTensor>> run(llvm::ArrayRef<HostTensor> inputs,
                                              const RunOptions &options = {});

  /// Runs many times and tells how long that took.
  llvm::Expected<Measurement> measure(llvm::ArrayRef<HostTensor> inputs,
                                      const MeasureOptions &options = {});

private:
  struct FreeModel {
    void operator()(tenon_model *model) const { tenon_model_free(model); }
  };
  struct FreeContext {
    void operator()(tenon_context *context) const { tenon_context_free(context); }
  };

  explicit LoadedProgram(mlir::FunctionType type) : type(type) {}

  llvm::Error loadFile(const std::string &path);
  llvm::Error useThreads(int32_t threads);
  llvm::Error call(llvm::ArrayRef<tenon_tensor> inputs,
                   llvm::MutableArrayRef<tenon_tensor> outputs);
  KernelTime timeOfKernel(int64_t number) const;

  mlir::FunctionType type;
  std::unique_ptr<tenon_model, FreeModel> model;
  std::unique_ptr<tenon_context, FreeContext> context; // goes first
  int32_t threads = -1;
};

} // namespace tenon

#endif
