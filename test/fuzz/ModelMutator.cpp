// Mutates models as messages rather than as bytes: most inputs then get past the parser, to where
// names, attributes, types and shapes are looked at.
//
// One mutation changes one field of one message anywhere in the model: a number becomes another one
// that is likely to matter, a string becomes one from elsewhere in the model, a list loses, repeats
// or swaps elements. Every fourth mutation is libFuzzer's own on the bytes.

#include <google/protobuf/message.h>
#include <onnx/onnx_pb.h>
#include <random>

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace {

class Mutator {
public:
  Mutator(Message &root, unsigned seed) : random(seed) { collect(root); }

  void mutate() {
    Message &message = *pick(messages);
    std::vector<const FieldDescriptor *> fields;
    message.GetReflection()->ListFields(message, &fields);
    // Sometimes a field that is not there yet.
    if (fields.empty() || chance(10)) {
      size_t number = below(message.GetDescriptor()->field_count());
      setSingleOrAdd(message, message.GetDescriptor()->field(static_cast<int>(number)));
      return;
    }
    const FieldDescriptor *field = pick(fields);
    if (chance(8))
      message.GetReflection()->ClearField(&message, field);
    else if (field->is_repeated())
      mutateList(message, field);
    else
      setSingleOrAdd(message, field);
  }

private:
  size_t below(size_t bound) { return random() % bound; }
  bool chance(unsigned oneIn) { return below(oneIn) == 0; }
  template <typename T> T &pick(std::vector<T> &from) { return from[below(from.size())]; }

  /// All messages, and all short strings, which are the names.
  void collect(Message &message) {
    messages.push_back(&message);
    const Reflection *reflection = message.GetReflection();
    std::vector<const FieldDescriptor *> fields;
    reflection->ListFields(message, &fields);
    for (const FieldDescriptor *field : fields) {
      int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          collect(field->is_repeated() ? *reflection->MutableRepeatedMessage(&message, field, i)
                                       : *reflection->MutableMessage(&message, field));
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
          std::string text = field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                                  : reflection->GetString(message, field);
          if (text.size() < 64)
            names.push_back(text);
        }
      }
    }
  }

  int64_t number() {
    static const int64_t special[] = {
        0,  1,  2,  3,  4,  5,   6,   7,     8,         9,         10,        13,       16,
        17, 21, -1, -2, -3, 127, 255, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    return special[below(std::size(special))];
  }

  std::string text() { return names.empty() || chance(20) ? std::string() : pick(names); }

  void setSingleOrAdd(Message &message, const FieldDescriptor *field) {
    const Reflection *reflection = message.GetReflection();
    bool isList = field->is_repeated();
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      isList ? reflection->AddInt32(&message, field, static_cast<int32_t>(number()))
             : reflection->SetInt32(&message, field, static_cast<int32_t>(number()));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      isList ? reflection->AddInt64(&message, field, number())
             : reflection->SetInt64(&message, field, number());
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      isList ? reflection->AddUInt64(&message, field, number())
             : reflection->SetUInt64(&message, field, number());
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      isList ? reflection->AddFloat(&message, field, static_cast<float>(number()))
             : reflection->SetFloat(&message, field, static_cast<float>(number()));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      isList ? reflection->AddDouble(&message, field, static_cast<double>(number()))
             : reflection->SetDouble(&message, field, static_cast<double>(number()));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      isList ? reflection->AddString(&message, field, text())
             : reflection->SetString(&message, field, text());
      break;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto *values = field->enum_type();
      const auto *value = values->value(static_cast<int>(below(values->value_count())));
      isList ? reflection->AddEnum(&message, field, value)
             : reflection->SetEnum(&message, field, value);
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      setMessage(message, field);
      break;
    default:
      break;
    }
  }

  /// A copy of a message of the same kind, or an empty one.
  void setMessage(Message &message, const FieldDescriptor *field) {
    const Message *other = pick(messages);
    std::string bytes;
    if (other->GetDescriptor() == field->message_type() && other->ByteSizeLong() < 4096)
      bytes = other->SerializePartialAsString();
    Message *made = field->is_repeated() ? message.GetReflection()->AddMessage(&message, field)
                                         : message.GetReflection()->MutableMessage(&message, field);
    if (!bytes.empty())
      made->ParsePartialFromString(bytes);
  }

  void mutateList(Message &message, const FieldDescriptor *field) {
    const Reflection *reflection = message.GetReflection();
    int count = reflection->FieldSize(message, field);
    int first = static_cast<int>(below(count)), second = static_cast<int>(below(count));
    switch (below(4)) {
    case 0:
      reflection->SwapElements(&message, field, first, count - 1);
      reflection->RemoveLast(&message, field);
      break;
    case 1:
      reflection->SwapElements(&message, field, first, second);
      break;
    case 2:
      setSingleOrAdd(message, field);
      break;
    default:
      setElement(message, field, first);
    }
  }

  void setElement(Message &message, const FieldDescriptor *field, int index) {
    const Reflection *reflection = message.GetReflection();
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->SetRepeatedInt32(&message, field, index, static_cast<int32_t>(number()));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection->SetRepeatedInt64(&message, field, index, number());
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->SetRepeatedString(&message, field, index, text());
    default:
      return setSingleOrAdd(message, field);
    }
  }

  std::mt19937 random;
  std::vector<Message *> messages;
  std::vector<std::string> names;
};

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  onnx::ModelProto model;
  if (seed % 4 == 0 || !model.ParsePartialFromArray(data, static_cast<int>(size)))
    return LLVMFuzzerMutate(data, size, maxSize);
  for (unsigned round = 0; round <= seed / 4 % 3; ++round)
    Mutator(model, seed + round).mutate();
  std::string bytes = model.SerializePartialAsString();
  if (bytes.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}
