// Arrays in NumPy's files: .npy holds one, .npz is a zip archive of them.
#ifndef TENON_LIB_TENSORS_NPY_H
#define TENON_LIB_TENSORS_NPY_H

#include "lib/Tensors/ProtoFile.h"

namespace tenon {

/// The array in the bytes of an .npy file. Arrays in Fortran order become row-major.
llvm::Expected<Tensor> parseNpy(llvm::StringRef bytes);

/// The bytes of an .npy file. Elements narrower than a byte are stored as int8 or uint8.
llvm::Expected<std::string> formatNpy(const Tensor &tensor);

// Errors of these name the file.
llvm::Expected<Tensor> readNpyFile(llvm::StringRef path);
llvm::Expected<std::vector<NamedTensor>> readNpzFile(llvm::StringRef path);
llvm::Error writeNpyFile(llvm::StringRef path, const Tensor &tensor);

} // namespace tenon

#endif // TENON_LIB_TENSORS_NPY_H
