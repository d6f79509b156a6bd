// Types of ONNX values that are no tensors (see the header).

#include "lib/Importer/ValueTypes.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/TensorData.h"

using namespace mlir;

namespace tenon {

static llvm::Expected<Type> importElementType(int32_t dataType, MLIRContext *context) {
  if (Type type = getElementType(dataType, context))
    return type;
  return makeError("element type " + describeElementType(dataType) + " is not supported");
}

/// A tensor as an element: names of dimensions say nothing about those of other elements.
static llvm::Expected<Type> importTensor(const onnx::TypeProto::Tensor &proto,
                                         MLIRContext *context) {
  llvm::Expected<Type> elementType = importElementType(proto.elem_type(), context);
  if (!elementType)
    return elementType;
  if (!proto.has_shape())
    return Type(UnrankedTensorType::get(*elementType));
  SmallVector<int64_t> sizes;
  for (const auto &dim : proto.shape().dim())
    sizes.push_back(hasSize(dim) ? dim.dim_value() : ShapedType::kDynamic);
  return Type(RankedTensorType::get(sizes, *elementType));
}

static llvm::Expected<Type> importMap(const onnx::TypeProto::Map &proto, MLIRContext *context) {
  llvm::Expected<Type> key = importElementType(proto.key_type(), context);
  if (!key)
    return key;
  if (!proto.value_type().has_tensor_type())
    return makeError("maps of anything but numbers or strings are not supported");
  llvm::Expected<Type> value =
      importElementType(proto.value_type().tensor_type().elem_type(), context);
  if (!value)
    return value;
  if (!key->isInteger(64) && !isa<StringType>(*key))
    return makeError("maps by " + describeElementType(*key) + " are not supported");
  return Type(MapType::get(context, *key, *value));
}

/// A list of what `proto` says, if there can be one.
template <typename List>
static llvm::Expected<Type> importList(const onnx::TypeProto &proto, MLIRContext *context,
                                       function_ref<bool(Type)> canHold) {
  // Wrong nestings may be deep: no further than one kind too many.
  bool isList = proto.has_sequence_type() || proto.has_optional_type();
  if (isList && (std::is_same_v<List, SequenceType> || proto.has_optional_type()))
    return makeError("sequences of sequences and optionals of optionals are not supported");
  llvm::Expected<Type> element = importHostType(proto, context);
  if (!element)
    return element;
  if (!canHold(*element))
    return makeError("optionals of maps are not supported");
  return Type(List::get(context, *element));
}

llvm::Expected<Type> importHostType(const onnx::TypeProto &proto, MLIRContext *context) {
  switch (proto.value_case()) {
  case onnx::TypeProto::kTensorType:
    return importTensor(proto.tensor_type(), context);
  case onnx::TypeProto::kMapType:
    return importMap(proto.map_type(), context);
  case onnx::TypeProto::kSequenceType:
    return importList<SequenceType>(proto.sequence_type().elem_type(), context,
                                    [](Type) { return true; });
  case onnx::TypeProto::kOptionalType:
    return importList<OptionalType>(proto.optional_type().elem_type(), context,
                                    [](Type element) { return !isa<MapType>(element); });
  default:
    return makeError("is neither a tensor nor a sequence, optional or map");
  }
}

std::string describeValueType(Type type) {
  if (auto map = dyn_cast<MapType>(type))
    return "a map from " + describeElementType(map.getKey()) + " to " +
           describeElementType(map.getValue());
  Type element = getListElement(type);
  if (!element)
    return "a tensor of " + describeElementType(getInnerElementType(type));
  std::string kind = isa<SequenceType>(type) ? "a sequence" : "an optional";
  if (isHostType(element))
    return kind + ", each of which is " + describeValueType(element);
  return kind + " of " + describeElementType(getInnerElementType(type)) + " tensors";
}

} // namespace tenon
