// Softmax, its relatives, and the losses built on them.

#include "lib/Importer/Ops/Softmax.h"

using namespace mlir;

namespace tenon {

Value buildLogSoftmax(NodeImporter &node, Value x, int64_t axis) {
  TensorMath m(node);
  Value shifted = m.sub(x, m.maximum(x, axis));
  return m.sub(shifted, m.log(m.sum(m.exp(shifted), axis)));
}

static Value buildSoftmax(NodeImporter &node, Value x, int64_t axis) {
  return node.infer<SoftmaxOp>(x, node.attr("axis", axis));
}

/// 1 at the first largest element, else 0.
static Value buildHardmax(NodeImporter &node, Value x, int64_t axis) {
  TensorMath m(node);
  Value largest = node.infer<ArgReduceOp>(
      x, {node.attr("axis", axis),
          node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Max))});
  if (!largest)
    return nullptr;
  Value position = m.iotaAlong(node.rank(x), axis, node.dim(x, axis));
  return node.cast(m.equal(position, largest), node.elementType(x));
}

/// Before version 13 the dimensions from the axis on count as one.
template <Value (*build)(NodeImporter &, Value, int64_t)>
static Results importSoftmax(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t rank = node.rank(x);
  if (node.opset() >= 13) {
    int64_t axis = node.getAxis("axis", -1, rank);
    return {{node.hasFailed() ? Value() : build(node, x, axis)}};
  }
  int64_t axis = node.getAxis("axis", 1, rank);
  if (node.hasFailed())
    return failure();
  if (axis == rank - 1)
    return {{build(node, x, axis)}};
  DimExprs dims = node.dims(x);
  ArrayRef<AffineExpr> all = dims;
  Value flat = node.reshape(x, {product(all.take_front(axis), node.context()),
                                product(all.drop_front(axis), node.context())});
  return {{flat ? node.reshape(build(node, flat, 1), dims) : Value()}};
}

namespace {

/// The per-position loss of NegativeLogLikelihoodLoss: -weight[target] * input[target].
struct Loss {
  Value loss, weight; // [N, d1, ...]; the weight may be null: 1
};

} // namespace

static Loss buildLoss(NodeImporter &node, Value logProbabilities, Value target, Value weights) {
  TensorMath m(node);
  Value x = logProbabilities;
  if (!node.checkRank(x, 2))
    return {nullptr, nullptr};
  target = node.cast(target, node.builder().getI64Type());
  Value weight = weights ? m.gather(weights, target, 0) : Value();
  if (node.hasAttribute("ignore_index")) {
    Value ignored = m.equal(target, node.getInt("ignore_index"));
    Value one = weight ? weight : m.scalar(x, 1);
    weight = m.select(ignored, m.scalar(x, 0), one);
    target = m.select(ignored, m.scalar(target, 0), target);
  }
  Value chosen = node.infer<GatherElementsOp>({x, m.unsqueeze(target, {1})}, node.attr("axis", 1));
  Value loss = m.neg(m.squeeze(chosen, {1}));
  return {weight ? m.mul(loss, weight) : loss, weight};
}

static Value reduceLoss(NodeImporter &node, Loss loss) {
  TensorMath m(node);
  StringRef reduction = node.getString("reduction", "mean");
  if (reduction == "none" || !loss.loss)
    return loss.loss;
  SmallVector<int64_t> axes = countUp(node.rank(loss.loss));
  if (reduction == "sum")
    return m.toScalar(m.sum(loss.loss, axes));
  if (!loss.weight)
    return m.toScalar(m.mean(loss.loss, axes));
  return m.toScalar(m.div(m.sum(loss.loss, axes), m.sum(loss.weight, axes)));
}

static Results importNegativeLogLikelihoodLoss(NodeImporter &node) {
  Loss loss = buildLoss(node, node.operand(0), node.operand(1), node.operand(2));
  return {{reduceLoss(node, loss)}};
}

static Results importSoftmaxCrossEntropyLoss(NodeImporter &node) {
  Value logProbabilities = buildLogSoftmax(node, node.operand(0), 1);
  Loss loss = buildLoss(node, logProbabilities, node.operand(1), node.operand(2));
  return {{reduceLoss(node, loss), logProbabilities}};
}

void registerSoftmaxOps(OpRegistry &registry) {
  registry.add("Softmax", 1, 1, importSoftmax<buildSoftmax>);
  registry.add("LogSoftmax", 1, 1, importSoftmax<buildLogSoftmax>);
  registry.add("Hardmax", 1, 1, importSoftmax<buildHardmax>);
  registry.add("NegativeLogLikelihoodLoss", 12, {2, 3}, importNegativeLogLikelihoodLoss);
  registry.add("SoftmaxCrossEntropyLoss", 12, {2, 3}, importSoftmaxCrossEntropyLoss);
}

} // namespace tenon
