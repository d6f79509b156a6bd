// Files as inputs of models (see the header): the name's extension tells how a file is read.

#include "lib/Tensors/InputFiles.h"
#include "lib/Tensors/Npy.h"
#include "llvm/Support/Path.h"

namespace tenon {

bool isPictureFile(llvm::StringRef path) {
  static constexpr llvm::StringRef kinds[] = {".png",  ".jpg", ".jpeg", ".webp", ".tif",
                                              ".tiff", ".jp2", ".j2k",  ".bmp",  ".pbm",
                                              ".pgm",  ".ppm", ".pnm"};
  llvm::StringRef extension = llvm::sys::path::extension(path);
  return llvm::any_of(kinds,
                      [&](llvm::StringRef kind) { return extension.equals_insensitive(kind); });
}

Tensor packForInput(Tensor tensor, int32_t dtype) {
  if (tenon_dtype_bits(dtype) >= 8 ||
      (tensor.dtype != TENON_INT8 && tensor.dtype != TENON_UINT8 && tensor.dtype != TENON_FLOAT))
    return tensor;
  Tensor packed;
  packed.dtype = dtype;
  packed.dims = tensor.dims;
  packed.bytes.resize(
      tenon_tensor_bytes(dtype, static_cast<int32_t>(packed.dims.size()), packed.dims.data()));
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    packed.setElement(i, tensor.element(i));
  return packed;
}

/// An input's array of an archive: the one of its name, or the only one.
static llvm::Expected<Tensor> readFromArchive(llvm::StringRef path, llvm::StringRef name) {
  llvm::Expected<std::vector<NamedTensor>> arrays = readNpzFile(path);
  if (!arrays)
    return arrays.takeError();
  for (NamedTensor &array : *arrays)
    if (arrays->size() == 1 || array.name == name)
      return std::move(array.tensor);
  return llvm::createStringError(path + ": has no array '" + name + "'");
}

static llvm::Expected<Value> readFile(llvm::StringRef path, const InputType &input,
                                      const ImageOptions &image) {
  auto asValue = [](llvm::Expected<Tensor> tensor) -> llvm::Expected<Value> {
    if (!tensor)
      return tensor.takeError();
    return Value(std::move(*tensor));
  };
  llvm::StringRef extension = llvm::sys::path::extension(path);
  if (extension.equals_insensitive(".npz"))
    return asValue(readFromArchive(path, input.name));
  if (extension.equals_insensitive(".npy"))
    return asValue(readNpyFile(path));
  if (isPictureFile(path))
    return asValue(readImageTensor(path, input.dtype, input.dims, image));
  if (!extension.equals_insensitive(".pb"))
    return llvm::createStringError(
        path + ": is of an unknown kind; .npy, .npz, .pb and pictures are read");
  llvm::Expected<NamedValue> value = readProtoFile(path, input.kinds);
  if (!value)
    return value.takeError();
  return std::move(value->value);
}

llvm::Expected<Value> readInputFile(llvm::StringRef path, const InputType &input,
                                    const ImageOptions &image) {
  llvm::Expected<Value> value = readFile(path, input, image);
  if (value && value->isTensor())
    value->tensor = packForInput(std::move(value->tensor), input.dtype);
  return value;
}

} // namespace tenon
