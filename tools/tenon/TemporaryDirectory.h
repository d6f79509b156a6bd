// A directory for compiled models that goes away with its owner.
#ifndef TENON_TOOLS_TENON_TEMPORARYDIRECTORY_H
#define TENON_TOOLS_TENON_TEMPORARYDIRECTORY_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <string>

namespace tenon::cli {

class TemporaryDirectory {
public:
  TemporaryDirectory() = default;
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  ~TemporaryDirectory() {
    if (!path.empty())
      llvm::sys::fs::remove_directories(path);
  }

  std::error_code create() { return llvm::sys::fs::createUniqueDirectory("tenon", path); }
  std::string file(const llvm::Twine &name) const {
    llvm::SmallString<128> result(path);
    llvm::sys::path::append(result, name);
    return std::string(result);
  }

private:
  llvm::SmallString<128> path;
};

} // namespace tenon::cli

#endif
