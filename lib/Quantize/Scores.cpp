// What classes are made of (see the header).

#include "lib/Quantize/Scores.h"
#include "lib/Editing/ValueTypes.h"
#include "lib/Quantize/QuantizableNodes.h"

namespace tenon::quantize {

static bool isSmall(const ValueType &type) {
  constexpr int64_t most = 4096;
  int64_t count = 1;
  for (int64_t dim : type.dims) {
    count *= std::max<int64_t>(dim, 1);
    if (count > most)
      return false;
  }
  return true;
}

static bool saturates(const onnx::NodeProto &node) {
  return isStandard(node) && (node.op_type() == "Softmax" || node.op_type() == "Sigmoid");
}

/// What an output is made of; empty if that is not behind a node that saturates.
static std::string findScores(const ModelEditor &model, const std::string &output) {
  const onnx::NodeProto *node = model.findProducer(output);
  while (node && !saturates(*node)) {
    llvm::SmallVector<int> moved = getMovedOperands(*node);
    node = moved.size() == 1 ? model.findProducer(node->input(moved.front())) : nullptr;
  }
  return node && model.findProducer(node->input(0)) ? node->input(0) : "";
}

llvm::Expected<std::shared_ptr<ModelFile>> showScores(const std::shared_ptr<ModelFile> &model,
                                                      const ImportOptions &options) {
  auto types = inferValueTypes(model, options);
  if (!types)
    return types.takeError();
  ModelEditor editor(model);
  bool isChanged = false;
  for (onnx::ValueInfoProto &output : *editor.graph().mutable_output()) {
    std::string scores = findScores(editor, output.name());
    auto type = types->find(scores);
    if (type == types->end() || !isSmall(type->second) || editor.isOutput(scores))
      continue;
    // The importer finds its type.
    output.Clear();
    output.set_name(scores);
    editor.reindex();
    isChanged = true;
  }
  return isChanged ? editor.toModelFile() : model;
}

} // namespace tenon::quantize
