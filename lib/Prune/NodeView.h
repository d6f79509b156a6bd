// A node of a model whose channels are followed: its operands, their types and constants.

#ifndef TENON_LIB_PRUNE_NODEVIEW_H
#define TENON_LIB_PRUNE_NODEVIEW_H

#include "lib/Editing/Attributes.h"
#include "lib/Editing/ModelEditor.h"
#include "lib/Editing/ValueTypes.h"

namespace tenon {

using ValueTypes = llvm::StringMap<ValueType>;

class NodeView {
public:
  NodeView(const ModelEditor &editor, const ValueTypes &types, const onnx::NodeProto &node)
      : editor(editor), types(types), node(node) {}

  const onnx::NodeProto &getNode() const { return node; }
  llvm::StringRef getType() const { return node.op_type(); }
  /// As messages call the node: "'conv1' (Conv)".
  std::string describe() const;
  int64_t getOpset() const { return editor.getOpset(node.domain()); }

  int getNumInputs() const { return node.input_size(); }
  int getNumOutputs() const { return node.output_size(); }
  bool hasInput(int number) const { return !getInput(number).empty(); }
  bool hasOutput(int number) const { return !getOutput(number).empty(); }
  /// Empty if it is left out.
  llvm::StringRef getInput(int number) const {
    return number < node.input_size() ? llvm::StringRef(node.input(number)) : llvm::StringRef();
  }
  llvm::StringRef getOutput(int number) const {
    return number < node.output_size() ? llvm::StringRef(node.output(number)) : llvm::StringRef();
  }

  /// Whether the value's type is known.
  bool hasType(llvm::StringRef value) const { return types.contains(value); }
  /// The sizes of a value, -1 where they are unknown; none if its type is.
  llvm::ArrayRef<int64_t> getDims(llvm::StringRef value) const;
  int64_t getRank(llvm::StringRef value) const { return getDims(value).size(); }
  /// -1 if it is unknown. A negative axis counts from the end.
  int64_t getSize(llvm::StringRef value, int64_t axis) const;

  bool isConstant(llvm::StringRef value) const { return editor.isConstant(value); }
  const onnx::NodeProto *findProducer(llvm::StringRef value) const {
    return editor.findProducer(value);
  }
  llvm::ArrayRef<ModelEditor::Use> getUses(llvm::StringRef value) const {
    return editor.getUses(value);
  }
  /// Whether others than nodes of the main graph read the value.
  bool isReadElsewhere(llvm::StringRef value) const {
    return editor.isOutput(value) || editor.isReadBySubgraph(value);
  }
  /// The elements of a constant operand; nullopt if it is none of integers or is left out.
  std::optional<llvm::SmallVector<int64_t>> readIntegers(llvm::StringRef value) const;

protected:
  const ModelEditor &editor;
  const ValueTypes &types;
  const onnx::NodeProto &node;
};

/// A node as messages call it: by its name, or else by its first result.
llvm::StringRef getNodeName(const onnx::NodeProto &node);

} // namespace tenon

#endif
