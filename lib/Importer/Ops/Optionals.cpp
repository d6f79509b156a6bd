// Optionals: what is known to be there is the value itself (Lists.h).

#include "lib/Importer/Ops/Lists.h"
#include "lib/Importer/ValueTypes.h"

using namespace mlir;

namespace tenon {

static bool isOptional(Value value) { return isa<OptionalType>(value.getType()); }

static Results importOptional(NodeImporter &node) {
  if (Value value = node.operand(0))
    return {{makeOptional(node, value, nullptr)}};
  const onnx::TypeProto *proto = node.getTypeProto("type");
  if (!proto)
    return node.emitAttributeError("type") << "is missing, and so is the input";
  llvm::Expected<Type> type = importHostType(*proto, node.context());
  if (!type)
    return node.emitAttributeError("type") << llvm::toString(type.takeError());
  if (isa<OptionalType, MapType>(*type))
    return node.emitAttributeError("type")
           << "an optional cannot hold " << describeValueType(*type);
  return {{makeOptional(node, nullptr, *type)}};
}

static Results importHasElement(NodeImporter &node) {
  Value value = node.operand(0);
  Type flag = node.builder().getI1Type();
  if (!value)
    return {{node.makeScalar(flag, 0)}};
  if (!isOptional(value))
    return {{node.makeScalar(flag, 1)}};
  return {{node.cast(countElements(node, value), flag)}};
}

static Results importGetElement(NodeImporter &node) {
  Value value = node.operand(0);
  if (!isOptional(value))
    return {{value}};
  return {{takeElement(node, value, nullptr, node.declaredRank(0))}};
}

void registerOptionalOps(OpRegistry &registry) {
  registry.add("Optional", 15, {0, 1}, importOptional);
  registry.add("OptionalGetElement", 15, 1, importGetElement);
  registry.add("OptionalHasElement", 15, {0, 1}, importHasElement);
}

} // namespace tenon
