// Reductions. All kinds come down to sums, products, extrema and means with pointwise ops around.

#include "lib/Importer/Ops/RunTimeAxes.h"

using namespace mlir;

namespace tenon {

namespace {

/// The parameters of a reduction node.
struct Reduction {
  Value x;
  SmallVector<int64_t> axes;
  /// For axes that only a run tells: 1 where a dimension is one of them; else null.
  Value flags;
  int64_t numFlagged;
  bool keepsDims;
};

} // namespace

/// `flagAxes`, where no axes at all may mean all of them.
static Value flagReduced(NodeImporter &node, Value axes, int64_t rank) {
  TensorMath m(node);
  Value flags = flagAxes(node, axes, rank);
  if (!flags || node.type(axes).hasStaticShape() || node.getBool("noop_with_empty_axes", false))
    return flags;
  Value isEmpty = m.equal(m.shapeScalar(node.dim(axes, 0)), 0.0);
  return m.select(isEmpty, m.scalar(flags, 1), flags);
}

/// How many dimensions are reduced, as far as the result's rank depends on it.
static std::optional<int64_t> countReduced(NodeImporter &node, Value axes, int64_t rank) {
  if (node.type(axes).hasStaticShape())
    return node.type(axes).getNumElements();
  if (node.getBool("keepdims", true))
    return 0;
  std::optional<int64_t> declared = node.declaredRank(0);
  if (declared && *declared <= rank)
    return rank - *declared;
  node.emitError() << "the rank of the result depends on the number of axes, which only a run "
                      "tells; the model must declare the type of '"
                   << node.outputName(0) << "'";
  return std::nullopt;
}

/// Axes are an attribute, or operand 1 from version 13 (ReduceSum) or 18 on.
static std::optional<Reduction> getReduction(NodeImporter &node) {
  Reduction reduction{node.operand(0), {}, nullptr, 0, node.getBool("keepdims", true)};
  int64_t rank = node.rank(reduction.x);
  Value operand = node.operand(1);
  if (hasRunTimeAxes(node, 1)) {
    reduction.flags = flagReduced(node, operand, rank);
    std::optional<int64_t> numFlagged = countReduced(node, operand, rank);
    if (!reduction.flags || !numFlagged)
      return std::nullopt;
    reduction.numFlagged = *numFlagged;
    return reduction;
  }
  bool isEmpty = operand && node.hasElements(operand, 0);
  std::optional<NodeImporter::Ints> axes = isEmpty ? std::nullopt : getAxes(node, 1, rank);
  if (node.hasFailed())
    return std::nullopt;
  if (axes && !axes->empty())
    reduction.axes = *axes;
  else if (!node.getBool("noop_with_empty_axes", false))
    reduction.axes = countUp(rank);
  return reduction;
}

/// The first positions of a dimension. More than there are, which happens where it is empty, are
/// zeros that nobody uses.
static Value takeFirst(NodeImporter &node, Value x, int64_t axis, AffineExpr size) {
  TensorMath m(node);
  DimExprs dims = node.dims(x), low(dims.size(), node.expr(0));
  auto constant = dyn_cast<AffineConstantExpr>(dims[axis]);
  if (constant && constant.getValue() > 0)
    return m.slice(x, axis, node.expr(0), size);
  dims[axis] = size;
  return m.pad(x, low, dims);
}

// Axes that only a run tells: every dimension is reduced in turn, and where it shall stay as it is,
// the operand is taken instead of the reduced tensor, which has size 1 there.
static Value reduceFlagged(NodeImporter &node, ReduceKind kind, Value x, Value flags) {
  TensorMath m(node);
  DimExprs dims = node.dims(x), ones(dims.size(), node.expr(1));
  Value isReduced = node.cast(flags, node.builder().getI1Type());
  Value sizes = m.select(isReduced, m.shapeTensor(ones), m.shapeTensor(dims));
  std::optional<DimExprs> result = node.contentsOrBind(sizes, "reduced");
  if (!result)
    return nullptr;
  for (size_t d = 0; d < dims.size(); ++d) {
    Value flag = m.toScalar(m.slice(isReduced, 0, d, 1));
    Value reduced = m.reduce(kind, x, static_cast<int64_t>(d));
    x = m.select(flag, reduced, takeFirst(node, x, d, (*result)[d]));
  }
  return x;
}

static Value apply(NodeImporter &node, const Reduction &r, ReduceKind kind, Value x) {
  return r.flags ? reduceFlagged(node, kind, x, r.flags) : TensorMath(node).reduce(kind, x, r.axes);
}

static Results finish(NodeImporter &node, const Reduction &r, Value result) {
  if (r.keepsDims)
    return {{result}};
  if (r.flags)
    return {{squeezeFlagged(node, result, r.flags, r.numFlagged)}};
  return {{TensorMath(node).squeeze(result, r.axes)}};
}

template <ReduceKind kind> static Results importReduce(NodeImporter &node) {
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  return finish(node, *r, apply(node, *r, kind, r->x));
}

static Results importReduceL1(NodeImporter &node) {
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  return finish(node, *r, apply(node, *r, ReduceKind::Sum, TensorMath(node).abs(r->x)));
}

static Results importReduceSumSquare(NodeImporter &node) {
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  Value square = TensorMath(node).mul(r->x, r->x);
  return finish(node, *r, apply(node, *r, ReduceKind::Sum, square));
}

/// Functions of real numbers take integers through f64.
template <typename Function> static Results importReal(NodeImporter &node, Function function) {
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  Type type = node.elementType(r->x);
  if (!isa<FloatType>(type))
    r->x = node.cast(r->x, node.builder().getF64Type());
  return finish(node, *r, node.cast(function(*r), type));
}

static Results importReduceL2(NodeImporter &node) {
  TensorMath m(node);
  return importReal(node, [&](const Reduction &r) {
    return m.sqrt(apply(node, r, ReduceKind::Sum, m.mul(r.x, r.x)));
  });
}

static Results importReduceLogSum(NodeImporter &node) {
  return importReal(node, [&](const Reduction &r) {
    return TensorMath(node).log(apply(node, r, ReduceKind::Sum, r.x));
  });
}

// With the maximum taken out, so that nothing overflows; a maximum that is infinite stays in.
static Results importReduceLogSumExp(NodeImporter &node) {
  TensorMath m(node);
  return importReal(node, [&](const Reduction &r) {
    Value maximum = apply(node, r, ReduceKind::Max, r.x);
    Value offset = m.select(node.infer<IsInfOp>(maximum), m.scalar(r.x, 0), maximum);
    Value powers = m.exp(m.sub(r.x, offset));
    if (powers && powers.getType() != r.x.getType())
      powers = m.broadcast(powers, node.dims(r.x));
    return m.add(m.log(apply(node, r, ReduceKind::Sum, powers)), offset);
  });
}

template <ReduceKind kind> static Results importArgReduce(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t axis = node.getAxis("axis", 0, node.rank(x));
  SmallVector<NamedAttribute> attributes = {
      node.attr("axis", axis), node.attr("kind", ReduceKindAttr::get(node.context(), kind))};
  if (node.getBool("select_last_index", false))
    attributes.push_back(node.attr("selectLast", node.builder().getUnitAttr()));
  Value result = node.infer<ArgReduceOp>(x, attributes);
  return {{node.getBool("keepdims", true) ? result : TensorMath(node).squeeze(result, axis)}};
}

static Value cumulate(NodeImporter &node, ReduceKind kind, int64_t axis) {
  SmallVector<NamedAttribute> attributes = {
      node.attr("axis", axis), node.attr("kind", ReduceKindAttr::get(node.context(), kind))};
  for (StringRef flag : {"exclusive", "reverse"})
    if (node.getBool(flag, false))
      attributes.push_back(node.attr(flag, node.builder().getUnitAttr()));
  return node.infer<CumulateOp>(node.operand(0), attributes);
}

/// An axis that only a run tells chooses among the results along all of them.
template <ReduceKind kind> static Results importCumulate(NodeImporter &node) {
  TensorMath m(node);
  int64_t rank = node.rank(node.operand(0));
  Value operand = node.operand(1);
  if (std::optional<NodeImporter::Ints> axis = node.constantInts(operand)) {
    if (axis->size() == 1)
      return {{cumulate(node, kind, node.normalizeAxis((*axis)[0], rank))}};
    node.emitError() << "the axis must be one number, not " << axis->size();
    return failure();
  }
  if (!node.checkRank(node.operand(0), 1))
    return failure();
  Value axis = m.toScalar(operand), result = cumulate(node, kind, rank - 1);
  axis = m.select(m.less(axis, 0.0), m.add(axis, rank), axis);
  for (int64_t d = 0; d + 1 < rank; ++d)
    result = m.select(m.equal(axis, d), cumulate(node, kind, d), result);
  return {{result}};
}

void registerReductionOps(OpRegistry &registry) {
  registry.add("ReduceSum", 1, {1, 2}, importReduce<ReduceKind::Sum>);
  registry.add("ReduceProd", 1, {1, 2}, importReduce<ReduceKind::Prod>);
  registry.add("ReduceMax", 1, {1, 2}, importReduce<ReduceKind::Max>);
  registry.add("ReduceMin", 1, {1, 2}, importReduce<ReduceKind::Min>);
  registry.add("ReduceMean", 1, {1, 2}, importReduce<ReduceKind::Mean>);
  registry.add("ReduceL1", 1, {1, 2}, importReduceL1);
  registry.add("ReduceL2", 1, {1, 2}, importReduceL2);
  registry.add("ReduceSumSquare", 1, {1, 2}, importReduceSumSquare);
  registry.add("ReduceLogSum", 1, {1, 2}, importReduceLogSum);
  registry.add("ReduceLogSumExp", 1, {1, 2}, importReduceLogSumExp);
  registry.add("ArgMax", 1, 1, importArgReduce<ReduceKind::Max>);
  registry.add("ArgMin", 1, 1, importArgReduce<ReduceKind::Min>);
  registry.add("CumSum", 11, 2, importCumulate<ReduceKind::Sum>);
  registry.add("CumProd", 26, 2, importCumulate<ReduceKind::Prod>);
}

} // namespace tenon
