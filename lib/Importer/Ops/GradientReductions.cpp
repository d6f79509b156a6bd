// Derivatives of reductions, of what is made of them by name, and of pooling.

#include "lib/Importer/Ops/GradientRules.h"

using namespace mlir;

namespace tenon {

using Values = NodeImporter::Values;

/// The number of elements that one of the result comes from, in the operand's type.
static Value countReduced(NodeImporter &node, ReduceOp op) {
  AffineExpr count = node.expr(1);
  for (int64_t axis : op.getAxes())
    count = count * node.dim(op.getOperand(), axis);
  return node.cast(TensorMath(node).shapeScalar(count), node.elementType(op.getOperand()));
}

/// The product of all others, for each element: along each axis those before and those behind,
/// times the products of the other lines.
static Value multiplyOthers(NodeImporter &node, Value x, ArrayRef<int64_t> axes) {
  TensorMath m(node);
  Value result;
  for (int64_t axis : axes) {
    SmallVector<NamedAttribute> attributes = {
        node.attr("axis", axis), node.attr("exclusive", node.builder().getUnitAttr()),
        node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Prod))};
    Value before = node.infer<CumulateOp>(x, attributes);
    attributes.push_back(node.attr("reverse", node.builder().getUnitAttr()));
    Value others = m.mul(before, node.infer<CumulateOp>(x, attributes));
    result = result ? m.mul(result, others) : others;
    x = m.reduce(ReduceKind::Prod, x, axis);
  }
  return result;
}

static Values differentiateReduce(NodeImporter &node, ReduceOp op, Value gradient) {
  TensorMath m(node);
  Value x = op.getOperand();
  switch (op.getKind()) {
  case ReduceKind::Sum:
    return {m.broadcast(gradient, node.dims(x))};
  case ReduceKind::Mean:
    return {m.broadcast(m.div(gradient, countReduced(node, op)), node.dims(x))};
  case ReduceKind::Prod:
    return {m.mul(m.broadcast(gradient, node.dims(x)), multiplyOthers(node, x, op.getAxes()))};
  case ReduceKind::Max:
  case ReduceKind::Min:
    break;
  }
  // Equal elements share it.
  Value isResult = node.cast(m.equal(x, op.getResult()), node.elementType(x));
  return {m.mul(isResult, m.div(gradient, m.sum(isResult, op.getAxes())))};
}

/// What counts towards a sum gets the sum of all gradients that it counts in.
static Values differentiateCumulate(NodeImporter &node, CumulateOp op, Value gradient) {
  if (op.getKind() != ReduceKind::Sum) {
    node.emitError() << "cannot differentiate '" << op->getName() << "' of kind "
                     << stringifyReduceKind(op.getKind());
    return {Value()};
  }
  SmallVector<NamedAttribute> attributes = {
      node.attr("axis", op.getAxis()),
      node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Sum))};
  if (op.getExclusive())
    attributes.push_back(node.attr("exclusive", node.builder().getUnitAttr()));
  if (!op.getReverse())
    attributes.push_back(node.attr("reverse", node.builder().getUnitAttr()));
  return {node.infer<CumulateOp>(gradient, attributes)};
}

// y (g - sum(g y))
static Values differentiateSoftmax(NodeImporter &node, SoftmaxOp op, Value gradient) {
  TensorMath m(node);
  Value y = op.getResult();
  return {m.mul(y, m.sub(gradient, m.sum(m.mul(gradient, y), op.getAxis())))};
}

// --- Pooling: [N, spatial..., C] ---

/// Each window's gradient goes to the first of its largest elements.
static Values differentiateMaxPool(NodeImporter &node, MaxPoolOp op, Value gradient) {
  TensorMath m(node);
  Value x = op.getOperand();
  auto type = makeTensorType(node.dims(gradient), node.builder().getI64Type());
  Value positions = node.make<MaxPoolPositionOp>(type, x, llvm::to_vector(op->getAttrs()));
  auto flatten = [&](Value value) {
    DimExprs dims = node.dims(value);
    ArrayRef<AffineExpr> spatial = ArrayRef(dims).drop_front().drop_back();
    return node.reshape(value, {dims.front(), product(spatial, node.context()), dims.back()});
  };
  Value zeros = m.broadcast(m.scalar(x, 0), node.dims(x));
  Value sum = node.infer<ScatterElementsOp>(
      {flatten(zeros), flatten(positions), flatten(gradient)},
      {node.attr("kind", ScatterKindAttr::get(node.context(), ScatterKind::Add)),
       node.attr("axis", 1)});
  return {node.reshape(sum, node.dims(x))};
}

namespace {
/// The windows of average pooling over the operand with all around it that they cover.
struct AverageWindows {
  NodeImporter &node;
  AveragePoolOp op;
  TensorMath m{node};
  DimExprs covered = node.dims(op.getOperand());

  AverageWindows(NodeImporter &node, AveragePoolOp op) : node(node), op(op) {
    for (size_t d = 0; d < op.getKernel().size(); ++d)
      covered[d + 1] = (node.dim(op.getResult(), d + 1) - 1) * op.getStrides()[d] +
                       (op.getKernel()[d] - 1) * op.getDilations()[d] + 1;
  }

  /// Calls back with the offset of each position of a window.
  void forEachPosition(llvm::function_ref<void(ArrayRef<int64_t> offset)> visit) {
    SmallVector<int64_t> offset(op.getKernel().size());
    auto descend = [&](auto &self, size_t d) -> void {
      if (d == offset.size())
        return visit(offset);
      for (int64_t k = 0; k < op.getKernel()[d]; ++k) {
        offset[d] = k * op.getDilations()[d];
        self(self, d + 1);
      }
    };
    descend(descend, 0);
  }
  /// How many positions of each window count.
  Value countElements();
  /// The sum of what windows give to each position of the operand.
  Value spread(Value windows);
};
} // namespace

Value AverageWindows::countElements() {
  Value x = op.getOperand();
  DimExprs dims = node.dims(x), low(dims.size(), node.expr(0));
  for (auto [d, before, after] :
       llvm::enumerate(op.getLow().getResults(), op.getHigh().getResults())) {
    if (op.getCountPadding())
      dims[d + 1] = dims[d + 1] + before + after;
    else
      low[d + 1] = before;
  }
  Value ones = m.pad(m.broadcast(m.scalar(x, 1), dims), low, covered);
  Value count;
  forEachPosition([&](ArrayRef<int64_t> offset) {
    Value here = ones;
    for (auto [d, start] : llvm::enumerate(offset))
      here = m.slice(here, d + 1, node.expr(start), node.dim(op.getResult(), d + 1),
                     op.getStrides()[d]);
    count = count ? m.add(count, here) : here;
  });
  return count;
}

Value AverageWindows::spread(Value windows) {
  for (auto [d, stride] : llvm::enumerate(op.getStrides()))
    windows = m.spreadOut(windows, d + 1, stride);
  Value sum;
  forEachPosition([&](ArrayRef<int64_t> offset) {
    DimExprs low(covered.size(), node.expr(0));
    for (auto [d, start] : llvm::enumerate(offset))
      low[d + 1] = node.expr(start) - op.getLow().getResult(d);
    Value here = m.pad(windows, low, node.dims(op.getOperand()));
    sum = sum ? m.add(sum, here) : here;
  });
  return sum;
}

static Values differentiateAveragePool(NodeImporter &node, AveragePoolOp op, Value gradient) {
  AverageWindows windows(node, op);
  return {windows.spread(TensorMath(node).div(gradient, windows.countElements()))};
}

void addReductionGradients(GradientRules &rules) {
  rules.add<ReduceOp>(differentiateReduce);
  rules.add<CumulateOp>(differentiateCumulate);
  rules.add<SoftmaxOp>(differentiateSoftmax);
  rules.add<MaxPoolOp>(differentiateMaxPool);
  rules.add<AveragePoolOp>(differentiateAveragePool);
}

} // namespace tenon
