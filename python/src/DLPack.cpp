// nanobind speaks the protocol; here is what models ask of an array. Whoever gives memory of a GPU
// promises that the default stream sees what it holds, which a run waits for.
#include "python/src/DLPack.h"
#include "python/src/Arrays.h"
#include <nanobind/stl/string.h>

namespace nb = nanobind;

namespace tenon::python {

/// Of a GPU: models run on the first one.
static constexpr int32_t deviceNumber = 0;

static constexpr uint8_t noCode = 0xff;

/// DLPack's code of an element type; noCode if elements do not lie in arrays as for the runtime.
static uint8_t getCode(int32_t dtype) {
  using Code = nb::dlpack::dtype_code;
  switch (dtype) {
  case TENON_FLOAT:
  case TENON_FLOAT16:
  case TENON_DOUBLE:
    return uint8_t(Code::Float);
  case TENON_BFLOAT16:
    return uint8_t(Code::Bfloat);
  case TENON_BOOL:
    return uint8_t(Code::Bool);
  case TENON_INT8:
  case TENON_INT16:
  case TENON_INT32:
  case TENON_INT64:
    return uint8_t(Code::Int);
  case TENON_UINT8:
  case TENON_UINT16:
  case TENON_UINT32:
  case TENON_UINT64:
    return uint8_t(Code::UInt);
  case TENON_FLOAT8E4M3FN:
    return uint8_t(Code::Float8_E4M3FN);
  case TENON_FLOAT8E4M3FNUZ:
    return uint8_t(Code::Float8_E4M3FNUZ);
  case TENON_FLOAT8E5M2:
    return uint8_t(Code::Float8_E5M2);
  case TENON_FLOAT8E5M2FNUZ:
    return uint8_t(Code::Float8_E5M2FNUZ);
  case TENON_FLOAT8E8M0:
    return uint8_t(Code::Float8_E8M0FNU);
  default:
    return noCode;
  }
}

static nb::dlpack::dtype getType(int32_t dtype) {
  return {getCode(dtype), static_cast<uint8_t>(tenon_dtype_bits(dtype)), 1};
}

bool offersMemory(nb::handle value) {
  return nb::hasattr(value, "__dlpack__") && nb::hasattr(value, "__dlpack_device__");
}

/// "dtype 2 of 32 bits": DLPack has no names.
static std::string describe(nb::dlpack::dtype type) {
  return "DLPack's type " + std::to_string(type.code) + " of " + std::to_string(type.bits) +
         " bits" + (type.lanes == 1 ? "" : " times " + std::to_string(type.lanes));
}

static bool isContiguous(const nb::ndarray<nb::ro> &array) {
  int64_t expected = 1;
  for (size_t i = array.ndim(); i-- > 0;) {
    if (array.shape(i) > 1 && array.stride(i) != expected)
      return array.size() == 0;
    expected *= static_cast<int64_t>(array.shape(i));
  }
  return true;
}

ForeignArray::ForeignArray(const char *what, const tenon_tensor_info &info, nb::handle value,
                           bool isWritten) {
  std::string name = std::string(what) + " '" + info.name + "': ";
  if (isWritten) {
    nb::ndarray<> writable;
    if (!nb::try_cast(value, writable, /*convert=*/false))
      throw nb::value_error((name + "the array is read-only, or does not give its memory").c_str());
    array = nb::ndarray<nb::ro>(writable);
    data = writable.data();
  } else {
    if (!nb::try_cast(value, array, /*convert=*/false))
      throw nb::value_error((name + "the array does not give its memory").c_str());
    data = const_cast<void *>(static_cast<const void *>(array.data())); // inputs are not written to
  }
  if (getCode(info.dtype) == noCode || array.dtype() != getType(info.dtype))
    throw nb::type_error(
        (name + "expected dtype " + getNumpyName(info.dtype) + ", found " + describe(array.dtype()))
            .c_str());
  if (!isContiguous(array))
    throw nb::value_error((name + "expected a C-contiguous array").c_str());
  int device = array.device_type();
  bool isHost = device == nb::device::cpu::value || device == nb::device::cuda_host::value;
  bool isDevice = device == nb::device::cuda::value || device == nb::device::cuda_managed::value;
  if (!isHost && (!isDevice || array.device_id() != deviceNumber))
    throw nb::value_error((name + "the array is on DLPack's device " + std::to_string(device) +
                           " number " + std::to_string(array.device_id()) +
                           ", neither the host nor the first GPU")
                              .c_str());
  memory = isHost ? TENON_HOST_MEMORY : TENON_DEVICE_MEMORY;
}

std::vector<int64_t> ForeignArray::getDims() const {
  std::vector<int64_t> dims;
  for (size_t i = 0; i < array.ndim(); ++i)
    dims.push_back(static_cast<int64_t>(array.shape(i)));
  return dims;
}

nb::object exportTensor(const tenon_tensor &tensor, nb::handle owner) {
  std::vector<size_t> shape(tensor.dims, tensor.dims + tensor.rank);
  return nb::cast(nb::ndarray<nb::array_api>(tensor.data, shape.size(), shape.data(), owner,
                                             /*strides=*/nullptr, getType(tensor.dtype),
                                             nb::device::cuda::value, deviceNumber));
}

} // namespace tenon::python
