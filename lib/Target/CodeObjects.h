// Compiles all code of a model, in parallel.
#ifndef TENON_LIB_TARGET_CODEOBJECTS_H
#define TENON_LIB_TARGET_CODEOBJECTS_H

#include "lib/Target/Emit.h"
#include "llvm/ADT/SmallVector.h"

namespace tenon {

struct CodeObject {
  std::string name;
  llvm::SmallVector<char> contents;
};

/// One object per kernel and host program of every variant, in the model's order.
llvm::Expected<std::vector<CodeObject>> compileCode(const CompiledModel &model, unsigned threads,
                                                    EmitStatistics &statistics);

/// All code and the descriptor as one module, optimized, to be read by people.
llvm::Expected<std::unique_ptr<llvm::Module>> mergeCode(const CompiledModel &model,
                                                        std::unique_ptr<llvm::Module> descriptor,
                                                        EmitStatistics &statistics);

} // namespace tenon

#endif // TENON_LIB_TARGET_CODEOBJECTS_H
