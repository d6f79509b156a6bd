// Kernels of irregular ops (sorting, selecting, state machines) are written in C++, compiled to
// LLVM bitcode when Tenon is built, and linked into the kernel modules that call them. There LLVM
// inlines and specialises them for the call's constants and for the target's instruction set, as if
// they had been generated. LibTensor.h says how to write one.
#ifndef TENON_LIB_TARGET_KERNELLIBRARY_KERNELLIBRARY_H
#define TENON_LIB_TARGET_KERNELLIBRARY_KERNELLIBRARY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace tenon {

/// Links in the definitions of the library's functions that `module` declares, and of what they
/// call, as internal functions, compiled for the triple's architecture. Returns whether there were
/// any.
llvm::Expected<bool> linkKernelLibrary(llvm::Module &module, const llvm::Triple &triple);

/// Whether the library has a function of this name.
bool isLibraryFunction(llvm::StringRef name);

} // namespace tenon

#endif // TENON_LIB_TARGET_KERNELLIBRARY_KERNELLIBRARY_H
