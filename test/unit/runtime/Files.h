// Model files that tests change before they load them.
#ifndef TENON_TEST_UNIT_RUNTIME_FILES_H
#define TENON_TEST_UNIT_RUNTIME_FILES_H

#include "Helpers.h"
#include "Seal.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace tenon::test {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A file of the given content that is removed at the end of the test.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &content) {
    int fd = mkstemp(name);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    close(fd);
  }
  ~TemporaryFile() { unlink(name); }
  const char *path() const { return name; }

private:
  char name[32] = "/tmp/tenon-load-test-XXXXXX";
};

inline tenon_status tryLoad(const std::string &content, bool checkWeights = false) {
  TemporaryFile file(content);
  tenon_model *model = nullptr;
  tenon_load_options options = {};
  options.check_weights = checkWeights;
  tenon_status status = tenon_model_load_with(file.path(), &options, &model);
  EXPECT_EQ(model == nullptr, status != TENON_OK);
  tenon_model_free(model);
  return status;
}

} // namespace tenon::test

#endif
