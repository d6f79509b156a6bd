// Makes sparse initializers dense (see the header).

#include "lib/Editing/SparseConstant.h"
#include "lib/Importer/ModelFile.h"
#include "lib/Tensors/ProtoFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cstring>

using namespace llvm;

namespace tenon {

/// Where the elements go: positions in a tensor of these dimensions, from indices of one number or
/// of one for each dimension.
static Expected<std::vector<int64_t>> readPositions(const Tensor &indices, int64_t count,
                                                    ArrayRef<int64_t> dims, int64_t size) {
  int64_t rank = dims.size();
  bool isLinear = indices.dims.size() == 1;
  std::vector<int64_t> expected = isLinear ? std::vector{count} : std::vector{count, rank};
  if (indices.dtype != TENON_INT64 || indices.dims != expected)
    return makeError("indices of a sparse tensor do not fit its values");
  auto read = [&, number = int64_t(0)]() mutable {
    int64_t index;
    std::memcpy(&index, indices.bytes.data() + sizeof(index) * number++, sizeof(index));
    return index;
  };
  std::vector<int64_t> positions(count, 0);
  std::vector<int64_t> sizes = isLinear ? std::vector{size} : std::vector(dims.begin(), dims.end());
  for (int64_t &position : positions)
    for (int64_t axis : sizes) {
      int64_t index = read();
      if (index < 0 || index >= axis)
        return makeError("index " + Twine(index) + " of a sparse tensor is out of bounds");
      position = position * axis + index;
    }
  return positions;
}

Expected<Tensor> decodeSparseTensor(const onnx::SparseTensorProto &proto) {
  for (const onnx::TensorProto *part : {&proto.values(), &proto.indices()})
    if (part->data_location() == onnx::TensorProto::EXTERNAL)
      return makeError("a sparse tensor lies in another file");
  Expected<Tensor> values = decodeTensor(proto.values());
  if (!values)
    return values.takeError();
  Expected<Tensor> indices = decodeTensor(proto.indices());
  if (!indices)
    return indices.takeError();
  ArrayRef<int64_t> dims(reinterpret_cast<const int64_t *>(proto.dims().data()), proto.dims_size());
  Expected<Tensor> dense = Tensor::create(values->dtype, dims);
  if (!dense)
    return dense.takeError();
  int64_t count = values->numElements(), size = dense->numElements();
  if (size == 0 || static_cast<int64_t>(dense->bytes.size()) % size != 0)
    return makeError("a sparse tensor has no elements of whole bytes");
  size_t elementBytes = dense->bytes.size() / size;
  Expected<std::vector<int64_t>> positions = readPositions(*indices, count, dims, size);
  if (!positions)
    return positions.takeError();
  for (auto [number, position] : enumerate(*positions))
    std::memcpy(dense->bytes.data() + position * elementBytes,
                values->bytes.data() + number * elementBytes, elementBytes);
  return dense;
}

} // namespace tenon
