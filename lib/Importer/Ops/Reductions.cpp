// Reductions. All kinds come down to sums, products, extrema and means with pointwise ops around.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

namespace {

/// The parameters of a reduction node.
struct Reduction {
  Value x;
  SmallVector<int64_t> axes;
  bool keepsDims;
};

} // namespace

/// Axes are an attribute, or operand 1 from version 13 (ReduceSum) or 18 on.
static std::optional<Reduction> getReduction(NodeImporter &node) {
  Reduction reduction{node.operand(0), {}, node.getBool("keepdims", true)};
  int64_t rank = node.rank(reduction.x);
  std::optional<NodeImporter::Ints> axes = getAxes(node, 1, rank);
  if (node.hasFailed())
    return std::nullopt;
  bool isEmpty = !axes || axes->empty();
  if (!isEmpty)
    reduction.axes = *axes;
  else if (!node.getBool("noop_with_empty_axes", false))
    reduction.axes = countUp(rank);
  return reduction;
}

static Results finish(NodeImporter &node, const Reduction &reduction, Value result) {
  return {{reduction.keepsDims ? result : TensorMath(node).squeeze(result, reduction.axes)}};
}

template <ReduceKind kind> static Results importReduce(NodeImporter &node) {
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  return finish(node, *r, TensorMath(node).reduce(kind, r->x, r->axes));
}

static Results importReduceL1(NodeImporter &node) {
  TensorMath m(node);
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  return finish(node, *r, m.sum(m.abs(r->x), r->axes));
}

static Results importReduceSumSquare(NodeImporter &node) {
  TensorMath m(node);
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  return finish(node, *r, m.sum(m.mul(r->x, r->x), r->axes));
}

/// Functions of real numbers take integers through f64.
template <typename Function> static Results importReal(NodeImporter &node, Function function) {
  std::optional<Reduction> r = getReduction(node);
  if (!r)
    return failure();
  Type type = node.elementType(r->x);
  if (!isa<FloatType>(type))
    r->x = node.cast(r->x, node.builder().getF64Type());
  return finish(node, *r, node.cast(function(r->x, r->axes), type));
}

static Results importReduceL2(NodeImporter &node) {
  TensorMath m(node);
  return importReal(
      node, [&](Value x, ArrayRef<int64_t> axes) { return m.sqrt(m.sum(m.mul(x, x), axes)); });
}

static Results importReduceLogSum(NodeImporter &node) {
  TensorMath m(node);
  return importReal(node, [&](Value x, ArrayRef<int64_t> axes) { return m.log(m.sum(x, axes)); });
}

// With the maximum taken out, so that nothing overflows; a maximum that is infinite stays in.
static Results importReduceLogSumExp(NodeImporter &node) {
  TensorMath m(node);
  return importReal(node, [&](Value x, ArrayRef<int64_t> axes) {
    Value maximum = m.maximum(x, axes);
    Value offset = m.select(node.infer<IsInfOp>(maximum), m.scalar(x, 0), maximum);
    return m.add(m.log(m.sum(m.exp(m.sub(x, offset)), axes)), offset);
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

template <ReduceKind kind> static Results importCumulate(NodeImporter &node) {
  Value x = node.operand(0);
  std::optional<NodeImporter::Ints> axis = node.constantInts(node.operand(1));
  if (!axis || axis->size() != 1) {
    node.emitError() << "the axis must be one number known at compile time";
    return failure();
  }
  SmallVector<NamedAttribute> attributes = {
      node.attr("axis", node.normalizeAxis((*axis)[0], node.rank(x))),
      node.attr("kind", ReduceKindAttr::get(node.context(), kind))};
  for (StringRef flag : {"exclusive", "reverse"})
    if (node.getBool(flag, false))
      attributes.push_back(node.attr(flag, node.builder().getUnitAttr()));
  return {{node.infer<CumulateOp>(x, attributes)}};
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
