// Types of sequences, optionals and maps (see the header).

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

bool isHostType(Type type) { return isa<SequenceType, OptionalType, MapType>(type); }

Type getListElement(Type list) {
  if (auto sequence = dyn_cast<SequenceType>(list))
    return sequence.getElement();
  if (auto optional = dyn_cast<OptionalType>(list))
    return optional.getElement();
  return nullptr;
}

bool isNoElement(Type element) { return element.isIntOrFloat() || isa<StringType>(element); }

Type toElement(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? RankedTensorType::get(tensor.getShape(), tensor.getElementType()) : type;
}

static Type joinTensors(ShapedType a, ShapedType b) {
  if (a.getElementType() != b.getElementType())
    return nullptr;
  if (!a.hasRank() || !b.hasRank() || a.getRank() != b.getRank())
    return UnrankedTensorType::get(a.getElementType());
  SmallVector<int64_t> sizes;
  for (auto [x, y] : llvm::zip_equal(a.getShape(), b.getShape()))
    sizes.push_back(x == y ? x : ShapedType::kDynamic);
  return RankedTensorType::get(sizes, a.getElementType());
}

Type joinElements(Type a, Type b) {
  if (isNoElement(a) && getInnerElementType(b) == a)
    return b;
  if (isNoElement(b) && getInnerElementType(a) == b)
    return a;
  if (isa<TensorType>(a) && isa<TensorType>(b))
    return joinTensors(cast<ShapedType>(a), cast<ShapedType>(b));
  return joinHostTypes(a, b);
}

Type joinHostTypes(Type a, Type b) {
  if (a == b)
    return a;
  if (a.getTypeID() != b.getTypeID() || !getListElement(a))
    return nullptr;
  Type element = joinElements(getListElement(a), getListElement(b));
  if (!element)
    return nullptr;
  return isa<SequenceType>(a) ? Type(SequenceType::get(a.getContext(), element))
                              : Type(OptionalType::get(a.getContext(), element));
}

Type getInnerElementType(Type type) {
  if (Type element = getListElement(type))
    return getInnerElementType(element);
  if (auto map = dyn_cast<MapType>(type))
    return map.getValue();
  return getElementTypeOrSelf(type);
}

/// Fails unless it is a tensor's type as lists have them: no expressions, which are a function's.
static LogicalResult verifyTensorElement(function_ref<InFlightDiagnostic()> emitError, Type element,
                                         StringRef kind) {
  auto ranked = dyn_cast<RankedTensorType>(element);
  if (!isa<TensorType>(element) && !isNoElement(element))
    return emitError() << kind << " cannot hold " << element;
  if (ranked && ranked.getEncoding())
    return emitError() << "a size that depends on the run is ? in the type of an element, not "
                       << ranked;
  return success();
}

LogicalResult SequenceType::verify(function_ref<InFlightDiagnostic()> emitError, Type element) {
  return isa<MapType>(element) ? success() : verifyTensorElement(emitError, element, "a sequence");
}

LogicalResult OptionalType::verify(function_ref<InFlightDiagnostic()> emitError, Type element) {
  return isa<SequenceType>(element) ? success()
                                    : verifyTensorElement(emitError, element, "an optional");
}

LogicalResult MapType::verify(function_ref<InFlightDiagnostic()> emitError, Type key, Type value) {
  if (!key.isInteger(64) && !isa<StringType>(key))
    return emitError() << "the keys of a map are i64 or !tenon.string, not " << key;
  if (!value.isIntOrFloat() && !isa<StringType>(value))
    return emitError() << "the values of a map are numbers or !tenon.string, not " << value;
  return success();
}

} // namespace tenon
