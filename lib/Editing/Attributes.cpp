// Reading and writing attributes of nodes (see the header).

#include "lib/Editing/Attributes.h"

namespace tenon {

const onnx::AttributeProto *findAttribute(const onnx::NodeProto &node, llvm::StringRef name) {
  for (const onnx::AttributeProto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

int64_t getInt(const onnx::NodeProto &node, llvm::StringRef name, int64_t otherwise) {
  const onnx::AttributeProto *attribute = findAttribute(node, name);
  return attribute ? attribute->i() : otherwise;
}

float getFloat(const onnx::NodeProto &node, llvm::StringRef name, float otherwise) {
  const onnx::AttributeProto *attribute = findAttribute(node, name);
  return attribute ? attribute->f() : otherwise;
}

llvm::StringRef getString(const onnx::NodeProto &node, llvm::StringRef name,
                          llvm::StringRef otherwise) {
  const onnx::AttributeProto *attribute = findAttribute(node, name);
  return attribute ? llvm::StringRef(attribute->s()) : otherwise;
}

llvm::SmallVector<int64_t> getInts(const onnx::NodeProto &node, llvm::StringRef name,
                                   llvm::ArrayRef<int64_t> otherwise) {
  const onnx::AttributeProto *attribute = findAttribute(node, name);
  if (!attribute)
    return llvm::SmallVector<int64_t>(otherwise);
  return llvm::SmallVector<int64_t>(attribute->ints().begin(), attribute->ints().end());
}

/// The attribute of this name, empty and of this type.
static onnx::AttributeProto &reset(onnx::NodeProto &node, llvm::StringRef name,
                                   onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto *attribute = nullptr;
  for (onnx::AttributeProto &candidate : *node.mutable_attribute())
    if (candidate.name() == name)
      attribute = &candidate;
  if (!attribute)
    attribute = node.add_attribute();
  attribute->Clear();
  attribute->set_name(name.str());
  attribute->set_type(type);
  return *attribute;
}

void setInt(onnx::NodeProto &node, llvm::StringRef name, int64_t value) {
  reset(node, name, onnx::AttributeProto::INT).set_i(value);
}

void setFloat(onnx::NodeProto &node, llvm::StringRef name, float value) {
  reset(node, name, onnx::AttributeProto::FLOAT).set_f(value);
}

void setString(onnx::NodeProto &node, llvm::StringRef name, llvm::StringRef value) {
  reset(node, name, onnx::AttributeProto::STRING).set_s(value.str());
}

void setInts(onnx::NodeProto &node, llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
  onnx::AttributeProto &attribute = reset(node, name, onnx::AttributeProto::INTS);
  attribute.mutable_ints()->Add(values.begin(), values.end());
}

} // namespace tenon
