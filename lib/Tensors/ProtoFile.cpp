// Elements lie in raw_data as the runtime wants them, or in one of five typed fields, of which each
// serves several element types.

#include "lib/Tensors/ProtoFile.h"
#include "lib/Support/Files.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>
#include <onnx/onnx-data_pb.h>
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

namespace {

/// Decodes messages of one file.
class ValueReader {
public:
  explicit ValueReader(llvm::ArrayRef<int32_t> kinds) : kinds(kinds) {}

  llvm::Expected<Value> read(const onnx::SequenceProto &proto, size_t depth);
  llvm::Expected<Value> read(const onnx::OptionalProto &proto, size_t depth);
  static llvm::Expected<Value> read(const onnx::MapProto &proto);
  static llvm::Expected<Value> read(const onnx::TensorProto &proto) {
    llvm::Expected<Tensor> tensor = decodeTensor(proto);
    if (!tensor)
      return tensor.takeError();
    return Value(std::move(*tensor));
  }

private:
  int32_t kindAt(size_t depth) const { return depth < kinds.size() ? kinds[depth] : TENON_TENSOR; }
  template <typename Messages>
  llvm::Error addElements(
      const Messages &messages,
      llvm::function_ref<llvm::Expected<Value>(const typename Messages::value_type &)> decode,
      Value &list);

  llvm::ArrayRef<int32_t> kinds;
};

} // namespace

template <typename Messages>
llvm::Error ValueReader::addElements(
    const Messages &messages,
    llvm::function_ref<llvm::Expected<Value>(const typename Messages::value_type &)> decode,
    Value &list) {
  for (const auto &message : messages) {
    llvm::Expected<Value> element = decode(message);
    if (!element)
      return llvm::createStringError("element " + llvm::Twine(list.elements.size()) + ": " +
                                     llvm::toString(element.takeError()));
    list.elements.push_back(std::move(*element));
  }
  return llvm::Error::success();
}

llvm::Expected<Value> ValueReader::read(const onnx::SequenceProto &proto, size_t depth) {
  Value list(TENON_SEQUENCE);
  bool hasMaps = kindAt(depth + 1) == TENON_MAP;
  if (hasMaps ? proto.tensor_values_size() > 0 : proto.map_values_size() > 0)
    return llvm::createStringError("its elements are of another kind");
  llvm::Error error =
      hasMaps ? addElements(
                    proto.map_values(), [](const onnx::MapProto &map) { return read(map); }, list)
              : addElements(
                    proto.tensor_values(),
                    [](const onnx::TensorProto &tensor) { return read(tensor); }, list);
  if (error)
    return std::move(error);
  return list;
}

llvm::Expected<Value> ValueReader::read(const onnx::OptionalProto &proto, size_t depth) {
  Value list(TENON_OPTIONAL);
  bool hasSequence = kindAt(depth + 1) == TENON_SEQUENCE;
  if (hasSequence ? !proto.has_sequence_value() : !proto.has_tensor_value())
    return list; // none, as an element type of no kind says
  llvm::Expected<Value> element =
      hasSequence ? read(proto.sequence_value(), depth + 1) : read(proto.tensor_value());
  if (!element)
    return element.takeError();
  list.elements.push_back(std::move(*element));
  return list;
}

/// The values of a map: a tensor each, or one for all.
static llvm::Expected<Tensor> readMapValues(const onnx::SequenceProto &proto, int64_t count) {
  if (count == 0)
    return Tensor::create(
        proto.tensor_values_size() ? proto.tensor_values(0).data_type() : int32_t(TENON_FLOAT), 0);
  llvm::Expected<Tensor> all =
      decodeTensor(proto.tensor_values_size() ? proto.tensor_values(0) : onnx::TensorProto());
  for (int i = 1; all && i < proto.tensor_values_size(); ++i) {
    llvm::Expected<Tensor> next = decodeTensor(proto.tensor_values(i));
    if (!next)
      return next.takeError();
    if (next->dtype != all->dtype)
      return llvm::createStringError("its values are of several types");
    llvm::append_range(all->bytes, next->bytes);
    llvm::append_range(all->strings, next->strings);
    all->dims = {all->numElements() + next->numElements()};
  }
  if (all && all->numElements() != count)
    return llvm::createStringError("it has " + llvm::Twine(count) + " keys, but " +
                                   llvm::Twine(all->numElements()) + " values");
  if (all)
    all->dims = {count};
  return all;
}

llvm::Expected<Value> ValueReader::read(const onnx::MapProto &proto) {
  Value map(TENON_MAP);
  bool hasStrings = proto.string_keys_size() > 0;
  int64_t count = hasStrings ? proto.string_keys_size() : proto.keys_size();
  llvm::Expected<Tensor> keys = Tensor::create(hasStrings ? TENON_STRING : TENON_INT64, count);
  llvm::Expected<Tensor> values = readMapValues(proto.values(), count);
  if (!keys || !values)
    return llvm::joinErrors(keys.takeError(), values.takeError());
  if (hasStrings)
    keys->strings.assign(proto.string_keys().begin(), proto.string_keys().end());
  else if (count) // what is empty may lie nowhere
    std::memcpy(keys->bytes.data(), proto.keys().data(), keys->bytes.size());
  map.keys = std::move(*keys);
  map.tensor = std::move(*values);
  return map;
}

/// Reads a file as a message.
template <typename Message>
static llvm::Expected<Message> parseFile(llvm::StringRef path, llvm::StringRef kind) {
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
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail("is not a " + kind);
  return message;
}

static llvm::Expected<NamedValue> named(llvm::StringRef path, const std::string &name,
                                        llvm::Expected<Value> value) {
  if (!value)
    return llvm::createStringError(path + ": " + llvm::toString(value.takeError()));
  return NamedValue{name, std::move(*value)};
}

llvm::Expected<NamedTensor> readProtoFile(llvm::StringRef path) {
  llvm::Expected<NamedValue> value = readProtoFile(path, {});
  if (!value)
    return value.takeError();
  return NamedTensor{value->name, std::move(value->value.tensor)};
}

llvm::Expected<NamedValue> readProtoFile(llvm::StringRef path, llvm::ArrayRef<int32_t> kinds) {
  ValueReader reader(kinds);
  switch (kinds.empty() ? TENON_TENSOR : kinds.front()) {
  case TENON_SEQUENCE: {
    auto proto = parseFile<onnx::SequenceProto>(path, "SequenceProto");
    return proto ? named(path, proto->name(), reader.read(*proto, 0)) : proto.takeError();
  }
  case TENON_OPTIONAL: {
    auto proto = parseFile<onnx::OptionalProto>(path, "OptionalProto");
    return proto ? named(path, proto->name(), reader.read(*proto, 0)) : proto.takeError();
  }
  case TENON_MAP: {
    auto proto = parseFile<onnx::MapProto>(path, "MapProto");
    return proto ? named(path, proto->name(), ValueReader::read(*proto)) : proto.takeError();
  }
  default: {
    auto proto = parseFile<onnx::TensorProto>(path, "TensorProto");
    return proto ? named(path, proto->name(), ValueReader::read(*proto)) : proto.takeError();
  }
  }
}

// --- Writing ---

void encodeTensor(const Tensor &tensor, onnx::TensorProto &proto) {
  std::string name = proto.name();
  proto.Clear();
  proto.set_name(name);
  proto.set_data_type(tensor.dtype);
  for (int64_t dim : tensor.dims)
    proto.add_dims(dim);
  if (tensor.dtype == TENON_STRING)
    for (const std::string &string : tensor.strings)
      proto.add_string_data(string);
  else
    proto.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
}

static void encode(const Tensor &tensor, onnx::TensorProto &proto) { encodeTensor(tensor, proto); }

/// An element of a tensor as a tensor of rank 0.
static Tensor takeScalar(const Tensor &tensor, int64_t index, size_t bytes) {
  Tensor scalar;
  scalar.dtype = tensor.dtype;
  if (tensor.dtype == TENON_STRING)
    scalar.strings = {tensor.strings[index]};
  else
    scalar.bytes.assign(&tensor.bytes[index * bytes], &tensor.bytes[index * bytes] + bytes);
  return scalar;
}

static void encode(const Value &map, onnx::MapProto &proto) {
  proto.set_key_type(map.keys.dtype);
  for (const std::string &key : map.keys.strings)
    proto.add_string_keys(key);
  for (int64_t i = 0; map.keys.dtype == TENON_INT64 && i < map.keys.numElements(); ++i) {
    int64_t key = 0;
    std::memcpy(&key, &map.keys.bytes[8 * i], sizeof key);
    proto.add_keys(key);
  }
  proto.mutable_values()->set_elem_type(onnx::SequenceProto::TENSOR);
  int64_t count = map.tensor.numElements();
  for (int64_t i = 0; i < count; ++i)
    encode(takeScalar(map.tensor, i, map.tensor.bytes.size() / count),
           *proto.mutable_values()->add_tensor_values());
}

static void encode(const Value &list, onnx::SequenceProto &proto) {
  bool hasMaps = !list.elements.empty() && list.elements.front().kind == TENON_MAP;
  proto.set_elem_type(hasMaps ? onnx::SequenceProto::MAP : onnx::SequenceProto::TENSOR);
  for (const Value &element : list.elements)
    if (hasMaps)
      encode(element, *proto.add_map_values());
    else
      encode(element.tensor, *proto.add_tensor_values());
}

static void encode(const Value &optional, onnx::OptionalProto &proto) {
  proto.set_elem_type(onnx::OptionalProto::UNDEFINED);
  if (optional.elements.empty())
    return;
  const Value &element = optional.elements.front();
  proto.set_elem_type(element.isTensor() ? onnx::OptionalProto::TENSOR
                                         : onnx::OptionalProto::SEQUENCE);
  if (element.isTensor())
    encode(element.tensor, *proto.mutable_tensor_value());
  else
    encode(element, *proto.mutable_sequence_value());
}

template <typename Message, typename From>
static std::string serialize(const std::string &name, const From &from) {
  Message message;
  message.set_name(name);
  encode(from, message);
  return message.SerializeAsString();
}

llvm::Error writeProtoFile(llvm::StringRef path, const NamedValue &value) {
  std::string bytes =
      value.value.kind == TENON_SEQUENCE   ? serialize<onnx::SequenceProto>(value.name, value.value)
      : value.value.kind == TENON_OPTIONAL ? serialize<onnx::OptionalProto>(value.name, value.value)
      : value.value.kind == TENON_MAP
          ? serialize<onnx::MapProto>(value.name, value.value)
          : serialize<onnx::TensorProto>(value.name, value.value.tensor);
  return writeFile(path, bytes);
}

} // namespace tenon
