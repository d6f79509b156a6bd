// Fuzzed bytes as a file that has a path, for code that reads files.
#ifndef TENON_TEST_FUZZ_FUZZFILE_H
#define TENON_TEST_FUZZ_FUZZFILE_H

#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace tenon::fuzz {

class FuzzFile {
public:
  FuzzFile(const uint8_t *data, size_t size) : descriptor(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor < 0 || write(descriptor, data, size) != static_cast<ssize_t>(size))
      std::abort();
  }
  ~FuzzFile() { close(descriptor); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

private:
  int descriptor;
};

} // namespace tenon::fuzz

#endif
