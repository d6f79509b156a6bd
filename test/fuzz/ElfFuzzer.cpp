// Feeds the ELF reader with bytes that are nearly libraries. Most get a seal that agrees with them,
// so that the reader itself is what refuses them. Nothing is mapped or run.
#include "runtime/internal.h"
#include "test/fuzz/FuzzFile.h"
#include "test/unit/runtime/Seal.h"

#include <elf.h>
#include <random>

using namespace tenon;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::FuzzFile file(data, size);
  uint64_t checksum = 0;
  tenon_status status = tn_check_library(file.path().c_str(), "tenon_model", &checksum);
  // Failing without a word is a bug, and so is taking a file without a seal.
  if (status != TENON_OK && !*tenon_last_error())
    __builtin_trap();
  if (status == TENON_OK &&
      std::memcmp(data + size - sizeof(tenon_seal::mark), TENON_SEAL_MARK, 8) != 0)
    __builtin_trap();
  return 0;
}

namespace {

/// Changes fields rather than bytes: numbers that matter, in the tables that the reader follows.
class ElfMutator {
public:
  ElfMutator(std::string &bytes, unsigned seed) : bytes(bytes), random(seed) {}

  void mutate() {
    auto *header = at<Elf64_Ehdr>(0);
    if (!header)
      return;
    switch (random() % 4) {
    case 0:
      return change(header, 1);
    case 1:
      return change(at<Elf64_Phdr>(header->e_phoff), header->e_phnum);
    case 2:
      return change(at<Elf64_Shdr>(header->e_shoff), header->e_shnum);
    default:
      if (bytes.size() > sizeof(tenon_seal))
        change(at<tenon_seal>(bytes.size() - sizeof(tenon_seal)), 1);
    }
  }

private:
  template <typename T> T *at(uint64_t offset) {
    bool fits = offset <= bytes.size() && sizeof(T) <= bytes.size() - offset;
    return fits ? reinterpret_cast<T *>(bytes.data() + offset) : nullptr;
  }

  /// One of the words of one of `count` records, as far as they are in the file.
  template <typename T> void change(T *first, size_t count) {
    if (!first || !count)
      return;
    auto *begin = reinterpret_cast<char *>(first);
    size_t room = static_cast<size_t>(bytes.data() + bytes.size() - begin) / sizeof(T);
    char *record = begin + random() % std::min(count, room) * sizeof(T);
    size_t width = size_t(1) << random() % 4;
    uint64_t value = number();
    std::memcpy(record + random() % (sizeof(T) / width) * width, &value, width);
  }

  uint64_t number() {
    const uint64_t special[] = {0,
                                1,
                                2,
                                3,
                                ET_DYN,
                                SHT_DYNSYM,
                                SHT_NOBITS,
                                255,
                                4096,
                                65535,
                                INT32_MAX,
                                UINT32_MAX,
                                INT64_MAX,
                                UINT64_MAX,
                                UINT64_MAX - 4095,
                                bytes.size(),
                                bytes.size() - sizeof(tenon_seal),
                                bytes.size() + 1,
                                random() % (bytes.size() + 1)};
    return special[random() % std::size(special)];
  }

  std::string &bytes;
  std::mt19937 random;
};

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  if (seed % 4 == 0)
    size = LLVMFuzzerMutate(data, size, maxSize);
  std::string bytes(reinterpret_cast<char *>(data), size);
  for (unsigned round = 0; seed % 4 && round <= seed / 4 % 3; ++round)
    ElfMutator(bytes, seed + round).mutate();
  if (seed % 16)
    bytes = test::reseal(bytes);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
