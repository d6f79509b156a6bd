// TopK, NonZero, Compress, Unique and NonMaxSuppression: results that depend on values.

#include "lib/Importer/Ops/OptionalOperands.h"
#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

/// The tensor in an element type that the library sorts: narrow ones widen, which keeps the order.
static Value castToSortable(NodeImporter &node, Value value) {
  Type type = node.elementType(value);
  OpBuilder &b = node.builder();
  if (isa<FloatType>(type))
    return type.isF64() ? value : node.cast(value, b.getF32Type());
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer) {
    node.emitError() << "cannot sort " << value.getType();
    return nullptr;
  }
  if (integer.getWidth() == 64)
    return value;
  bool needs64 = integer.getWidth() == 32 && integer.isUnsigned();
  return node.cast(value, b.getIntegerType(needs64 ? 64 : 32));
}

static Results importTopK(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = node.rank(x);
  if (rank == 0)
    return node.emitError() << "a scalar has no axis to choose along";
  int64_t axis = node.getAxis("axis", -1, rank);
  std::optional<DimExprs> count;
  if (node.opset() < 10)
    count = DimExprs{node.expr(node.getInt("k"))};
  else
    count = node.contentsOrBind(node.operand(1), "k");
  if (node.hasFailed())
    return failure();
  if (!count || count->size() != 1)
    return node.emitError() << "k must be one number";
  SmallVector<NamedAttribute> attributes = {node.attr("axis", axis), node.attr("count", *count)};
  if (node.getBool("largest", true))
    attributes.push_back(node.attr("largest", node.builder().getUnitAttr()));
  Operation *op = node.inferOp<TopKOp>(castToSortable(node, x), attributes);
  if (!op)
    return failure();
  return {{node.cast(op->getResult(0), node.elementType(x)), op->getResult(1)}};
}

static Results importNonZero(NodeImporter &node) {
  Value x = node.operand(0);
  if (node.rank(x) == 0)
    x = node.reshape(x, node.expr(1));
  return {{TensorMath(node).nonZero(x, "nonzero")}};
}

// The slices where the condition holds: a gather of the positions of its nonzero elements.
static Results importCompress(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), condition = node.operand(1);
  int64_t axis = 0;
  if (node.hasAttribute("axis"))
    axis = node.getAxis("axis", std::nullopt, node.rank(x));
  else
    x = node.reshape(x, product(node.dims(x), node.context()));
  if (node.hasFailed() || node.rank(condition) != 1)
    return node.hasFailed() ? failure() : node.emitError() << "the condition needs rank 1";
  auto size = dyn_cast<AffineConstantExpr>(node.dim(x, axis));
  auto length = dyn_cast<AffineConstantExpr>(node.dim(condition, 0));
  if (size && length && length.getValue() > size.getValue())
    condition = m.slice(condition, 0, 0, size.getValue());
  Value positions = m.nonZero(condition, "compressed");
  if (!positions)
    return failure();
  return {{m.gather(x, node.reshape(positions, node.dim(positions, 1)), axis)}};
}

/// The slices of which Unique tells the positions.
static Value gatherSlices(NodeImporter &node, Value x, Value positions) {
  if (node.hasAttribute("axis"))
    return TensorMath(node).gather(x, positions, node.getAxis("axis", std::nullopt, node.rank(x)));
  Value flat = node.reshape(x, product(node.dims(x), node.context()));
  return TensorMath(node).gather(flat, positions, 0);
}

static Results buildUnique(NodeImporter &node, bool isSorted) {
  Value x = node.operand(0);
  SmallVector<NamedAttribute> attributes;
  AffineExpr found = node.addSymbol("unique");
  AffineExpr count = product(node.dims(x), node.context());
  DimExprs dims = {found};
  if (node.hasAttribute("axis")) {
    int64_t axis = node.getAxis("axis", std::nullopt, node.rank(x));
    if (node.hasFailed())
      return failure();
    attributes.push_back(node.attr("axis", axis));
    dims = node.dims(x);
    count = dims[axis];
    dims[axis] = found;
  }
  if (isSorted)
    attributes.push_back(node.attr("sorted", node.builder().getUnitAttr()));
  // Strings sort by their ranks, and are then gathered from their first places.
  Type i64 = node.builder().getI64Type();
  bool areStrings = node.isString(x);
  Value sortable = areStrings ? node.make<StringRanksOp>(makeTensorType(node.dims(x), i64), x)
                              : castToSortable(node, x);
  if (!sortable)
    return failure();
  Type positions = makeTensorType(found, i64);
  Operation *op = node.makeResults<UniqueOp>({makeTensorType(dims, node.elementType(sortable)),
                                              positions, makeTensorType(count, i64), positions},
                                             sortable, attributes);
  if (!op)
    return failure();
  SmallVector<Value> results(op->getResults());
  results[0] =
      areStrings ? gatherSlices(node, x, results[1]) : node.cast(results[0], node.elementType(x));
  return results;
}

static Results importUnique(NodeImporter &node) {
  return buildUnique(node, node.getBool("sorted", true));
}

/// Elements in the order of their first places, of which the contrib form does not tell.
static Results importContribUnique(NodeImporter &node) {
  Results results = buildUnique(node, /*isSorted=*/false);
  if (succeeded(results))
    results->erase(results->begin() + 1);
  return results;
}

/// The limit of chosen boxes per class, which exporters write as large as can be, clamped to how
/// many boxes there are. Where only a run tells either, the result becomes a symbol, so that it
/// bounds the memory for the chosen boxes, too.
static Value clampLimit(NodeImporter &node, Value limit, AffineExpr boxes) {
  TensorMath m(node);
  if (!limit)
    return limit;
  Value clamped = m.max(m.min(limit, m.shapeScalar(boxes)), 0.0);
  std::optional<DimExprs> most = node.contentsOrBind(clamped, "boxes_per_class");
  return most && most->size() == 1 ? m.shapeScalar((*most)[0]) : Value();
}

static Results importNonMaxSuppression(NodeImporter &node) {
  OpBuilder &b = node.builder();
  auto scalar = [&](unsigned number, Type type) {
    Value operand = node.operand(number);
    return operand ? node.reshape(node.cast(operand, type), {}) : operand;
  };
  OptionalOperands operands(
      node,
      {node.operand(0), node.operand(1),
       clampLimit(node, scalar(2, b.getI64Type()), node.dim(node.operand(1), 2)),
       scalar(3, b.getF32Type()), scalar(4, b.getF32Type())},
      2);
  SmallVector<NamedAttribute> attributes = {operands.segments};
  if (node.getBool("center_point_box", false))
    attributes.push_back(node.attr("centers", b.getUnitAttr()));
  Type type = makeTensorType({node.addSymbol("selected"), node.expr(3)}, b.getI64Type());
  return {{node.make<NonMaxSuppressionOp>(type, operands.values, attributes)}};
}

void registerSelectionOps(OpRegistry &registry) {
  registry.add("TopK", 1, 1, importTopK);
  registry.add("TopK", 10, 2, importTopK);
  registry.add("NonZero", 9, 1, importNonZero);
  registry.add("Compress", 9, 2, importCompress);
  registry.add("Unique", 11, 1, importUnique);
  registry.add("com.microsoft", "Unique", 1, 1, importContribUnique);
  registry.add("NonMaxSuppression", 10, {2, 5}, importNonMaxSuppression);
}

} // namespace tenon
