// Finds the weights of products and zeroes two of each four (see the header).

#include "lib/Prune/TwoOfFour.h"
#include "lib/Editing/Attributes.h"
#include "lib/Prune/NodeView.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"
#include <cmath>

using namespace llvm;

namespace tenon {

namespace {

constexpr int64_t kGroup = 4, kLeft = 2;

/// A constant that a product multiplies by.
struct Weights {
  std::string constant;
  /// The axis along which products are added up.
  int64_t axis;
};

class PatternPruner {
public:
  explicit PatternPruner(ModelEditor &editor) : editor(editor) {}

  Error keep(ArrayRef<std::string> patterns);
  Error prune(const onnx::NodeProto &node);
  PatternReport takeReport() { return std::move(report); }

private:
  /// The weights of a product, or why it has none that could be pruned.
  Expected<Weights> findWeights(const onnx::NodeProto &node) const;
  Expected<StringRef> findConstant(StringRef value) const;
  Expected<StringRef> findCodes(const onnx::NodeProto &dequantize) const;
  Error verifyReaders(StringRef value, int64_t rank, int64_t axis) const;
  Error pruneConstant(const onnx::NodeProto &node, const Weights &weights);

  ModelEditor &editor;
  StringSet<> keptNodes, done;
  PatternReport report;
};

} // namespace

Error PatternPruner::keep(ArrayRef<std::string> patterns) {
  for (const std::string &text : patterns) {
    Expected<GlobPattern> pattern = GlobPattern::create(text);
    if (!pattern)
      return makeError("the pattern '" + text + "' is malformed: " + toString(pattern.takeError()));
    bool isFound = false;
    for (const onnx::NodeProto &node : editor.graph().node())
      if (pattern->match(getNodeName(node))) {
        keptNodes.insert(getNodeName(node));
        isFound = true;
      }
    if (!isFound)
      return makeError(editor.getName() + ": no node is called '" + text + "'");
  }
  return Error::success();
}

static bool isProduct(const onnx::NodeProto &node) {
  StringRef type = node.op_type();
  return node.domain().empty() && (type == "MatMul" || type == "Gemm" || type == "Conv");
}

/// The axis of a product's weights, of `rank` dimensions, along which it adds up.
static int64_t getDepthAxis(const onnx::NodeProto &node, int64_t rank) {
  if (node.op_type() == "Conv")
    return 1;
  if (node.op_type() == "Gemm")
    return getInt(node, "transB", 0) ? 1 : 0;
  return std::max<int64_t>(rank - 2, 0);
}

/// What a DequantizeLinear makes numbers of, if its zeros are the numbers' and it does not scale
/// the four of a group by different numbers.
Expected<StringRef> PatternPruner::findCodes(const onnx::NodeProto &dequantize) const {
  StringRef codes = dequantize.input(0);
  if (!editor.isConstant(codes))
    return makeError("its weights are not known");
  if (getInt(dequantize, "block_size", 0) != 0)
    return makeError("its weights have scales for blocks");
  if (dequantize.input_size() < 3 || dequantize.input(2).empty())
    return codes;
  Expected<Tensor> zeroPoints = editor.readConstant(dequantize.input(2));
  if (!zeroPoints)
    return zeroPoints.takeError();
  for (int64_t i : seq(zeroPoints->numElements()))
    if (zeroPoints->element(i) != 0)
      return makeError("its weights have a zero point that is not zero");
  return codes;
}

Expected<StringRef> PatternPruner::findConstant(StringRef value) const {
  if (editor.isConstant(value))
    return value;
  const onnx::NodeProto *producer = editor.findProducer(value);
  if (producer && producer->op_type() == "DequantizeLinear")
    return findCodes(*producer);
  return makeError("its weights are not known");
}

/// Whether all that read weights add up along the same axis.
Error PatternPruner::verifyReaders(StringRef value, int64_t rank, int64_t axis) const {
  if (editor.isOutput(value) || editor.isReadBySubgraph(value))
    return makeError("its weights are read by others, too");
  for (const ModelEditor::Use &use : editor.getUses(value)) {
    const onnx::NodeProto &reader = *use.node;
    if (reader.op_type() == "DequantizeLinear" && use.operand == 0) {
      if (Error error = verifyReaders(reader.output(0), rank, axis))
        return error;
      continue;
    }
    if (!isProduct(reader) || use.operand != 1)
      return makeError("its weights are also read by '" + getNodeName(reader) + "' (" +
                       reader.op_type() + ")");
    if (getDepthAxis(reader, rank) != axis)
      return makeError("its weights are multiplied along another axis by '" + getNodeName(reader) +
                       "'");
  }
  return Error::success();
}

Expected<Weights> PatternPruner::findWeights(const onnx::NodeProto &node) const {
  if (keptNodes.contains(getNodeName(node)))
    return makeError("it is kept");
  Expected<StringRef> constant = findConstant(node.input(1));
  if (!constant)
    return constant.takeError();
  Expected<Tensor> tensor = editor.readConstant(*constant);
  if (!tensor)
    return tensor.takeError();
  ArrayRef<int64_t> dims = tensor->dims;
  if (dims.size() < 2 || tensor->numElements() == 0)
    return makeError("its weights are no matrix");
  int64_t axis = getDepthAxis(node, dims.size()), depth = dims[axis];
  if (depth < kGroup)
    return makeError("only " + Twine(depth) + " weights are multiplied for a result");
  int64_t taps = 1;
  for (int64_t size : dims.drop_front(node.op_type() == "Conv" ? 2 : dims.size()))
    taps *= size;
  if (taps > 1 && depth % kGroup != 0)
    return makeError("its filters have " + Twine(depth) + " channels, no multiple of 4");
  const onnx::NodeProto *producer = editor.findProducer(node.input(1));
  if (producer && producer->op_type() == "DequantizeLinear") {
    Expected<Tensor> scales = editor.readConstant(producer->input(1));
    if (!scales)
      return scales.takeError();
    int64_t scaled = getInt(*producer, "axis", 1), rank = dims.size();
    if (scales->numElements() > 1 && (scaled + rank) % rank == axis)
      return makeError("its weights have scales along the axis that is added up");
  }
  if (Error error = verifyReaders(*constant, dims.size(), axis))
    return std::move(error);
  return Weights{constant->str(), axis};
}

/// Zeroes all but two of the largest magnitude of four elements, or of what there is of them; of
/// equal ones the first stay.
static void pruneGroup(Tensor &tensor, ArrayRef<int64_t> elements) {
  SmallVector<int64_t, kGroup> order(elements);
  sort(order, [&](int64_t a, int64_t b) {
    double first = std::fabs(tensor.element(a)), second = std::fabs(tensor.element(b));
    return first != second ? first > second : a < b;
  });
  for (int64_t element : ArrayRef(order).drop_front(std::min<size_t>(kLeft, order.size())))
    tensor.setElement(element, 0);
}

static int64_t countZeros(const Tensor &tensor) {
  return count_if(seq(tensor.numElements()), [&](int64_t i) { return tensor.element(i) == 0; });
}

Error PatternPruner::pruneConstant(const onnx::NodeProto &node, const Weights &weights) {
  Expected<Tensor> tensor = editor.readConstant(weights.constant);
  if (!tensor)
    return tensor.takeError();
  int64_t inner = 1, depth = tensor->dims[weights.axis];
  for (int64_t size : ArrayRef(tensor->dims).drop_front(weights.axis + 1))
    inner *= size;
  int64_t outer = tensor->numElements() / (inner * depth), before = countZeros(*tensor);
  for (int64_t o : seq(outer))
    for (int64_t i : seq(inner))
      for (int64_t first = 0; first < depth; first += kGroup) {
        SmallVector<int64_t, kGroup> elements;
        for (int64_t k : seq(first, std::min(first + kGroup, depth)))
          elements.push_back((o * depth + k) * inner + i);
        pruneGroup(*tensor, elements);
      }
  editor.setConstant(weights.constant, *tensor);
  report.changed.push_back({getNodeName(node).str(), weights.constant, tensor->numElements(),
                            before, countZeros(*tensor)});
  return Error::success();
}

Error PatternPruner::prune(const onnx::NodeProto &node) {
  if (!isProduct(node))
    return Error::success();
  Expected<Weights> weights = findWeights(node);
  if (!weights) {
    report.unchanged.push_back({getNodeName(node).str(), toString(weights.takeError())});
    return Error::success();
  }
  if (!done.insert(weights->constant).second)
    return Error::success();
  return pruneConstant(node, *weights);
}

Expected<std::pair<std::unique_ptr<ModelEditor>, PatternReport>>
pruneTwoOfFour(const std::shared_ptr<ModelFile> &file, ArrayRef<std::string> kept) {
  auto editor = std::make_unique<ModelEditor>(file);
  PatternPruner pruner(*editor);
  if (Error error = pruner.keep(kept))
    return std::move(error);
  for (const onnx::NodeProto &node : editor->graph().node())
    if (Error error = pruner.prune(node))
      return std::move(error);
  PatternReport report = pruner.takeReport();
  if (report.changed.empty())
    return makeError(editor->getName() + ": no weights can be pruned" +
                     (kept.empty() ? "" : " besides those that are kept"));
  return std::pair(std::move(editor), std::move(report));
}

} // namespace tenon
