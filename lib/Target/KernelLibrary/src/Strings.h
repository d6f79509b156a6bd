// How functions of the kernel library see the strings of a run (tenon_strings in runtime/abi.h),
// which they get in place of scratch memory.
#ifndef TENON_LIB_TARGET_KERNELLIBRARY_STRINGS_H
#define TENON_LIB_TARGET_KERNELLIBRARY_STRINGS_H

#include "lib/Target/KernelLibrary/LibTensor.h"
#include <cstring>

/// Bytes, usually UTF-8.
struct Text {
  const char *data = nullptr;
  int64_t count = 0;

  const char *end() const { return data + count; }
  Text from(int64_t begin) const { return {data + begin, count - begin}; }
  Text first(int64_t bytes) const { return {data, bytes}; }
};

inline bool areEqual(Text a, Text b) {
  return a.count == b.count && (a.count == 0 || std::memcmp(a.data, b.data, a.count) == 0);
}

/// The order of bytes, which is that of code points, too.
inline int compare(Text a, Text b) {
  int64_t common = a.count < b.count ? a.count : b.count;
  int order = common ? std::memcmp(a.data, b.data, common) : 0;
  if (order)
    return order;
  return a.count < b.count ? -1 : a.count > b.count;
}

/// The strings of a run. After a failure, all that is made has the handle of the empty string.
class Strings {
public:
  explicit Strings(void *strings) : strings(static_cast<tenon_strings *>(strings)) {}

  Text get(int64_t handle) const {
    Text text;
    text.data = strings->get(strings, handle, &text.count);
    return text;
  }
  int64_t intern(Text text) {
    int64_t handle = strings->intern(strings, text.data, text.count);
    if (handle >= 0)
      return handle;
    failed = true;
    return 0;
  }
  /// Memory until the next call, which keeps what it held; null after a failure.
  template <typename T = char> T *reserve(int64_t count) {
    auto *memory = static_cast<T *>(strings->reserve(strings, count * int64_t(sizeof(T))));
    failed |= !memory;
    return memory;
  }
  /// What a library function returns.
  int32_t status() const { return failed ? TENON_EXEC_OUT_OF_MEMORY : TENON_EXEC_OK; }

private:
  tenon_strings *strings;
  bool failed = false;
};

/// The bytes of the code point that a text begins with; a byte that begins none counts as one.
inline int64_t countCharacterBytes(Text text) {
  auto lead = static_cast<unsigned char>(*text.data);
  int64_t bytes = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (int64_t i = 1; i < bytes; ++i)
    if (i >= text.count || (static_cast<unsigned char>(text.data[i]) & 0xc0) != 0x80)
      return 1;
  return bytes;
}

/// The code point that a text begins with, of that many bytes; -1 for a byte that begins none.
inline int32_t decodeCharacter(Text text, int64_t bytes) {
  auto lead = static_cast<unsigned char>(*text.data);
  if (bytes == 1)
    return lead < 0x80 ? lead : -1;
  int32_t point = lead & (0x7f >> bytes);
  for (int64_t i = 1; i < bytes; ++i)
    point = point << 6 | (text.data[i] & 0x3f);
  return point;
}

inline int64_t countCharacters(Text text) {
  int64_t count = 0;
  for (; text.count; ++count)
    text = text.from(countCharacterBytes(text));
  return count;
}

#endif // TENON_LIB_TARGET_KERNELLIBRARY_STRINGS_H
