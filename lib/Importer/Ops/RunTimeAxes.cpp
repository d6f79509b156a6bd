// Axes that only a run tells (see the header).

#include "lib/Importer/Ops/RunTimeAxes.h"

using namespace mlir;

namespace tenon {

bool hasRunTimeAxes(NodeImporter &node, unsigned number) {
  Value axes = node.operand(number);
  return axes && !node.constantInts(axes) && !node.hasElements(axes, 0);
}

static Value countKept(NodeImporter &node, Value flags) {
  TensorMath m(node);
  return node.infer<CumulateOp>(
      m.sub(m.scalar(flags, 1), flags),
      {node.attr("axis", int64_t(0)),
       node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Sum))});
}

Value spreadOverAxes(NodeImporter &node, Value axes, Value values, int64_t rank, Value otherwise) {
  TensorMath m(node);
  Value flags = flagAxes(node, axes, rank);
  if (!flags)
    return nullptr;
  Type i64 = node.builder().getI64Type();
  axes = node.cast(axes, i64);
  axes = m.select(m.less(axes, 0.0), m.add(axes, rank), axes);
  Value isHere = m.equal(m.iotaAlong(2, 0, node.expr(rank)), m.unsqueeze(axes, {0}));
  Value row = m.unsqueeze(node.cast(values, i64), {0});
  Value found = m.squeeze(m.sum(m.select(isHere, row, m.scalar(row, 0)), 1), {1});
  return m.select(node.cast(flags, node.builder().getI1Type()), found, otherwise);
}

// The other dimensions' sizes are found by their place among those.
Value squeezeFlagged(NodeImporter &node, Value x, Value flags, int64_t numFlagged) {
  TensorMath m(node);
  if (!x)
    return x;
  DimExprs dims = node.dims(x);
  int64_t rank = dims.size(), kept = rank - numFlagged;
  if (kept <= 0)
    return m.toScalar(x);
  Value stays = m.sub(m.scalar(flags, 1), flags), place = countKept(node, flags);
  Value isHere =
      m.logicalAnd(m.equal(m.unsqueeze(place, {0}), m.add(m.iotaAlong(2, 0, node.expr(kept)), 1)),
                   node.cast(m.unsqueeze(stays, {0}), node.builder().getI1Type()));
  Value sizes = m.unsqueeze(m.shapeTensor(dims), {0});
  Value found = m.sum(m.select(isHere, sizes, m.scalar(sizes, 0)), 1);
  std::optional<DimExprs> result = node.contentsOrBind(m.squeeze(found, {1}), "kept");
  if (!result)
    return nullptr;
  requireEqual(node, product(dims, node.context()), product(*result, node.context()),
               "elements before and after squeezing");
  return node.reshape(x, *result);
}

Value unsqueezeAtRunTime(NodeImporter &node, Value x, Value axes) {
  TensorMath m(node);
  RankedTensorType type = node.type(axes);
  if (type.getRank() != 1 || !type.hasStaticShape() || type.getNumElements() > 64) {
    node.emitError() << "axes must be integers, their number known at compile time, not " << type;
    return nullptr;
  }
  int64_t rank = node.rank(x) + type.getNumElements();
  Value flags = flagAxes(node, axes, rank);
  if (!flags)
    return nullptr;
  // A one after the last size, for new dimensions behind all others.
  DimExprs dims = node.dims(x);
  dims.push_back(node.expr(1));
  Value place = m.max(m.sub(countKept(node, flags), 1), 0.0);
  Value sizes = m.gather(m.shapeTensor(dims), place, 0);
  Value isNew = node.cast(flags, node.builder().getI1Type());
  std::optional<DimExprs> result =
      node.contentsOrBind(m.select(isNew, m.scalar(sizes, 1), sizes), "unsqueezed");
  return result ? node.reshape(x, *result) : Value();
}

} // namespace tenon
