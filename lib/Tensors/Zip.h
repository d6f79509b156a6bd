// Zip archives, read as far as .npz files go: stored and deflated entries.
#ifndef TENON_LIB_TENSORS_ZIP_H
#define TENON_LIB_TENSORS_ZIP_H

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

} // namespace tenon

#endif // TENON_LIB_TENSORS_ZIP_H
