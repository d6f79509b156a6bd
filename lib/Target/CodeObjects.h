// Compiles all code of a model, in parallel.
#ifndef TENON_LIB_TARGET_CODEOBJECTS_H
#define TENON_LIB_TARGET_CODEOBJECTS_H

#include "lib/Target/Emit.h"
#include "lib/Target/ModelDescriptor.h"
#include "llvm/ADT/SmallVector.h"

namespace tenon {

struct CodeObject {
  std::string name;
  llvm::SmallVector<char> contents;
};

struct CompiledCode {
  /// One object per function and host program of every variant, in the model's order.
  std::vector<CodeObject> objects;
  /// What devices run, beside the variants.
  std::vector<DeviceCode> devices;
};

/// Takes the threads and the cache of the options.
llvm::Expected<CompiledCode> compileCode(const CompiledModel &model, const EmitOptions &options,
                                         EmitStatistics &statistics);

/// All code of processors and the descriptor as one module, optimized, to be read by people.
llvm::Expected<std::unique_ptr<llvm::Module>> mergeCode(const CompiledModel &model,
                                                        std::unique_ptr<llvm::Module> descriptor,
                                                        EmitStatistics &statistics);

} // namespace tenon

#endif // TENON_LIB_TARGET_CODEOBJECTS_H
