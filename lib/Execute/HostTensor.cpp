// Tensors that go into a run and come out of it.

#include "lib/Execute/HostTensor.h"
#include "dialects/Tenon/Shape.h"
#include "lib/Driver/Constants.h"
#include "lib/Importer/ElementTypes.h"
#include "runtime/internal.h"

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

bool HostTensor::isPacked(Type type) {
  return tn_is_packed(getDataType(getElementTypeOrSelf(type)));
}

HostTensor HostTensor::copy(const tenon_tensor &tensor, RankedTensorType type) {
  ArrayRef<int64_t> dims(tensor.dims, tensor.rank);
  auto known = RankedTensorType::get(dims, type.getElementType());
  if (isPacked(type)) {
    HostTensor result = allocate(known);
    tn_unpack(tensor.dtype, known.getNumElements(), tensor.data,
              result.bytes.getMutableData().data());
    return result;
  }
  ArrayRef<char> bytes(static_cast<const char *>(tensor.data), tensor.bytes);
  return {known, HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, kAlignment)};
}

ElementsAttr HostTensor::takeConstant() && { return driver::makeConstant(type, std::move(bytes)); }

tenon_tensor HostTensor::view(std::vector<char> &storage) const {
  tenon_tensor tensor = {};
  tensor.dtype = getDataType(type.getElementType());
  tensor.rank = static_cast<int32_t>(type.getRank());
  tensor.dims = type.getShape().data();
  tensor.data = const_cast<char *>(bytes.getData().data());
  tensor.bytes = bytes.getData().size();
  if (isPacked(type)) {
    storage.resize(tenon_tensor_bytes(tensor.dtype, tensor.rank, tensor.dims));
    tn_pack(tensor.dtype, type.getNumElements(), bytes.getData().data(), storage.data());
    tensor.data = storage.data();
    tensor.bytes = storage.size();
  }
  return tensor;
}

} // namespace tenon
