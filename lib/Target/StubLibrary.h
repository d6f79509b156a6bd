// A shared library that has names and no code. Linking against it records the dependency on the
// real library, so a model is linked without a C library's development files.
#ifndef TENON_LIB_TARGET_STUBLIBRARY_H
#define TENON_LIB_TARGET_STUBLIBRARY_H

#include "lib/Target/Architecture.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace tenon {

/// An ELF shared library that calls itself `soname` and exports functions of these names.
llvm::SmallVector<char, 0> buildStubLibrary(llvm::StringRef soname,
                                            llvm::ArrayRef<llvm::StringLiteral> functions,
                                            const Architecture &architecture);

/// What compiled code may call: functions of C99 that every C library for Linux has in these files.
/// The names carry no version, so the oldest one that a C library still offers is bound.
llvm::ArrayRef<llvm::StringLiteral> getLibcFunctions(); // libc.so.6
llvm::ArrayRef<llvm::StringLiteral> getLibmFunctions(); // libm.so.6

} // namespace tenon

#endif // TENON_LIB_TARGET_STUBLIBRARY_H
