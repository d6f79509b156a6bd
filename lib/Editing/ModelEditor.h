// An ONNX model that is changed: nodes and constants of its main graph by name, and who reads what.
//
// Quantization and pruning rewrite models on this level, because what they make is also a model for
// others. The index follows changes that are made through the methods below; whoever changes
// operands or results of nodes in the message itself calls `reindex`. Graphs inside of nodes are
// left as they are, but for names that are replaced, and keep what they read.

#ifndef TENON_LIB_EDITING_MODELEDITOR_H
#define TENON_LIB_EDITING_MODELEDITOR_H

#include "lib/Importer/ModelFile.h"
#include "lib/Tensors/Tensor.h"
#include "llvm/ADT/StringSet.h"

namespace tenon {

class ModelEditor {
public:
  /// An operand of a node.
  struct Use {
    onnx::NodeProto *node;
    int operand;
    bool operator==(const Use &other) const = default;
  };

  /// Of a copy of the file's message. The file stays open for external data.
  explicit ModelEditor(std::shared_ptr<ModelFile> file);

  onnx::ModelProto &proto() { return model; }
  const onnx::ModelProto &proto() const { return model; }
  onnx::GraphProto &graph() { return *model.mutable_graph(); }
  const onnx::GraphProto &graph() const { return model.graph(); }
  /// As messages call the model.
  llvm::StringRef getName() const { return file->name(); }

  /// The version of an operator set, 0 if the model does not import it.
  int64_t getOpset(llvm::StringRef domain = "") const;
  /// Imports an operator set in this version. What its nodes mean must be the same in it.
  void setOpset(llvm::StringRef domain, int64_t version);

  /// Finds everything anew, after changes that were not made here.
  void reindex();

  // --- Values ---

  bool isInput(llvm::StringRef value) const { return inputs.contains(value); }
  bool isOutput(llvm::StringRef value) const { return outputs.contains(value); }
  /// The node that computes the value; null for inputs, initializers and unknown names.
  onnx::NodeProto *findProducer(llvm::StringRef value) const { return producers.lookup(value); }
  /// The operands of the main graph's nodes that are the value, until the next change.
  llvm::ArrayRef<Use> getUses(llvm::StringRef value) const;
  /// Whether a graph inside of a node reads the value.
  bool isReadBySubgraph(llvm::StringRef value) const { return subgraphReads.lookup(value) > 0; }
  /// Whether anything reads the value: nodes, graphs inside of them, or the model's caller.
  bool isRead(llvm::StringRef value) const;
  /// A name that nothing in the model has: the wish, or with a number.
  std::string makeName(llvm::StringRef wish);

  // --- Constants ---

  /// Whether the value is an initializer, or the result of a Constant node.
  bool isConstant(llvm::StringRef value) const;
  /// The elements of a constant, which may lie in another file unless it is sparse.
  llvm::Expected<Tensor> readConstant(llvm::StringRef value) const;
  /// Where the elements of a constant lie, if not in the message: they stay there as long as the
  /// model's file does. nullopt if the message has them.
  std::optional<llvm::ArrayRef<char>> viewConstant(llvm::StringRef value) const;
  /// Gives a constant other elements, whatever their type and shape.
  void setConstant(llvm::StringRef value, const Tensor &tensor);
  /// Adds an initializer and returns its name.
  std::string addConstant(llvm::StringRef wish, const Tensor &tensor);

  // --- Nodes ---

  /// Adds a node at the end (`sortNodes`). Its results are new names.
  onnx::NodeProto &addNode(llvm::StringRef type, llvm::StringRef name,
                           llvm::ArrayRef<std::string> operands,
                           llvm::ArrayRef<std::string> results, llvm::StringRef domain = "");
  /// Makes an operand another value; the node gets as many operands as that takes, empty ones
  /// between.
  void setOperand(onnx::NodeProto &node, int operand, llvm::StringRef value);
  /// Lets all nodes that read one value read another, those of inner graphs too. The model's
  /// outputs stay.
  void replaceUses(llvm::StringRef value, llvm::StringRef by);
  /// Gives a node's result another name, so that the old one is free for another node.
  void renameResult(onnx::NodeProto &node, int result, llvm::StringRef name);
  void removeNode(onnx::NodeProto &node);
  /// Removes nodes and constants that nobody reads, and declarations of values that are no more.
  void removeUnused();
  /// Puts nodes behind those whose results they read. An error if the graph has a cycle.
  llvm::Error sortNodes();
  /// The same of a graph inside of a node.
  static llvm::Error sortNodes(onnx::GraphProto &graph);

  // --- The model ---

  /// Lets the caller of the model see a value. `dims` are -1 where a size is not known.
  void addOutput(llvm::StringRef value, int32_t dtype, llvm::ArrayRef<int64_t> dims);

  /// A model to compile, as it is now. Its digest is that of the changed message.
  llvm::Expected<std::shared_ptr<ModelFile>> toModelFile() const;
  /// Writes the model: whole, or not at all. Elements from other files come into it, or, where it
  /// would be too large for the format, all large tensors go into a file of their own, `path`.data.
  llvm::Error save(llvm::StringRef path) const;

private:
  void indexNode(onnx::NodeProto &node);
  void addUse(onnx::NodeProto &node, int operand);
  void dropUse(onnx::NodeProto &node, int operand);
  void countSubgraphReads(const onnx::NodeProto &node, int by);
  const onnx::SparseTensorProto *findSparse(llvm::StringRef name) const;

  std::shared_ptr<ModelFile> file;
  onnx::ModelProto model;
  llvm::StringSet<> inputs, outputs, names;
  llvm::StringMap<onnx::NodeProto *> producers;
  llvm::StringMap<onnx::TensorProto *> initializers;
  llvm::StringMap<llvm::SmallVector<Use, 1>> uses;
  llvm::StringMap<int> subgraphReads;
};

} // namespace tenon

#endif
