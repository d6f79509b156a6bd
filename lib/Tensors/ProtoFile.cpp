// Elements lie in raw_data as the runtime wants them, or in one of five typed fields, of which each
// serves several element types.

#include "lib/Tensors/ProtoFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>
#include <onnx/onnx_pb.h>

namespace tenon {

/// Stores a field's values as `To`, next to each other. The size must agree exactly.
template <typename To, typename From>
static bool copyField(const google::protobuf::RepeatedField<From> &field,
                      std::vector<char> &bytes) {
  if (field.size() * sizeof(To) != bytes.size())
    return false;
  char *at = bytes.data();
  for (From value : field) {
    To stored = static_cast<To>(value);
    std::memcpy(at, &stored, sizeof stored);
    at += sizeof stored;
  }
  return true;
}

static bool copyTypedField(const onnx::TensorProto &proto, std::vector<char> &bytes) {
  switch (proto.data_type()) {
  case TENON_FLOAT:
  case TENON_COMPLEX64:
    return copyField<float>(proto.float_data(), bytes);
  case TENON_DOUBLE:
  case TENON_COMPLEX128:
    return copyField<double>(proto.double_data(), bytes);
  case TENON_INT64:
    return copyField<int64_t>(proto.int64_data(), bytes);
  case TENON_UINT64:
    return copyField<uint64_t>(proto.uint64_data(), bytes);
  case TENON_UINT32:
    return copyField<uint32_t>(proto.uint64_data(), bytes);
  case TENON_INT32:
    return copyField<int32_t>(proto.int32_data(), bytes);
  case TENON_INT16:
  case TENON_UINT16:
  case TENON_FLOAT16:
  case TENON_BFLOAT16:
    return copyField<uint16_t>(proto.int32_data(), bytes);
  default: // one byte, or several elements packed into one
    return copyField<uint8_t>(proto.int32_data(), bytes);
  }
}

/// How many values the message holds, of whatever field; each makes at most 16 bytes of elements.
static uint64_t countValues(const onnx::TensorProto &proto) {
  return proto.raw_data().size() + uint64_t(proto.float_data_size()) + proto.double_data_size() +
         proto.int32_data_size() + proto.int64_data_size() + proto.uint64_data_size() +
         proto.string_data_size();
}

llvm::Expected<Tensor> decodeTensor(const onnx::TensorProto &proto) {
  auto fail = [](const llvm::Twine &reason) { return llvm::createStringError(reason); };
  if (tenon_dtype_bits(proto.data_type()) == 0)
    return fail("element type " + llvm::Twine(proto.data_type()) + " is not known");
  if (proto.data_location() == onnx::TensorProto::EXTERNAL || proto.has_segment())
    return fail("its elements are in another file, which is not supported");
  llvm::ArrayRef<int64_t> dims(proto.dims().data(), proto.dims().size());
  int64_t bytes = tenon_tensor_bytes(proto.data_type(), proto.dims().size(), dims.data());
  // Nothing is allocated for what the file does not hold.
  if (bytes > 0 && static_cast<uint64_t>(bytes) / 16 > countValues(proto))
    return fail("it has " + llvm::Twine(countValues(proto)) + " values, too few for " +
                describeTensorType(proto.data_type(), dims));
  llvm::Expected<Tensor> tensor = Tensor::create(proto.data_type(), dims);
  if (!tensor)
    return tensor.takeError();
  std::string type = describeTensorType(*tensor);
  if (tensor->dtype == TENON_STRING) {
    if (proto.string_data_size() != tensor->numElements())
      return fail("it has " + llvm::Twine(proto.string_data_size()) + " strings, but is a " + type);
    tensor->strings.assign(proto.string_data().begin(), proto.string_data().end());
  } else if (proto.has_raw_data()) {
    if (proto.raw_data().size() != tensor->bytes.size())
      return fail("it has " + llvm::Twine(proto.raw_data().size()) + " bytes of elements, but " +
                  type + " needs " + llvm::Twine(tensor->bytes.size()));
    tensor->bytes.assign(proto.raw_data().begin(), proto.raw_data().end());
  } else if (!copyTypedField(proto, tensor->bytes)) {
    return fail("it has too few or too many elements for " + type);
  }
  return tensor;
}

llvm::Expected<NamedTensor> readProtoFile(llvm::StringRef path) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError(path + ": " + reason);
  };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("cannot be read: " + file.getError().message());
  llvm::StringRef bytes = (*file)->getBuffer();
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return fail("is larger than 2 GiB, the limit of the format");
  google::protobuf::SetLogHandler(nullptr); // our own messages say more
  onnx::TensorProto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail("is not a TensorProto");
  llvm::Expected<Tensor> tensor = decodeTensor(proto);
  if (!tensor)
    return fail(llvm::toString(tensor.takeError()));
  return NamedTensor{proto.name(), std::move(*tensor)};
}

} // namespace tenon
