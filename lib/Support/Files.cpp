// Plain POSIX and Linux calls with their errors turned into llvm::Error.
#include "lib/Support/Files.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace tenon {

static Error systemError(const Twine &what) {
  int code = errno;
  return createStringError(std::error_code(code, std::generic_category()),
                           what + ": " + sys::StrError(code));
}

FileHandle::~FileHandle() {
  if (fd >= 0)
    close(fd);
}

Error writeAt(int fd, ArrayRef<char> data, uint64_t offset) {
  while (!data.empty()) {
    ssize_t written = pwrite(fd, data.data(), data.size(), offset);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return systemError("cannot write");
    data = data.drop_front(written);
    offset += written;
  }
  return Error::success();
}

Error readAt(int fd, MutableArrayRef<char> data, uint64_t offset) {
  while (!data.empty()) {
    ssize_t got = pread(fd, data.data(), data.size(), offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError("cannot read");
    if (got == 0)
      return createStringError("cannot read: the file ended early");
    data = data.drop_front(got);
    offset += got;
  }
  return Error::success();
}

Error copyFile(int from, int to, uint64_t offset, uint64_t bytes) {
  off64_t source = 0, target = offset;
  while (bytes) {
    ssize_t copied = copy_file_range(from, &source, to, &target, bytes, 0);
    if (copied <= 0)
      break; // not on these file systems; the loop below says what is wrong otherwise
    bytes -= copied;
  }
  SmallVector<char, 0> buffer;
  while (bytes) {
    buffer.resize_for_overwrite(std::min<uint64_t>(bytes, 1 << 20));
    if (Error error = readAt(from, buffer, source))
      return error;
    if (Error error = writeAt(to, buffer, target))
      return error;
    source += buffer.size();
    target += buffer.size();
    bytes -= buffer.size();
  }
  return Error::success();
}

Expected<MemoryFile> MemoryFile::create(StringRef name, ArrayRef<char> contents) {
  MemoryFile file;
  file.handle = FileHandle(memfd_create(name.str().c_str(), MFD_CLOEXEC));
  if (!file.handle)
    return systemError("cannot make a file in memory");
  file.where = "/proc/self/fd/" + std::to_string(file.handle.get());
  if (access(file.where.c_str(), R_OK) != 0)
    return systemError("cannot reach files in memory through /proc");
  if (Error error = writeAt(file.handle.get(), contents, 0))
    return std::move(error);
  return file;
}

Expected<std::unique_ptr<OutputCatcher>> OutputCatcher::create() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return systemError("cannot make a pipe");
  std::unique_ptr<OutputCatcher> catcher(new OutputCatcher);
  catcher->readEnd = FileHandle(ends[0]);
  catcher->writeEnd = FileHandle(ends[1]);
  catcher->where = "/proc/self/fd/" + std::to_string(ends[1]);
  catcher->reader = std::thread([self = catcher.get()] { self->read(); });
  return catcher;
}

void OutputCatcher::read() {
  constexpr size_t step = 1 << 16;
  while (true) {
    size_t size = data.size();
    data.resize_for_overwrite(size + step);
    ssize_t got = ::read(readEnd.get(), data.data() + size, step);
    data.truncate(size + std::max<ssize_t>(got, 0));
    if (got == 0 || (got < 0 && errno != EINTR))
      return;
  }
}

SmallVector<char, 0> OutputCatcher::finish() {
  writeEnd = FileHandle();
  if (reader.joinable())
    reader.join();
  return std::move(data);
}

OutputCatcher::~OutputCatcher() { finish(); }

Expected<FileHandle> createScratchFile(StringRef directory) {
  SmallString<128> temporary;
  sys::path::system_temp_directory(/*ErasedOnReboot=*/true, temporary);
  for (const std::string &place :
       {directory.empty() ? std::string(".") : directory.str(), temporary.str().str()}) {
    FileHandle handle(open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (handle)
      return handle;
    // Some file systems know no nameless files: take the name away instead.
    std::string name = place + "/.tenon-XXXXXX";
    handle = FileHandle(mkostemp(name.data(), O_CLOEXEC));
    if (handle) {
      unlink(name.c_str());
      return handle;
    }
  }
  return systemError("cannot make a temporary file in '" + temporary.str() + "'");
}

std::string inventTemporaryPath(StringRef suffix) {
  SmallString<128> path;
  sys::fs::createUniquePath("tenon-%%%%%%%%%%%%%%%%" + suffix, path, /*MakeAbsolute=*/true);
  return path.str().str();
}

Expected<OutputFile> OutputFile::create(StringRef path) {
  OutputFile file;
  file.path = path.str();
  struct stat status;
  bool exists = stat(file.path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return createStringError("cannot write '" + path + "': it is a directory");
  // /dev/stdout may be a regular file, which whoever redirected to it has open.
  if (path == "-" || path.starts_with("/dev/") || (exists && !S_ISREG(status.st_mode))) {
    Expected<FileHandle> scratch = createScratchFile("");
    if (!scratch)
      return scratch.takeError();
    file.handle = std::move(*scratch);
    file.isDevice = true;
    return file;
  }
  if (exists) {
    // The file that a symbolic link means is to be replaced, not the link.
    SmallString<128> real;
    if (!sys::fs::real_path(file.path, real))
      file.path = real.str().str();
  }
  if (Error error = file.createBeside())
    return std::move(error);
  return file;
}

/// A name beside `path` that nothing has yet, as far as `take` can take it.
static std::string takeNameBeside(StringRef path, llvm::function_ref<bool(const char *)> take) {
  static std::atomic<unsigned> counter;
  do {
    SmallString<128> name(sys::path::parent_path(path));
    sys::path::append(name, "." + sys::path::filename(path) + "-" + Twine(getpid()) + "-" +
                                Twine(counter++));
    if (take(name.c_str()))
      return name.str().str();
  } while (errno == EEXIST);
  return "";
}

/// Where the file system knows nameless files, it gets a name only when it is complete: a process
/// that is killed leaves nothing. Unlike mkstemp, this gives the file the permissions that the
/// process's mask allows.
Error OutputFile::createBeside() {
  StringRef folder = sys::path::parent_path(path);
  std::string place = folder.empty() ? "." : folder.str();
  handle = FileHandle(open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (handle)
    return Error::success();
  temporary = takeNameBeside(path, [&](const char *name) {
    handle = FileHandle(open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666));
    return static_cast<bool>(handle);
  });
  return temporary.empty() ? systemError("cannot write '" + Twine(path) + "'") : Error::success();
}

OutputFile::~OutputFile() {
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Error OutputFile::write(ArrayRef<char> data, uint64_t offset) {
  if (Error error = writeAt(handle.get(), data, offset))
    return createStringError("'" + path + "': " + toString(std::move(error)));
  return Error::success();
}

Error OutputFile::sendToDevice() {
  FileHandle device(path == "-" ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                                : open(path.c_str(), O_WRONLY | O_CLOEXEC));
  struct stat status;
  if (!device || fstat(handle.get(), &status) != 0)
    return systemError("cannot write '" + Twine(path) + "'");
  SmallVector<char, 0> buffer;
  for (off_t offset = 0; offset < status.st_size; offset += buffer.size()) {
    buffer.resize_for_overwrite(std::min<off_t>(status.st_size - offset, 1 << 20));
    if (Error error = readAt(handle.get(), buffer, offset))
      return error;
    for (ArrayRef<char> rest = buffer; !rest.empty();) {
      ssize_t written = ::write(device.get(), rest.data(), rest.size());
      if (written < 0 && errno != EINTR)
        return systemError("cannot write '" + Twine(path) + "'");
      rest = rest.drop_front(std::max<ssize_t>(written, 0));
    }
  }
  return Error::success();
}

Error OutputFile::commit(bool executable) {
  if (isDevice)
    return sendToDevice();
  struct stat status;
  // Whoever may read it may run it.
  if (executable && (fstat(handle.get(), &status) != 0 ||
                     fchmod(handle.get(), status.st_mode | (status.st_mode & 0444) >> 2) != 0))
    return systemError("cannot write '" + Twine(path) + "'");
  // A link cannot take another file's place.
  if (temporary.empty())
    temporary = takeNameBeside(path, [&](const char *name) {
      std::string nameless = "/proc/self/fd/" + std::to_string(handle.get());
      return linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
    });
  if (temporary.empty() || rename(temporary.c_str(), path.c_str()) != 0)
    return systemError("cannot write '" + Twine(path) + "'");
  temporary.clear();
  return Error::success();
}

// LLVM's `dontNeedIfMmap` is advice that glibc does not pass on.
void releasePages(const MemoryBuffer &buffer) {
  if (buffer.getBufferKind() != MemoryBuffer::MemoryBuffer_MMap)
    return;
  auto begin = llvm::alignDown(reinterpret_cast<uintptr_t>(buffer.getBufferStart()),
                               static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)));
  auto end = reinterpret_cast<uintptr_t>(buffer.getBufferEnd());
  madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

Error writeFile(StringRef path, ArrayRef<char> contents, bool executable) {
  Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = file->write(contents, 0))
    return error;
  return file->commit(executable);
}

} // namespace tenon
