// The last step of the compiler: a model whose kernels and host function are lowered to the LLVM
// dialect becomes a file.
#ifndef TENON_LIB_TARGET_EMIT_H
#define TENON_LIB_TARGET_EMIT_H

#include "lib/Target/ModelInfo.h"
#include "lib/Target/WeightsStore.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
}

namespace tenon {

/// Gives the LLVM IR of one kernel or host program, in the given context. It is called once, from
/// any thread, at the same time as others: lowering done inside runs in parallel, and its memory is
/// needed only as long as the kernel is being compiled.
using ModuleSource =
    std::function<llvm::Expected<std::unique_ptr<llvm::Module>>(llvm::LLVMContext &)>;

/// The code of one variant, beside its VariantInfo.
struct VariantCode {
  /// For each kernel of the VariantInfo, in its order: a module that defines the kernel's function
  /// `void name(ptr args, i64 task, i64 tasks)` under the KernelInfo's name.
  std::vector<ModuleSource> kernels;
  /// The host program: defines `i32 tenon_run(ptr exec)`, and declares those of the kernels'
  /// functions that it calls without the runtime, by name.
  ModuleSource host;
};

struct CompiledModel {
  ModelInfo info;
  std::vector<VariantCode> code; // beside info.variants
  /// The constants that code finds at exec->weights; shared by all variants. May be null.
  const WeightsStore *weights = nullptr;
};

enum class EmitKind {
  SharedLibrary, // exports tenon_model
  Object,        // relocatable; its only global name is tenon_model_<name>
  Header,        // declares tenon_model_<name> for C and C++ and describes the signature
  Executable,    // runs the model on files
  Assembly,      // of all code, optimized
  LLVMIR,        // of all code, optimized
  DeviceCode,    // what a device runs, as text
};

class CodeCache;

struct EmitOptions {
  EmitKind kind = EmitKind::SharedLibrary;
  std::string path;
  unsigned threads = 0;  // 0: one per core
  bool assemble = false; // code of devices, too, by an assembler of the system
  /// Where code of processors is looked up and kept; null: nowhere.
  CodeCache *cache = nullptr;
};

/// Where the time went, in milliseconds. Code is summed over threads.
struct EmitStatistics {
  double translate = 0, library = 0, compile = 0; // of all kernels and hosts
  double codeWall = 0, link = 0, write = 0;
  uint64_t codeBytes = 0, fileBytes = 0;
};

/// Compiles `model` and writes it to `options.path`, which appears whole or not at all. Needs no
/// tool of the system, unless it shall assemble. Output depends on nothing but the arguments.
llvm::Error emitModel(const CompiledModel &model, const EmitOptions &options,
                      EmitStatistics *statistics = nullptr);

/// A source that translates `module`, of the LLVM dialect, which must outlive it.
ModuleSource translateFrom(mlir::ModuleOp module);

} // namespace tenon

#endif // TENON_LIB_TARGET_EMIT_H
