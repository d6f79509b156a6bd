// The linker, in process: no tool has to be installed where models are compiled.
#ifndef TENON_LIB_TARGET_LINKER_H
#define TENON_LIB_TARGET_LINKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace tenon {

/// An object file in memory.
struct LinkInput {
  std::string name;
  llvm::ArrayRef<char> contents;
};

/// Links `inputs`, of one architecture, to a shared library that exports `symbol` alone and depends
/// on libm and libc at most. Every reference must be met by one of these. Everything is in memory,
/// and calls from several threads wait for each other.
llvm::Expected<llvm::SmallVector<char, 0>> linkSharedLibrary(llvm::ArrayRef<LinkInput> inputs,
                                                             llvm::StringRef symbol);

/// Merges `inputs` to one relocatable object whose only global definition is `symbol`, so that
/// objects of several models fit into one program.
llvm::Expected<llvm::SmallVector<char, 0>> linkRelocatable(llvm::ArrayRef<LinkInput> inputs,
                                                           llvm::StringRef symbol);

} // namespace tenon

#endif // TENON_LIB_TARGET_LINKER_H
