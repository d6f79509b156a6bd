// Tensors that go into a run and come out of it.

#include "lib/Execute/HostTensor.h"
#include "dialects/Tenon/Shape.h"
#include "lib/Driver/Constants.h"
#include "lib/Importer/ElementTypes.h"

using namespace mlir;

namespace tenon {

/// Kernels read whole vectors quickest where these start on a cache line.
static constexpr size_t kAlignment = 64;

FailureOr<HostTensor> HostTensor::get(ElementsAttr constant) {
  FailureOr<AsmResourceBlob> bytes = driver::constantBytes(constant);
  if (failed(bytes))
    return failure();
  return HostTensor{cast<RankedTensorType>(constant.getType()), std::move(*bytes)};
}

HostTensor HostTensor::allocate(RankedTensorType type) {
  return {type, HeapAsmResourceBlob::allocate(*countBytes(type), kAlignment)};
}

HostTensor HostTensor::copy(const tenon_tensor &tensor, RankedTensorType type) {
  ArrayRef<int64_t> dims(tensor.dims, tensor.rank);
  ArrayRef<char> bytes(static_cast<const char *>(tensor.data), tensor.bytes);
  return {RankedTensorType::get(dims, type.getElementType()),
          HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, kAlignment)};
}

ElementsAttr HostTensor::takeConstant() && { return driver::makeConstant(type, std::move(bytes)); }

tenon_tensor HostTensor::view() const {
  tenon_tensor tensor = {};
  tensor.dtype = getDataType(type.getElementType());
  tensor.rank = static_cast<int32_t>(type.getRank());
  tensor.dims = type.getShape().data();
  tensor.data = const_cast<char *>(bytes.getData().data());
  tensor.bytes = bytes.getData().size();
  return tensor;
}

} // namespace tenon
