// Zip archives, read as far as .npz files go: stored and deflated entries.
#ifndef TENON_LIB_TENSORS_ZIP_H
#define TENON_LIB_TENSORS_ZIP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace tenon {

struct ZipEntry {
  std::string name, contents;
};

/// All entries of an archive in memory.
llvm::Expected<std::vector<ZipEntry>> readZip(llvm::StringRef archive);

/// An entry where it lies in an archive, which outlives this.
struct ZipMember {
  std::string name;
  llvm::StringRef packed;
  uint64_t size = 0;
  /// CRC-32 of the contents.
  uint32_t checksum = 0;
  /// Whether `packed` is what it contains.
  bool isStored = false;
};

llvm::Expected<std::vector<ZipMember>> listZip(llvm::StringRef archive);

/// Gives the contents in pieces, in order; errors of `write` end it. An error if they are damaged.
llvm::Error unpackZipMember(const ZipMember &member,
                            llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)> write);

} // namespace tenon

#endif // TENON_LIB_TENSORS_ZIP_H
