// Seals of files that tests make or change (runtime/seal.h).
#ifndef TENON_TEST_UNIT_RUNTIME_SEAL_H
#define TENON_TEST_UNIT_RUNTIME_SEAL_H

#include "runtime/checksum.h"
#include "runtime/seal.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace tenon::test {

/// The bytes of a seal with these offsets for a file of this content.
inline std::string finishSeal(tenon_seal seal, const std::string &content) {
  size_t covered = std::min<uint64_t>(seal.weights_offset, content.size());
  seal.code_checksum = tn_checksum_of(content.data(), covered);
  tn_seal_finish(&seal);
  return std::string(reinterpret_cast<const char *>(&seal), sizeof seal);
}

/// The same file with a seal that agrees with what is in it.
inline std::string reseal(std::string content) {
  if (content.size() < sizeof(tenon_seal))
    return content;
  tenon_seal seal;
  size_t end = content.size() - sizeof seal;
  std::memcpy(&seal, content.data() + end, sizeof seal);
  content.resize(end);
  return content + finishSeal(seal, content);
}

} // namespace tenon::test

#endif
