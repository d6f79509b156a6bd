// What recipes are made of (see the header); RecipeFile.cpp reads and writes them.

#include "lib/Quantize/Recipe.h"
#include "lib/Importer/GraphImporter.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

namespace tenon::quantize {

static constexpr std::pair<llvm::StringLiteral, NodePrecision> precisions[] = {
    {"fp32", NodePrecision::F32},
    {"bf16", NodePrecision::BF16},
    {"f16", NodePrecision::F16},
    {"int8", NodePrecision::Int8},
    {"int8-weights", NodePrecision::Int8Weights},
    {"int4-weights", NodePrecision::Int4Weights}};

llvm::StringRef getName(NodePrecision precision) {
  for (auto [name, known] : precisions)
    if (known == precision)
      return name;
  llvm_unreachable("no other precisions");
}

std::optional<NodePrecision> parseNodePrecision(llvm::StringRef name) {
  for (auto [known, precision] : precisions)
    if (known == name)
      return precision;
  return std::nullopt;
}

/// The entry with a name, or null.
template <typename Entries> static auto *findEntry(Entries &entries, llvm::StringRef name) {
  auto found = llvm::find_if(entries, [&](const auto &entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

const TensorRecipe *Recipe::findTensor(llvm::StringRef name) const {
  return findEntry(tensors, name);
}
TensorRecipe *Recipe::findTensor(llvm::StringRef name) { return findEntry(tensors, name); }
const NodeRecipe *Recipe::findNode(llvm::StringRef name) const { return findEntry(nodes, name); }
NodeRecipe *Recipe::findNode(llvm::StringRef name) { return findEntry(nodes, name); }

llvm::StringRef getNodeName(const onnx::NodeProto &node) { return getDisplayName(node); }

/// Describes graphs in a text of which the digest is taken. Names end in a zero byte, so that no
/// two lists of them read alike.
class GraphText {
public:
  void add(const onnx::GraphProto &graph) {
    for (const onnx::ValueInfoProto &input : graph.input())
      addName(input.name());
    for (const onnx::TensorProto &constant : graph.initializer()) {
      addName(constant.name());
      addName(std::to_string(constant.data_type()));
      for (int64_t dim : constant.dims())
        addName(std::to_string(dim));
    }
    for (const onnx::NodeProto &node : graph.node())
      add(node);
    for (const onnx::ValueInfoProto &output : graph.output())
      addName(output.name());
  }

  std::string digest() const {
    return llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true, /*Width=*/16);
  }

private:
  void addName(llvm::StringRef name) {
    text += name;
    text += '\0';
  }

  void add(const onnx::NodeProto &node) {
    addName(node.domain());
    addName(node.op_type());
    addName(node.name());
    for (const std::string &operand : node.input())
      addName(operand);
    text += '\1';
    for (const std::string &result : node.output())
      addName(result);
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        add(attribute.g());
      for (const onnx::GraphProto &graph : attribute.graphs())
        add(graph);
    }
  }

  std::string text;
};

std::string digestGraph(const onnx::GraphProto &graph) {
  GraphText text;
  text.add(graph);
  return text.digest();
}

} // namespace tenon::quantize
