// Typed access to a node's attributes (see NodeImporter.h).

#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/NodeImporter.h"
#include "lib/Importer/TensorData.h"

using namespace mlir;
using onnx::AttributeProto;

namespace tenon {

static StringRef describe(AttributeProto::AttributeType type) {
  switch (type) {
  case AttributeProto::FLOAT:
    return "a float";
  case AttributeProto::INT:
    return "an int";
  case AttributeProto::STRING:
    return "a string";
  case AttributeProto::TENSOR:
    return "a tensor";
  case AttributeProto::GRAPH:
    return "a graph";
  case AttributeProto::FLOATS:
    return "floats";
  case AttributeProto::INTS:
    return "ints";
  case AttributeProto::STRINGS:
    return "strings";
  case AttributeProto::SPARSE_TENSOR:
    return "a sparse tensor";
  default:
    return "something else";
  }
}

/// Old files leave the type out; it is what the attribute holds.
static AttributeProto::AttributeType getType(const AttributeProto &attribute) {
  if (attribute.type() != AttributeProto::UNDEFINED)
    return attribute.type();
  if (attribute.has_f())
    return AttributeProto::FLOAT;
  if (attribute.has_i())
    return AttributeProto::INT;
  if (attribute.has_s())
    return AttributeProto::STRING;
  if (attribute.has_t())
    return AttributeProto::TENSOR;
  if (attribute.has_g())
    return AttributeProto::GRAPH;
  if (attribute.floats_size())
    return AttributeProto::FLOATS;
  if (attribute.ints_size())
    return AttributeProto::INTS;
  if (attribute.strings_size())
    return AttributeProto::STRINGS;
  return AttributeProto::UNDEFINED;
}

/// Inside a function, an attribute may refer to one of the call; absent there, it is absent here.
const AttributeProto *NodeImporter::findAttribute(StringRef name) const {
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.name() != name)
      continue;
    if (attribute.ref_attr_name().empty())
      return &attribute;
    return scope.attributes ? scope.attributes->lookup(attribute.ref_attr_name()) : nullptr;
  }
  return nullptr;
}

const AttributeProto *
NodeImporter::findAttribute(StringRef name, AttributeProto::AttributeType type, bool required) {
  const AttributeProto *attribute = findAttribute(name);
  if (!attribute) {
    if (required)
      emitAttributeError(name) << "is missing";
    return nullptr;
  }
  AttributeProto::AttributeType actual = getType(*attribute);
  // An empty list of an untyped attribute has no type of its own.
  bool isEmptyList = actual == AttributeProto::UNDEFINED &&
                     (type == AttributeProto::INTS || type == AttributeProto::FLOATS ||
                      type == AttributeProto::STRINGS);
  if (actual == type || isEmptyList)
    return attribute;
  emitAttributeError(name) << "expected " << describe(type) << ", found " << describe(actual);
  return nullptr;
}

int64_t NodeImporter::getInt(StringRef name, std::optional<int64_t> otherwise) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::INT, !otherwise);
  return attribute ? attribute->i() : otherwise.value_or(0);
}

double NodeImporter::getFloat(StringRef name, std::optional<double> otherwise) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::FLOAT, !otherwise);
  // A default is an f32 as well: the same 1e-5 whether or not a file spells it out.
  return attribute ? attribute->f() : static_cast<float>(otherwise.value_or(0));
}

StringRef NodeImporter::getString(StringRef name, std::optional<StringRef> otherwise) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::STRING, !otherwise);
  return attribute ? StringRef(attribute->s()) : otherwise.value_or("");
}

NodeImporter::Ints NodeImporter::getInts(StringRef name, std::optional<Ints> otherwise) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::INTS, !otherwise);
  if (!attribute)
    return otherwise.value_or(Ints());
  return Ints(attribute->ints().begin(), attribute->ints().end());
}

SmallVector<float> NodeImporter::getFloats(StringRef name,
                                           std::optional<SmallVector<float>> otherwise) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::FLOATS, !otherwise);
  if (!attribute)
    return otherwise.value_or(SmallVector<float>());
  return SmallVector<float>(attribute->floats().begin(), attribute->floats().end());
}

NodeImporter::Strings NodeImporter::getStrings(StringRef name, std::optional<Strings> otherwise) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::STRINGS, !otherwise);
  if (!attribute)
    return otherwise.value_or(Strings());
  return Strings(attribute->strings().begin(), attribute->strings().end());
}

ElementsAttr NodeImporter::getTensor(StringRef name) {
  const AttributeProto *attribute = findAttribute(name);
  if (!attribute)
    return nullptr;
  bool isSparse = getType(*attribute) == AttributeProto::SPARSE_TENSOR;
  if (!isSparse && !findAttribute(name, AttributeProto::TENSOR, /*required=*/true))
    return nullptr;
  llvm::Expected<ElementsAttr> value =
      isSparse ? importSparseTensor(attribute->sparse_tensor(), graph.getFile(), context())
               : importTensor(attribute->t(), graph.getFile(), context());
  if (value)
    return *value;
  emitAttributeError(name) << llvm::toString(value.takeError());
  return nullptr;
}

const onnx::TypeProto *NodeImporter::getTypeProto(StringRef name) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::TYPE_PROTO, /*required=*/false);
  return attribute ? &attribute->tp() : nullptr;
}

Type NodeImporter::getElementType(StringRef name, bool required) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::INT, required);
  if (!attribute)
    return nullptr;
  bool fits = llvm::isInt<32>(attribute->i());
  Type type = fits ? tenon::getElementType(attribute->i(), context()) : Type();
  if (!type)
    emitAttributeError(name) << "element type "
                             << (fits ? describeElementType(attribute->i())
                                      : std::to_string(attribute->i()))
                             << " is not supported";
  return type;
}

const onnx::GraphProto *NodeImporter::getGraph(StringRef name) {
  const AttributeProto *attribute = findAttribute(name, AttributeProto::GRAPH, /*required=*/true);
  return attribute ? &attribute->g() : nullptr;
}

int64_t NodeImporter::getAxis(StringRef name, std::optional<int64_t> otherwise, int64_t rank,
                              bool inclusive) {
  return normalizeAxis(getInt(name, otherwise), rank, inclusive);
}

int64_t NodeImporter::normalizeAxis(int64_t axis, int64_t rank, bool inclusive) {
  if (axis >= -rank && axis < rank + inclusive)
    return axis < 0 ? axis + rank : axis;
  emitError() << "axis " << axis << " is out of bounds for a tensor of rank " << rank;
  return 0;
}

InFlightDiagnostic NodeImporter::emitAttributeError(StringRef name) {
  InFlightDiagnostic error = emitError();
  error << "attribute '" << name << "': ";
  return error;
}

} // namespace tenon
