// Files as inputs of models: arrays, protobuf messages and pictures.
#ifndef TENON_LIB_TENSORS_INPUTFILES_H
#define TENON_LIB_TENSORS_INPUTFILES_H

#include "lib/Tensors/Image.h"
#include "lib/Tensors/Value.h"

namespace tenon {

/// What a model says about one of its inputs.
struct InputType {
  std::string name;
  int32_t dtype = TENON_UNDEFINED;
  /// -1 where only a run tells.
  std::vector<int64_t> dims;
  /// What is around the tensor, from the outside in (tenon_kind).
  std::vector<int32_t> kinds;
};

/// Whether files of this name are read as pictures; what is in them tells the format.
bool isPictureFile(llvm::StringRef path);

/// The value in an .npy file, an .npz archive (the array of the input's name, or the only one), a
/// .pb file, or a picture. It has the input's kind, but may have another type or shape. Errors name
/// the file.
llvm::Expected<Value> readInputFile(llvm::StringRef path, const InputType &input,
                                    const ImageOptions &image);

/// A tensor as an input takes it: elements narrower than a byte have no type of their own in most
/// files.
Tensor packForInput(Tensor tensor, int32_t dtype);

} // namespace tenon

#endif // TENON_LIB_TENSORS_INPUTFILES_H
