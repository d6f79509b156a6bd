// Collects a model's constants on disk, so that the compiler never holds them all in memory.
#ifndef TENON_LIB_TARGET_WEIGHTSSTORE_H
#define TENON_LIB_TARGET_WEIGHTSSTORE_H

#include "lib/Support/Files.h"
#include "runtime/checksum.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <map>
#include <mutex>
#include <utility>

namespace tenon {

/// Every constant gets an offset from the start of the weights, a multiple of 64 (or of a larger
/// power of two asked for). Equal constants get equal offsets and are stored once, whoever adds
/// them: a fused kernel, another variant.
class WeightsStore {
public:
  /// The bytes wait in a nameless file, in `directory` if it is not empty: best where the model
  /// will be written, as that place has room for them.
  static llvm::Expected<std::unique_ptr<WeightsStore>> create(llvm::StringRef directory = {});

  /// Stores `data`, which may go away afterwards, and returns its offset. May be called by several
  /// threads at once; offsets then depend on who comes first, so a compiler whose output must not
  /// vary calls it in a fixed order.
  llvm::Expected<uint64_t> add(llvm::ArrayRef<char> data, uint64_t alignment = 64);

  uint64_t size() const { return end; }
  /// XXH64 of all bytes so far, zeros between constants included.
  uint64_t checksum() const { return tn_checksum_value(&sum); }

  /// Writes all of it to a file from `offset` on.
  llvm::Error writeTo(int fd, uint64_t offset) const;

private:
  explicit WeightsStore(FileHandle file) : file(std::move(file)) { tn_checksum_init(&sum); }

  using Key = std::pair<std::pair<uint64_t, uint64_t>, uint64_t>; // 128-bit hash, size
  llvm::Expected<bool> equals(uint64_t offset, llvm::ArrayRef<char> data) const;

  FileHandle file;
  std::mutex mutex;
  std::multimap<Key, uint64_t> offsets;
  uint64_t end = 0;
  tn_checksum sum;
};

} // namespace tenon

#endif // TENON_LIB_TARGET_WEIGHTSSTORE_H
