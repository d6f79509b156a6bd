// Why bytes are not a protobuf message.
//
// protobuf's parser answers yes or no. After a no, this walks the wire format along the schema with
// an explicit stack and reports the first thing that is wrong. It is a diagnosis only: what it does
// not find fault with was still refused by the parser.

#include "lib/Importer/ModelFile.h"
#include "llvm/ADT/SmallVector.h"
#include <google/protobuf/descriptor.h>

using namespace llvm;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

namespace tenon {

namespace {
/// A message that is being walked: its schema (null when unknown) and where it ends.
struct Frame {
  const Descriptor *message;
  size_t end;
};

class Walker {
public:
  Walker(StringRef bytes, const Descriptor *root) : bytes(bytes) {
    stack.push_back({root, bytes.size()});
  }

  std::string run() {
    while (!stack.empty()) {
      if (position == stack.back().end) {
        stack.pop_back();
        continue;
      }
      if (!step())
        return reason;
    }
    return "it is malformed";
  }

private:
  bool fail(const Twine &text) {
    reason = text.str();
    return false;
  }

  bool readVarint(uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (position >= stack.back().end)
        return fail("it is truncated at byte " + Twine(position));
      uint8_t byte = bytes[position++];
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return true;
    }
    return fail("it is not protobuf: bad number at byte " + Twine(position));
  }

  bool skip(uint64_t count, const Twine &what) {
    size_t left = stack.back().end - position;
    if (count > left) {
      if (stack.back().end == bytes.size())
        return fail("it is truncated: " + what + " needs " + Twine(count) + " bytes, but " +
                    Twine(left) + " are left");
      return fail("it is malformed: " + what + " at byte " + Twine(position) +
                  " reaches beyond its message");
    }
    position += count;
    return true;
  }

  /// Walks over one field's tag and value; a submessage is entered.
  bool step() {
    size_t start = position;
    uint64_t tag = 0, length = 0;
    if (!readVarint(tag))
      return false;
    uint64_t number = tag >> 3;
    const Descriptor *message = stack.back().message;
    const FieldDescriptor *field = message && number <= FieldDescriptor::kMaxNumber
                                       ? message->FindFieldByNumber(static_cast<int>(number))
                                       : nullptr;
    std::string what = field ? "field '" + field->full_name() + "'" : "an unknown field";
    if (number == 0)
      return fail("it is not protobuf: bad field at byte " + Twine(start));
    switch (tag & 7) {
    case 0:
      return readVarint(length);
    case 1:
      return skip(8, what);
    case 5:
      return skip(4, what);
    case 2:
      break;
    default:
      return fail("it is not protobuf: bad field at byte " + Twine(start));
    }
    if (!readVarint(length))
      return false;
    size_t begin = position;
    if (!skip(length, what))
      return false;
    if (field && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      stack.push_back({field->message_type(), position});
      position = begin;
      if (stack.size() > 3 * maxSubgraphDepth + 40)
        return fail("it nests subgraphs deeper than the " + Twine(maxSubgraphDepth) +
                    " levels that are supported");
    }
    return true;
  }

  StringRef bytes;
  size_t position = 0;
  SmallVector<Frame> stack;
  std::string reason;
};
} // namespace

std::string diagnoseParseFailure(StringRef bytes, const Descriptor *message) {
  return Walker(bytes, message).run();
}

} // namespace tenon
