// Where a model's constants lie in its file. The linker never sees them: it lays out an empty
// section of their size, and their bytes are then appended to what it made. So linking a model of
// gigabytes takes milliseconds and no memory, and the loader maps the constants straight from the
// file.
#ifndef TENON_LIB_TARGET_PLACEWEIGHTS_H
#define TENON_LIB_TARGET_PLACEWEIGHTS_H

#include "lib/Support/Files.h"
#include "lib/Target/Architecture.h"
#include "lib/Target/WeightsStore.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace tenon {

/// The section that holds the constants.
inline constexpr llvm::StringLiteral weightsSection = ".tenon.weights";

/// Changes the headers of `elf`, a linked library or relocatable object that has an empty
/// (SHT_NOBITS) weights section, so that the section is read-only data at the returned file offset,
/// where the first page behind the file's end begins. Returns 0 if there is no weights section.
llvm::Expected<uint64_t> placeWeights(llvm::MutableArrayRef<char> elf,
                                      const Architecture &architecture);

/// Writes `elf`, a linked library, with the constants in their place and a seal behind them, and
/// returns the file's size.
llvm::Expected<uint64_t> writeLibrary(OutputFile &file, llvm::MutableArrayRef<char> elf,
                                      const Architecture &architecture,
                                      const WeightsStore *weights);

/// The same for a relocatable object, which is a linker's input and has no seal.
llvm::Expected<uint64_t> writeObject(OutputFile &file, llvm::MutableArrayRef<char> elf,
                                     const Architecture &architecture, const WeightsStore *weights);

} // namespace tenon

#endif // TENON_LIB_TARGET_PLACEWEIGHTS_H
