// Sequences: elements that are known are taken as they are, all else is done by the run (Lists.h).

#include "lib/Importer/Ops/Lists.h"
#include "lib/Importer/ValueTypes.h"

using namespace mlir;

namespace tenon {

/// More parts of a tensor than these are left to the run, instead of as many slices.
static constexpr int64_t maxKnownParts = 256;

/// Longer lists are built by the run: each insertion into a known one repeats it in the graph.
static constexpr size_t maxKnownElements = 1024;

// --- Lists ---

std::optional<NodeImporter::Values> getKnownElements(Value list) {
  auto construct = list ? list.getDefiningOp<SequenceConstructOp>() : SequenceConstructOp();
  if (!construct)
    return std::nullopt;
  return NodeImporter::Values(construct.getElements());
}

bool checkSequence(NodeImporter &node, unsigned number) {
  Value value = node.operand(number);
  if (value && isa<SequenceType>(value.getType()))
    return true;
  if (value)
    node.emitError() << "input " << number << " must be a sequence, not "
                     << describeValueType(value.getType());
  return false;
}

static Value makeList(NodeImporter &node, Type type, ValueRange elements) {
  Operation *op = node.makeHost<SequenceConstructOp>(type, elements);
  return op ? op->getResult(0) : Value();
}

/// What elements of both types have in common; null after an error.
static Type joinOrFail(NodeImporter &node, Type a, Type b) {
  Type joined = joinElements(a, b);
  if (!joined)
    node.emitError() << "a sequence cannot hold both " << describeValueType(a) << " and "
                     << describeValueType(b);
  return joined;
}

Value makeSequence(NodeImporter &node, ValueRange elements, Type element) {
  Type joined;
  for (Value each : elements) {
    if (!each)
      return node.makeConstant(nullptr);
    joined =
        joined ? joinOrFail(node, joined, toElement(each.getType())) : toElement(each.getType());
    if (!joined)
      return nullptr;
  }
  if (isa_and_nonnull<SequenceType, OptionalType>(joined)) {
    node.emitError() << "a sequence cannot hold " << describeValueType(joined);
    return nullptr;
  }
  return makeList(node, SequenceType::get(node.context(), joined ? joined : element), elements);
}

Value makeOptional(NodeImporter &node, Value value, Type element) {
  Type type = value ? toElement(value.getType()) : element;
  if (!value)
    return makeList(node, OptionalType::get(node.context(), type), {});
  if (isa<OptionalType, MapType>(type)) {
    node.emitError() << "an optional cannot hold " << describeValueType(type);
    return nullptr;
  }
  return makeList(node, OptionalType::get(node.context(), type), value);
}

Value makePosition(NodeImporter &node, Value position) {
  if (!position)
    return nullptr;
  TensorMath m(node);
  if (!node.elementType(position).isInteger(32) && !node.elementType(position).isInteger(64)) {
    node.emitError() << "a position must be an integer, not "
                     << describeValueType(position.getType());
    return nullptr;
  }
  return node.cast(m.toScalar(position), node.builder().getI64Type());
}

/// The position in a list of `count` elements, counted from the start, if it is known and there.
static std::optional<int64_t> getKnownPosition(NodeImporter &node, Value position, int64_t count) {
  auto known = node.constantInts(position);
  if (!known || known->size() != 1)
    return std::nullopt;
  int64_t fromStart = known->front() < 0 ? known->front() + count : known->front();
  return fromStart >= 0 && fromStart < count ? std::optional(fromStart) : std::nullopt;
}

/// A tensor of sizes that only the run knows where `element` does not tell them.
static Type makeElementType(NodeImporter &node, Type element, std::optional<int64_t> rank) {
  if (isHostType(element))
    return element;
  auto ranked = dyn_cast<RankedTensorType>(element);
  if (!ranked && !rank) {
    node.emitError() << "the rank of a sequence's tensors is not known; declare the type of '"
                     << node.outputName(0) << "'";
    return nullptr;
  }
  DimExprs dims;
  for (int64_t axis = 0; axis < (ranked ? ranked.getRank() : *rank); ++axis)
    dims.push_back(ranked && !ranked.isDynamicDim(axis)
                       ? node.expr(ranked.getDimSize(axis))
                       : node.addSymbol((node.outputName(0) + "." + Twine(axis)).str()));
  return makeTensorType(dims, getInnerElementType(element));
}

Value takeElement(NodeImporter &node, Value list, Value position, std::optional<int64_t> rank) {
  if (auto elements = getKnownElements(list)) {
    int64_t count = elements->size();
    std::optional<int64_t> known =
        position ? getKnownPosition(node, position, count) : std::optional<int64_t>(0);
    if (known && *known < count)
      return (*elements)[*known];
  }
  Type type = makeElementType(node, getListElement(list.getType()), rank);
  if (!type || node.hasFailed())
    return nullptr;
  NodeImporter::Values operands = {list};
  if (position)
    operands.push_back(position);
  Operation *op = node.makeHost<SequenceAtOp>(type, operands);
  return op ? op->getResult(0) : Value();
}

Value insertElement(NodeImporter &node, Value sequence, Value element, Value position) {
  Type before = getListElement(sequence.getType());
  Type joined = joinOrFail(node, before, toElement(element.getType()));
  if (!joined || node.hasFailed())
    return nullptr;
  if (auto elements = getKnownElements(sequence); elements && elements->size() < maxKnownElements) {
    int64_t count = elements->size();
    // One position more than there are elements.
    auto known = position ? getKnownPosition(node, position, count + 1) : std::optional(count);
    auto given = position ? node.constantInts(position) : std::nullopt;
    if (known && given && given->front() < 0)
      known = getKnownPosition(node, position, count);
    if (known) {
      elements->insert(elements->begin() + *known, element);
      return makeSequence(node, *elements, before);
    }
  }
  NodeImporter::Values operands = {sequence, element};
  if (position)
    operands.push_back(position);
  Operation *op =
      node.makeHost<SequenceInsertOp>(SequenceType::get(node.context(), joined), operands);
  return op ? op->getResult(0) : Value();
}

Value countElements(NodeImporter &node, Value list) {
  auto type = RankedTensorType::get({}, node.builder().getI64Type());
  if (auto elements = getKnownElements(list))
    return node.makeScalar(type.getElementType(), static_cast<double>(elements->size()));
  Operation *op = node.makeHost<SequenceLengthOp>(type, list);
  return op ? op->getResult(0) : Value();
}

// --- Operators ---

static Results importConstruct(NodeImporter &node) {
  return {{makeSequence(node, node.operands(), nullptr)}};
}

static Results importEmpty(NodeImporter &node) {
  Type elementType =
      node.hasAttribute("dtype") ? node.getElementType("dtype") : Type(node.builder().getF32Type());
  if (!elementType)
    return failure();
  return {{makeSequence(node, {}, elementType)}};
}

static Results importInsert(NodeImporter &node) {
  if (!checkSequence(node, 0))
    return failure();
  Value position = makePosition(node, node.operand(2));
  return {{insertElement(node, node.operand(0), node.operand(1), position)}};
}

static Results importErase(NodeImporter &node) {
  if (!checkSequence(node, 0))
    return failure();
  Value sequence = node.operand(0), position = makePosition(node, node.operand(1));
  if (auto elements = getKnownElements(sequence)) {
    int64_t count = elements->size();
    auto known = position ? getKnownPosition(node, position, count) : std::optional(count - 1);
    if (known && *known >= 0) {
      elements->erase(elements->begin() + *known);
      return {{makeSequence(node, *elements, getListElement(sequence.getType()))}};
    }
  }
  NodeImporter::Values operands = {sequence};
  if (position)
    operands.push_back(position);
  Operation *op = node.makeHost<SequenceEraseOp>(sequence.getType(), operands);
  if (!op)
    return failure();
  return {{op->getResult(0)}};
}

static Results importAt(NodeImporter &node) {
  if (!checkSequence(node, 0))
    return failure();
  Value position = makePosition(node, node.operand(1));
  if (!position)
    return failure();
  return {{takeElement(node, node.operand(0), position, node.declaredRank(0))}};
}

static Results importLength(NodeImporter &node) {
  if (!checkSequence(node, 0))
    return failure();
  return {{countElements(node, node.operand(0))}};
}

// --- Joining and splitting ---

static Results joinKnown(NodeImporter &node, NodeImporter::Values elements, bool newAxis) {
  if (elements.empty())
    return node.emitError() << "the sequence is empty";
  TensorMath m(node);
  int64_t axis = node.getAxis("axis", std::nullopt, node.rank(elements.front()) + newAxis);
  if (node.hasFailed())
    return failure();
  if (newAxis)
    for (Value &element : elements)
      element = m.unsqueeze(element, axis);
  return {{m.concat(elements, axis)}};
}

/// The result's dimensions: those of every element, but for the axis.
static DimExprs makeJoinedDims(NodeImporter &node, RankedTensorType element, int64_t rank,
                               int64_t axis, bool newAxis) {
  DimExprs dims;
  for (int64_t i = 0; i < rank; ++i) {
    int64_t inElement = newAxis && i > axis ? i - 1 : i;
    bool isKnown = element && i != axis && !element.isDynamicDim(inElement);
    dims.push_back(isKnown ? node.expr(element.getDimSize(inElement))
                           : node.addSymbol((node.outputName(0) + "." + Twine(i)).str()));
  }
  return dims;
}

static Results importConcatFromSequence(NodeImporter &node) {
  if (!checkSequence(node, 0))
    return failure();
  Value sequence = node.operand(0);
  bool newAxis = node.getBool("new_axis", false);
  if (auto elements = getKnownElements(sequence))
    return joinKnown(node, std::move(*elements), newAxis);
  Type element = getListElement(sequence.getType());
  auto ranked = dyn_cast<RankedTensorType>(element);
  std::optional<int64_t> rank = node.declaredRank(0);
  if (ranked)
    rank = ranked.getRank() + newAxis;
  if (!rank)
    return node.emitError()
           << "the rank of a sequence's tensors is not known; declare the type of '"
           << node.outputName(0) << "'";
  int64_t axis = node.getAxis("axis", std::nullopt, *rank);
  if (node.hasFailed())
    return failure();
  DimExprs dims = makeJoinedDims(node, ranked, *rank, axis, newAxis);
  SmallVector<NamedAttribute> attributes = {node.attr("axis", axis)};
  if (newAxis)
    attributes.push_back(node.attr("new_axis", node.builder().getUnitAttr()));
  Operation *op = node.makeHost<SequenceConcatOp>(
      makeTensorType(dims, getInnerElementType(element)), sequence, attributes);
  if (!op)
    return failure();
  return {{op->getResult(0)}};
}

namespace {
/// A SplitToSequence while it is imported.
struct Splitting {
  Value data, sizes; // sizes: null, a scalar or a list
  int64_t axis;
  bool dropsAxis;
};
} // namespace

/// The sizes of the parts, if it is known how many there are, and not too many.
static std::optional<DimExprs> getKnownSizes(NodeImporter &node, const Splitting &split) {
  auto whole = dyn_cast<AffineConstantExpr>(node.dim(split.data, split.axis));
  if (split.sizes && node.rank(split.sizes) == 1) {
    if (!node.hasElements(split.sizes, node.type(split.sizes).getDimSize(0)) ||
        node.type(split.sizes).getNumElements() > maxKnownParts)
      return std::nullopt;
    return node.contents(split.sizes);
  }
  auto given = split.sizes ? node.constantInts(split.sizes) : NodeImporter::Ints{1};
  if (!whole || !given || given->size() != 1 || given->front() < 1 ||
      whole.getValue() / given->front() >= maxKnownParts)
    return std::nullopt;
  DimExprs sizes;
  for (int64_t start = 0; start < whole.getValue(); start += given->front())
    sizes.push_back(node.expr(std::min(given->front(), whole.getValue() - start)));
  return sizes;
}

static Results splitKnown(NodeImporter &node, const Splitting &split, ArrayRef<AffineExpr> sizes) {
  TensorMath m(node);
  AffineExpr start = node.expr(0), whole = node.dim(split.data, split.axis);
  NodeImporter::Values parts;
  for (AffineExpr size : sizes) {
    requireNonNegative(node, size, "the size of a part");
    Value part = m.slice(split.data, split.axis, start, size);
    parts.push_back(split.dropsAxis ? m.squeeze(part, split.axis) : part);
    start = start + size;
  }
  if (isa<AffineConstantExpr>(start) && isa<AffineConstantExpr>(whole) && start != whole)
    return node.emitError() << "the parts have " << cast<AffineConstantExpr>(start).getValue()
                            << " positions together, dimension " << split.axis << " of "
                            << split.data.getType() << " has not";
  requireEqual(node, start, whole, "the sizes of the parts together and of the dimension");
  return {{makeSequence(node, parts, node.elementType(split.data))}};
}

static Results splitInRun(NodeImporter &node, const Splitting &split) {
  auto type = cast<RankedTensorType>(toElement(split.data.getType()));
  SmallVector<int64_t> sizes(type.getShape());
  sizes[split.axis] = split.sizes ? ShapedType::kDynamic : 1;
  if (split.dropsAxis)
    sizes.erase(sizes.begin() + split.axis);
  NodeImporter::Values operands = {split.data};
  if (split.sizes)
    operands.push_back(node.cast(split.sizes, node.builder().getI64Type()));
  SmallVector<NamedAttribute> attributes = {node.attr("axis", split.axis)};
  if (split.dropsAxis)
    attributes.push_back(node.attr("drops_axis", node.builder().getUnitAttr()));
  Type element = RankedTensorType::get(sizes, type.getElementType());
  Operation *op = node.makeHost<SequenceSplitOp>(SequenceType::get(node.context(), element),
                                                 operands, attributes);
  if (!op)
    return failure();
  return {{op->getResult(0)}};
}

static Results importSplitToSequence(NodeImporter &node) {
  Splitting split;
  split.data = node.operand(0);
  split.sizes = node.operand(1);
  split.axis = node.getAxis("axis", 0, node.rank(split.data));
  split.dropsAxis = !split.sizes && !node.getBool("keepdims", true);
  if (split.sizes && !isa<IntegerType>(node.elementType(split.sizes)))
    return node.emitError() << "split must be integers, not "
                            << describeValueType(split.sizes.getType());
  if (node.hasFailed())
    return failure();
  if (auto sizes = getKnownSizes(node, split))
    return splitKnown(node, split, *sizes);
  return splitInRun(node, split);
}

void registerSequenceOps(OpRegistry &registry) {
  registry.add("ConcatFromSequence", 11, 1, importConcatFromSequence);
  registry.add("SequenceAt", 11, 2, importAt);
  registry.add("SequenceConstruct", 11, {1, Arity::unbounded}, importConstruct);
  registry.add("SequenceEmpty", 11, 0, importEmpty);
  registry.add("SequenceErase", 11, {1, 2}, importErase);
  registry.add("SequenceInsert", 11, {2, 3}, importInsert);
  registry.add("SequenceLength", 11, 1, importLength);
  registry.add("SplitToSequence", 11, {1, 2}, importSplitToSequence);
}

} // namespace tenon
