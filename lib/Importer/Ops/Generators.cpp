// Ops that make tensors from shapes and positions.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

static Results importShape(NodeImporter &node) {
  DimExprs dims = node.dims(node.operand(0));
  int64_t rank = dims.size();
  auto bound = [&](StringRef name, int64_t otherwise) {
    int64_t position = std::clamp(node.getInt(name, otherwise), -rank, rank);
    return position < 0 ? position + rank : position;
  };
  int64_t start = bound("start", 0), end = std::max(bound("end", rank), start);
  ArrayRef<AffineExpr> chosen = ArrayRef<AffineExpr>(dims).slice(start, end - start);
  return {{TensorMath(node).shapeTensor(chosen)}};
}

static Results importSize(NodeImporter &node) {
  AffineExpr size = product(node.dims(node.operand(0)), node.context());
  return {{TensorMath(node).shapeScalar(size)}};
}

static Results importConstantOfShape(NodeImporter &node) {
  TensorMath m(node);
  std::optional<DimExprs> dims = node.contentsOrBind(node.operand(0), "shape");
  Value value = node.hasAttribute("value") ? node.makeConstant(node.getTensor("value"))
                                           : node.makeScalar(node.builder().getF32Type(), 0);
  if (!dims || !value)
    return failure();
  return {{m.broadcast(m.toScalar(value), *dims)}};
}

/// How many elements [start, limit) has in steps of delta, computed at run time.
static std::optional<AffineExpr> bindRangeSize(NodeImporter &node, Value start, Value limit,
                                               Value delta) {
  TensorMath m(node);
  Type wide = m.isFloat(start) ? Type(node.builder().getF64Type()) : node.builder().getI64Type();
  start = node.cast(start, wide);
  limit = node.cast(limit, wide);
  delta = node.cast(delta, wide);
  Value length = m.sub(limit, start), size;
  if (m.isFloat(start)) {
    size = node.cast(m.ceil(m.div(length, delta)), node.builder().getI64Type());
  } else {
    Value towardsZero = m.sub(m.add(length, delta), node.infer<SignOp>(delta));
    size = m.div(towardsZero, delta);
  }
  std::optional<DimExprs> bound = node.contentsOrBind(m.max(size, 0.0), "range");
  return bound && bound->size() == 1 ? std::optional((*bound)[0]) : std::nullopt;
}

static std::optional<AffineExpr> getRangeSize(NodeImporter &node, Value start, Value limit,
                                              Value delta) {
  std::optional<DimExprs> first = node.contents(start), last = node.contents(limit);
  std::optional<NodeImporter::Ints> step = node.constantInts(delta);
  auto isOne = [](const auto &list) { return list && list->size() == 1; };
  if (isOne(first) && isOne(last) && isOne(step) && (*step)[0] != 0 &&
      (*step)[0] != std::numeric_limits<int64_t>::min()) {
    AffineExpr length = (*last)[0] - (*first)[0];
    int64_t by = (*step)[0];
    AffineExpr size = by > 0 ? length.ceilDiv(by) : (length * -1).ceilDiv(-by);
    if (auto constant = dyn_cast<AffineConstantExpr>(size))
      return node.expr(std::max<int64_t>(constant.getValue(), 0));
    if (isKnownNonNegative(size))
      return size;
  }
  auto floats = [&](Value value) { return node.constantFloats(value); };
  auto a = floats(start), b = floats(limit), c = floats(delta);
  if (isOne(a) && isOne(b) && isOne(c) && (*c)[0] != 0) {
    double size = std::max(std::ceil(((*b)[0] - (*a)[0]) / (*c)[0]), 0.0);
    if (size < 1e15)
      return node.expr(static_cast<int64_t>(size));
  }
  return bindRangeSize(node, start, limit, delta);
}

static Results buildRange(NodeImporter &node, ValueRange operands) {
  TensorMath m(node);
  SmallVector<Value> scalars;
  for (Value operand : operands)
    scalars.push_back(m.toScalar(operand));
  if (node.hasFailed())
    return failure();
  std::optional<AffineExpr> size = getRangeSize(node, scalars[0], scalars[1], scalars[2]);
  if (!size)
    return failure();
  Value position = m.iota(*size, 0, node.elementType(scalars[0]));
  return {{m.add(m.mul(position, scalars[2]), scalars[0])}};
}

static Results importRange(NodeImporter &node) { return buildRange(node, node.operands()); }

/// The contrib form may go without a step.
static Results importContribRange(NodeImporter &node) {
  if (node.operand(2))
    return importRange(node);
  NodeImporter::Values operands(node.operands().take_front(2));
  operands.push_back(node.makeScalar(node.elementType(operands[0]), 1));
  return buildRange(node, operands);
}

static Results importEyeLike(NodeImporter &node) {
  TensorMath m(node);
  Value data = node.operand(0);
  Type type = node.getElementType("dtype", /*required=*/false);
  if (!type)
    type = node.elementType(data);
  DimExprs dims = node.dims(data);
  if (dims.size() != 2) {
    node.emitError() << "needs a matrix, not " << data.getType();
    return failure();
  }
  Value row = m.iotaAlong(2, 0, dims[0]), column = m.iotaAlong(2, 1, dims[1]);
  return {{node.cast(m.equal(m.add(row, node.getInt("k", 0)), column), type)}};
}

/// Keeps the triangle on and above (or below) the k-th diagonal.
static Results importTrilu(NodeImporter &node) {
  TensorMath m(node);
  Value data = node.operand(0);
  DimExprs dims = node.dims(data);
  if (dims.size() < 2) {
    node.emitError() << "needs rank 2 or more, not " << data.getType();
    return failure();
  }
  Value row = m.iotaAlong(2, 0, dims[dims.size() - 2]), column = m.iotaAlong(2, 1, dims.back());
  if (node.operand(1))
    row = m.add(row, m.toScalar(node.operand(1)));
  Value keep = node.getBool("upper", true) ? m.lessEqual(row, column) : m.lessEqual(column, row);
  return {{m.select(keep, data, m.scalar(data, 0))}};
}

static Results importOneHot(NodeImporter &node) {
  TensorMath m(node);
  Type i64 = node.builder().getI64Type();
  Value indices = node.cast(node.operand(0), i64), values = node.operand(2);
  if (!indices)
    return failure();
  int64_t rank = node.rank(indices) + 1, axis = node.getAxis("axis", -1, rank);
  std::optional<DimExprs> depth =
      node.contentsOrBind(node.cast(m.toScalar(node.operand(1)), i64), "depth");
  if (!depth || depth->size() != 1 || node.hasFailed())
    return node.hasFailed() ? failure() : node.emitError() << "depth must be one number";
  Value count = m.shapeScalar((*depth)[0]);
  indices = m.select(m.less(indices, 0.0), m.add(indices, count), indices);
  Value isHot = m.equal(m.unsqueeze(indices, {axis}), m.iotaAlong(rank, axis, (*depth)[0]));
  values = m.sized(values, node.expr(2), "values for off and on");
  Value off = m.toScalar(m.slice(values, 0, 0, 1)), on = m.toScalar(m.slice(values, 0, 1, 1));
  return {{m.select(isHot, on, off)}};
}

void registerGeneratorOps(OpRegistry &registry) {
  registry.add("Shape", 1, 1, importShape);
  registry.add("Size", 1, 1, importSize);
  registry.add("ConstantOfShape", 9, 1, importConstantOfShape);
  registry.add("Range", 11, 3, importRange);
  registry.add("com.microsoft", "Range", 1, {2, 3}, importContribRange);
  registry.add("EyeLike", 9, 1, importEyeLike);
  registry.add("Trilu", 14, {1, 2}, importTrilu);
  registry.add("com.microsoft", "Trilu", 1, {1, 2}, importTrilu);
  registry.add("OneHot", 9, 3, importOneHot);
}

} // namespace tenon
