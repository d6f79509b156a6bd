// What files of machine code for one architecture look like, and what Tenon itself brings for it.
#ifndef TENON_LIB_TARGET_ARCHITECTURE_H
#define TENON_LIB_TARGET_ARCHITECTURE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"
#include <cstdint>

namespace tenon {

struct Architecture {
  llvm::StringLiteral name;
  llvm::Triple::ArchType type;
  /// ELF's number.
  uint16_t machine;
  /// The largest pages that systems for it have: what is mapped from a file begins at a multiple.
  uint64_t pageSize;
};

/// That of a target's triple. An error if models cannot be compiled for it.
llvm::Expected<const Architecture *> findArchitecture(const llvm::Triple &triple);

/// That of an ELF file, which the linker or LLVM has made.
llvm::Expected<const Architecture *> findArchitecture(llvm::ArrayRef<char> elf);

} // namespace tenon

#endif // TENON_LIB_TARGET_ARCHITECTURE_H
