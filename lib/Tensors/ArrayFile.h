// Arrays that stay in their file and are read in parts.
#ifndef TENON_LIB_TENSORS_ARRAYFILE_H
#define TENON_LIB_TENSORS_ARRAYFILE_H

#include "lib/Tensors/Tensor.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace tenon {

/// An array in an .npy file or .npz archive.
class FileArray {
public:
  /// As the archive calls it; empty in an .npy file.
  const std::string &getName() const { return name; }
  int32_t getDtype() const { return dtype; }
  llvm::ArrayRef<int64_t> getDims() const { return dims; }

  /// `count` entries of the first axis from `first` on, which are there. The array has an axis.
  Tensor readRows(int64_t first, int64_t count) const;
  Tensor readAll() const;

  /// The arrays of a file, by its extension. What an archive has packed is unpacked into a file
  /// without a name. Errors name the file.
  static llvm::Expected<std::vector<FileArray>> open(llvm::StringRef path);

private:
  static llvm::Expected<FileArray>
  create(llvm::StringRef name, std::shared_ptr<llvm::MemoryBuffer> memory, llvm::StringRef bytes);
  Tensor read(std::vector<int64_t> dims, size_t offset) const;

  std::string name;
  int32_t dtype = TENON_UNDEFINED;
  std::vector<int64_t> dims;
  /// Maps the file that `elements` are in.
  std::shared_ptr<llvm::MemoryBuffer> memory;
  llvm::StringRef elements;
  /// Of an array that cannot be read where it is: strings, or columns first.
  std::shared_ptr<const Tensor> whole;
};

} // namespace tenon

#endif // TENON_LIB_TENSORS_ARRAYFILE_H
