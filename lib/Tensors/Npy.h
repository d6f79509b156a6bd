// Arrays in NumPy's files: .npy holds one, .npz is a zip archive of them.
#ifndef TENON_LIB_TENSORS_NPY_H
#define TENON_LIB_TENSORS_NPY_H

#include "lib/Tensors/ProtoFile.h"

namespace tenon {

/// The array in the bytes of an .npy file. Arrays in Fortran order become row-major.
llvm::Expected<Tensor> parseNpy(llvm::StringRef bytes);

/// Where the elements of an array are in the bytes of an .npy file.
struct NpyLayout {
  int32_t dtype = TENON_UNDEFINED;
  std::vector<int64_t> dims;
  size_t offset = 0;
};

/// nullopt if they are no numbers in row-major order.
llvm::Expected<std::optional<NpyLayout>> findNpyElements(llvm::StringRef bytes);

/// The bytes of an .npy file. Elements narrower than a byte are stored as int8 or uint8.
llvm::Expected<std::string> formatNpy(const Tensor &tensor);

// Errors of these name the file.
llvm::Expected<Tensor> readNpyFile(llvm::StringRef path);
llvm::Expected<std::vector<NamedTensor>> readNpzFile(llvm::StringRef path);
llvm::Error writeNpyFile(llvm::StringRef path, const Tensor &tensor);

} // namespace tenon

#endif // TENON_LIB_TENSORS_NPY_H
