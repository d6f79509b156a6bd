// Writes a model's file front to back, and the seal at its end (runtime/seal.h) by which a loader
// knows that nothing of it was lost or changed.
#ifndef TENON_LIB_TARGET_SEALEDFILE_H
#define TENON_LIB_TARGET_SEALEDFILE_H

#include "lib/Support/Files.h"
#include "lib/Target/Architecture.h"
#include "lib/Target/WeightsStore.h"
#include "runtime/checksum.h"

namespace tenon {

class SealedFile {
public:
  SealedFile(OutputFile &file, const Architecture &architecture)
      : file(file), pageSize(architecture.pageSize) {
    tn_checksum_init(&checksum);
  }

  /// Writes code; its checksum is taken on the way.
  llvm::Error append(llvm::ArrayRef<char> code);
  /// Zeros up to the next multiple of the page size, which is then the file's end.
  llvm::Error alignToPage();
  uint64_t size() const { return end; }

  /// Writes the weights, if there are any, at the next multiple of the page size, and the seal.
  /// Nothing can be added then. Returns the file's size.
  llvm::Expected<uint64_t> finish(uint64_t libraryOffset, const WeightsStore *weights);

private:
  OutputFile &file;
  uint64_t pageSize;
  tn_checksum checksum;
  uint64_t end = 0;
};

} // namespace tenon

#endif // TENON_LIB_TARGET_SEALEDFILE_H
