// Files as a compiler needs them: output that appears whole or not at all, and scratch files that
// vanish with the process however it ends. LLVM's own temporary files are not used because they
// install signal handlers, which a library inside someone else's process must not do.
#ifndef TENON_LIB_SUPPORT_FILES_H
#define TENON_LIB_SUPPORT_FILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace llvm {
class MemoryBuffer;
}

namespace tenon {

/// An open file descriptor, closed with its owner.
class FileHandle {
public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd(fd) {}
  FileHandle(FileHandle &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
  FileHandle &operator=(FileHandle other) {
    std::swap(fd, other.fd);
    return *this;
  }
  ~FileHandle();

  int get() const { return fd; }
  explicit operator bool() const { return fd >= 0; }

private:
  int fd = -1;
};

/// A file in memory that has a path as long as it is open, for code that reads only by path.
class MemoryFile {
public:
  static llvm::Expected<MemoryFile> create(llvm::StringRef name, llvm::ArrayRef<char> contents);
  const std::string &path() const { return where; }

private:
  FileHandle handle;
  std::string where;
};

/// Catches what other code writes to a path, while it lives: a pipe and a thread that reads it.
/// (lld writes regular files through LLVM's temporary files.)
class OutputCatcher {
public:
  static llvm::Expected<std::unique_ptr<OutputCatcher>> create();
  ~OutputCatcher();
  const std::string &path() const { return where; }
  /// All that was written.
  llvm::SmallVector<char, 0> finish();

private:
  OutputCatcher() = default;
  void read();

  FileHandle readEnd, writeEnd;
  std::string where;
  llvm::SmallVector<char, 0> data;
  std::thread reader;
};

/// Frees the memory that pages of a mapped file take; what is read again comes from the file. Does
/// nothing to a buffer that is no mapping.
void releasePages(const llvm::MemoryBuffer &buffer);

/// A nameless file on disk for data that should not stay in memory. It lies in `directory`, or
/// where that is not possible in the system's temporary directory.
llvm::Expected<FileHandle> createScratchFile(llvm::StringRef directory);

/// A path in the system's temporary directory where there is nothing, as far as random names tell;
/// what is written there (OutputFile) and removed in time leaves nothing else.
std::string inventTemporaryPath(llvm::StringRef suffix);

/// A file that is being written in the folder where it will appear. Unless `commit` is called,
/// nothing of it stays; where the file system knows nameless files, not even of a process that is
/// killed. A path may also name a device or a pipe, or be "-" for standard output; then the data
/// goes there when it is complete.
class OutputFile {
public:
  static llvm::Expected<OutputFile> create(llvm::StringRef path);
  OutputFile(OutputFile &&other) noexcept
      : handle(std::move(other.handle)), path(std::move(other.path)),
        temporary(std::exchange(other.temporary, std::string())), isDevice(other.isDevice) {}
  ~OutputFile();

  int fd() const { return handle.get(); }
  llvm::Error write(llvm::ArrayRef<char> data, uint64_t offset);
  /// Gives the file its name, in place of whatever had it.
  llvm::Error commit(bool executable);

private:
  OutputFile() = default;
  llvm::Error createBeside();
  llvm::Error sendToDevice();

  FileHandle handle;
  std::string path;
  std::string temporary; // the file's name until then, if it has one
  bool isDevice = false;
};

/// Writes a whole file, or leaves the place as it was.
llvm::Error writeFile(llvm::StringRef path, llvm::ArrayRef<char> contents, bool executable = false);

/// Writes all of `data` at `offset`.
llvm::Error writeAt(int fd, llvm::ArrayRef<char> data, uint64_t offset);

/// Reads exactly `data.size()` bytes at `offset`.
llvm::Error readAt(int fd, llvm::MutableArrayRef<char> data, uint64_t offset);

/// Copies `bytes` from the start of one file to `offset` of another, inside the kernel if it can.
llvm::Error copyFile(int from, int to, uint64_t offset, uint64_t bytes);

} // namespace tenon

#endif // TENON_LIB_SUPPORT_FILES_H
