// Numbers of tensors in one type (see the header).

#include "lib/Calibration/Floats.h"
#include "lib/Tensors/Tensor.h"

namespace tenon::quantize {

template <typename T> static void convert(const void *data, std::vector<float> &storage) {
  auto *numbers = static_cast<const T *>(data);
  for (size_t i = 0; i < storage.size(); ++i)
    storage[i] = static_cast<float>(numbers[i]);
}

llvm::ArrayRef<float> toFloats(const tenon_tensor &tensor, std::vector<float> &storage) {
  size_t count = 1;
  for (int32_t axis = 0; axis < tensor.rank; ++axis)
    count *= tensor.dims[axis];
  if (tensor.dtype == TENON_FLOAT)
    return {static_cast<const float *>(tensor.data), count};
  storage.resize(count);
  if (tensor.dtype == TENON_DOUBLE) {
    convert<double>(tensor.data, storage);
  } else if (tensor.dtype == TENON_INT64) {
    convert<int64_t>(tensor.data, storage);
  } else if (tensor.dtype == TENON_INT32) {
    convert<int32_t>(tensor.data, storage);
  } else {
    Tensor copy = Tensor::copy(tensor);
    for (size_t i = 0; i < count; ++i)
      storage[i] = static_cast<float>(copy.element(static_cast<int64_t>(i)));
  }
  return storage;
}

} // namespace tenon::quantize
