// SequenceMap: its body once for each element, if they are few and known, or in a loop.

#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/Ops/Lists.h"
#include "lib/Importer/Ops/Loops.h"

using namespace mlir;

namespace tenon {

/// More elements than these run in a loop, also if they are known.
static constexpr size_t maxUnrolled = 32;

static bool isSequence(Value value) { return isa<SequenceType>(value.getType()); }

/// How many elements each of the sequences has, if all elements are known and equally many.
static std::optional<size_t> countKnown(NodeImporter &node) {
  std::optional<size_t> count;
  for (Value operand : node.operands()) {
    if (!isSequence(operand))
      continue;
    auto elements = getKnownElements(operand);
    if (!elements || elements->size() > maxUnrolled || (count && *count != elements->size()))
      return std::nullopt;
    count = elements->size();
  }
  return count;
}

/// What the outputs hold as long as they are empty.
static FailureOr<SmallVector<Type>> getOutputElements(NodeImporter &node,
                                                      const onnx::GraphProto &body) {
  SmallVector<Type> elements;
  for (const onnx::ValueInfoProto &output : body.output()) {
    Type elementType = getElementType(output.type().tensor_type().elem_type(), node.context());
    if (!output.type().has_tensor_type() || !elementType)
      return node.emitError() << "the body must declare the element type of its output '"
                              << output.name() << "'";
    elements.push_back(elementType);
  }
  return elements;
}

/// The arguments of the body for the element at a position.
static NodeImporter::Values takeArguments(NodeImporter &node, const onnx::GraphProto &body,
                                          Value position) {
  NodeImporter::Values arguments;
  for (auto [number, operand] : llvm::enumerate(node.operands())) {
    std::optional<int64_t> rank;
    if (number < static_cast<size_t>(body.input_size()) &&
        body.input(number).type().tensor_type().has_shape())
      rank = body.input(number).type().tensor_type().shape().dim_size();
    arguments.push_back(isSequence(operand) ? takeElement(node, operand, position, rank) : operand);
  }
  return arguments;
}

static Results mapKnown(NodeImporter &node, const onnx::GraphProto &body, size_t count,
                        ArrayRef<Type> outputElements) {
  SmallVector<NodeImporter::Values> outputs(outputElements.size());
  for (size_t i = 0; i < count; ++i) {
    Value position = node.makeScalar(node.builder().getI64Type(), static_cast<double>(i));
    Results results = node.inlineGraph(body, takeArguments(node, body, position));
    if (failed(results))
      return failure();
    for (auto [output, result] : llvm::zip_equal(outputs, *results))
      output.push_back(result);
  }
  SmallVector<Value> sequences;
  for (auto [elements, element] : llvm::zip_equal(outputs, outputElements))
    sequences.push_back(makeSequence(node, elements, element));
  return sequences;
}

/// The length of the first sequence, after checking that it is that of all.
static std::optional<AffineExpr> bindLength(NodeImporter &node) {
  std::optional<AffineExpr> length;
  for (Value operand : node.operands()) {
    if (!isSequence(operand))
      continue;
    auto own = node.contentsOrBind(countElements(node, operand), "length");
    if (!own)
      return std::nullopt;
    if (length)
      requireEqual(node, *length, own->front(), "lengths of sequences");
    else
      length = own->front();
  }
  return length;
}

static Results mapInLoop(NodeImporter &node, const onnx::GraphProto &body,
                         ArrayRef<Type> outputElements) {
  std::optional<AffineExpr> length = bindLength(node);
  if (!length)
    return failure();
  SmallVector<Value> inits;
  for (Type element : outputElements)
    inits.push_back(makeSequence(node, {}, element));
  return buildLoop(node, *length, inits,
                   [&](Value iteration, Block::BlockArgListType carried) -> Results {
                     Results results = node.inlineGraph(body, takeArguments(node, body, iteration));
                     if (failed(results))
                       return failure();
                     SmallVector<Value> next = {node.makeScalar(node.builder().getI1Type(), 1)};
                     for (auto [sequence, element] : llvm::zip_equal(carried, *results))
                       next.push_back(insertElement(node, sequence, element, nullptr));
                     return next;
                   });
}

static Results importSequenceMap(NodeImporter &node) {
  const onnx::GraphProto *body = node.getGraph("body");
  if (!body || !checkSequence(node, 0))
    return failure();
  if (llvm::is_contained(node.operands(), Value()))
    return node.emitError() << "an input is missing";
  FailureOr<SmallVector<Type>> elements = getOutputElements(node, *body);
  if (failed(elements))
    return failure();
  if (std::optional<size_t> count = countKnown(node))
    return mapKnown(node, *body, *count, *elements);
  return mapInLoop(node, *body, *elements);
}

void registerSequenceLoopOps(OpRegistry &registry) {
  registry.add("SequenceMap", 17, {1, Arity::unbounded}, importSequenceMap);
}

} // namespace tenon
