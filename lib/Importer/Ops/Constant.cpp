// Constant, Identity and their kin.

#include "lib/Importer/NodeImporter.h"
#include "lib/Importer/Ops/Ops.h"

using namespace mlir;

namespace tenon {

using Results = FailureOr<SmallVector<Value>>;

/// The value lies in one of several attributes, by its type.
static Results importConstant(NodeImporter &node) {
  MLIRContext *context = node.context();
  if (node.hasAttribute("value") || node.hasAttribute("sparse_value"))
    return {
        {node.makeConstant(node.getTensor(node.hasAttribute("value") ? "value" : "sparse_value"))}};
  auto shaped = [&](Type type, std::optional<int64_t> size) {
    return size ? RankedTensorType::get({*size}, type) : RankedTensorType::get({}, type);
  };
  Type f32 = Float32Type::get(context), i64 = IntegerType::get(context, 64);
  if (node.hasAttribute("value_float"))
    return {{node.makeConstant(DenseElementsAttr::get(
        shaped(f32, std::nullopt), static_cast<float>(node.getFloat("value_float"))))}};
  if (node.hasAttribute("value_floats")) {
    SmallVector<float> values = node.getFloats("value_floats");
    return {{node.makeConstant(
        DenseElementsAttr::get(shaped(f32, values.size()), ArrayRef<float>(values)))}};
  }
  if (node.hasAttribute("value_int"))
    return {{node.makeConstant(
        DenseElementsAttr::get(shaped(i64, std::nullopt), node.getInt("value_int")))}};
  if (node.hasAttribute("value_ints")) {
    NodeImporter::Ints values = node.getInts("value_ints");
    return {{node.makeConstant(
        DenseElementsAttr::get(shaped(i64, values.size()), ArrayRef<int64_t>(values)))}};
  }
  if (node.hasAttribute("value_string"))
    return {{node.makeString(node.getString("value_string"))}};
  if (node.hasAttribute("value_strings"))
    return {{node.makeStrings(node.getStrings("value_strings"))}};
  return node.emitError() << "has no value";
}

static Results importIdentity(NodeImporter &node) { return {{node.operand(0)}}; }

void registerConstantOps(OpRegistry &registry) {
  registry.add("Constant", 1, 0, importConstant);
  registry.add("Identity", 1, 1, importIdentity);
}

} // namespace tenon
