// A constant is looked up by a 128-bit hash and then compared: XXH3 is quick but not made to resist
// somebody who builds collisions into a model.
#include "lib/Target/WeightsStore.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <cstring>
#include <vector>

using namespace llvm;

namespace tenon {

Expected<std::unique_ptr<WeightsStore>> WeightsStore::create(StringRef directory) {
  Expected<FileHandle> file = createScratchFile(directory);
  if (!file)
    return file.takeError();
  return std::unique_ptr<WeightsStore>(new WeightsStore(std::move(*file)));
}

Expected<bool> WeightsStore::equals(uint64_t offset, ArrayRef<char> data) const {
  SmallVector<char, 0> stored;
  while (!data.empty()) {
    stored.resize_for_overwrite(std::min<size_t>(data.size(), 1 << 20));
    if (Error error = readAt(file.get(), stored, offset))
      return std::move(error);
    if (std::memcmp(stored.data(), data.data(), stored.size()) != 0)
      return false;
    data = data.drop_front(stored.size());
    offset += stored.size();
  }
  return true;
}

Expected<uint64_t> WeightsStore::add(ArrayRef<char> data, uint64_t alignment) {
  if (data.empty())
    return 0;
  XXH128_hash_t hash =
      xxh3_128bits(ArrayRef(reinterpret_cast<const uint8_t *>(data.data()), data.size()));
  Key key{{hash.low64, hash.high64}, data.size()};

  std::lock_guard<std::mutex> lock(mutex);
  auto [first, last] = offsets.equal_range(key);
  for (auto it = first; it != last; ++it) {
    if (it->second % alignment)
      continue;
    Expected<bool> equal = equals(it->second, data);
    if (!equal)
      return equal.takeError();
    if (*equal)
      return it->second;
  }
  uint64_t offset = alignTo(end, std::max<uint64_t>(alignment, 64));
  if (Error error = writeAt(file.get(), data, offset))
    return createStringError("cannot store a constant of " + std::to_string(data.size()) +
                             " bytes: " + toString(std::move(error)));
  std::vector<char> gap(offset - end);
  tn_checksum_update(&sum, gap.data(), gap.size());
  tn_checksum_update(&sum, data.data(), data.size());
  end = offset + data.size();
  offsets.emplace(key, offset);
  return offset;
}

Error WeightsStore::writeTo(int fd, uint64_t offset) const {
  return copyFile(file.get(), fd, offset, end);
}

} // namespace tenon
