// Derivatives of ops that move elements: each element's goes back where the element came from, and
// what an element has become several times adds up.

#include "lib/Importer/Ops/GradientRules.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace tenon {

using Values = NodeImporter::Values;

static Value makeZeros(NodeImporter &node, Value like) {
  TensorMath m(node);
  return m.broadcast(m.scalar(like, 0), node.dims(like));
}

static NamedAttribute addingUpdates(NodeImporter &node) {
  return node.attr("kind", ScatterKindAttr::get(node.context(), ScatterKind::Add));
}

static Value toI64(NodeImporter &node, Value indices) {
  return node.cast(indices, node.builder().getI64Type());
}

static Values differentiateReshape(NodeImporter &node, ReshapeOp op, Value gradient) {
  return {node.reshape(gradient, node.dims(op.getOperand()))};
}

static Values differentiateTranspose(NodeImporter &node, TransposeOp op, Value gradient) {
  return {TensorMath(node).transpose(gradient, invertPermutationVector(op.getPermutation()))};
}

/// The gradient of what the operand becomes by broadcasting is all that is asked for.
static Values differentiateBroadcast(NodeImporter &, BroadcastOp, Value gradient) {
  return {gradient};
}

static Values differentiateConcat(NodeImporter &node, ConcatOp op, Value gradient) {
  TensorMath m(node);
  Values result;
  AffineExpr start = node.expr(0);
  for (Value input : op.getInputs()) {
    AffineExpr size = node.dim(input, op.getAxis());
    result.push_back(m.slice(gradient, op.getAxis(), start, size));
    start = start + size;
  }
  return result;
}

static Values differentiateSlice(NodeImporter &node, SliceOp op, Value gradient) {
  TensorMath m(node);
  DimExprs low(op.getStarts().getResults());
  for (auto [axis, step] : llvm::enumerate(op.getSteps())) {
    AffineExpr last = node.dim(gradient, axis) - 1;
    if (step < 0) {
      gradient = m.slice(gradient, axis, last, last + 1, -1);
      low[axis] = low[axis] + last * step;
    }
    gradient = m.spreadOut(gradient, axis, std::abs(step));
  }
  return {m.pad(gradient, low, node.dims(op.getOperand()))};
}

static Values differentiatePad(NodeImporter &node, PadOp op, Value gradient) {
  TensorMath m(node);
  if (op.getMode() != PadMode::Constant) {
    node.emitError() << "cannot differentiate '" << op->getName() << "' of mode "
                     << stringifyPadMode(op.getMode());
    return Values(op->getNumOperands());
  }
  DimExprs low;
  for (AffineExpr amount : op.getLow().getResults())
    low.push_back(-amount);
  Values result = {m.pad(gradient, low, node.dims(op.getOperand()))};
  if (op.getValue()) {
    Value all = m.sum(gradient, countUp(node.rank(gradient)));
    Value inside = m.sum(result.front(), countUp(node.rank(gradient)));
    result.push_back(node.reshape(m.sub(all, inside), node.dims(op.getValue())));
  }
  return result;
}

/// [before, indices, behind] to [indices, before, behind], where slices are numbered by the
/// indices, and [axis, before, behind] back.
static Values differentiateGather(NodeImporter &node, GatherOp op, Value gradient) {
  TensorMath m(node);
  Value operand = op.getOperand(), indices = toI64(node, op.getIndices());
  int64_t axis = op.getAxis(), rank = node.rank(operand), chosen = node.rank(indices);
  NodeImporter::Ints order = llvm::to_vector(llvm::seq<int64_t>(axis, axis + chosen));
  llvm::append_range(order, llvm::seq<int64_t>(0, axis));
  llvm::append_range(order, llvm::seq<int64_t>(axis + chosen, rank - 1 + chosen));
  NodeImporter::Ints toFront = {axis};
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      toFront.push_back(i);
  Value zeros = m.transpose(makeZeros(node, operand), toFront);
  Value sum = node.infer<ScatterNDOp>(
      {zeros, m.unsqueeze(indices, chosen), m.transpose(gradient, order)}, addingUpdates(node));
  return {m.transpose(sum, invertPermutationVector(toFront)), Value()};
}

static Values differentiateGatherElements(NodeImporter &node, GatherElementsOp op, Value gradient) {
  return {node.infer<ScatterElementsOp>(
              {makeZeros(node, op.getOperand()), toI64(node, op.getIndices()), gradient},
              {addingUpdates(node), node.attr("axis", op.getAxis())}),
          Value()};
}

static Values differentiateGatherND(NodeImporter &node, GatherNDOp op, Value gradient) {
  if (op.getBatchDims()) {
    node.emitError() << "cannot differentiate '" << op->getName() << "' with batch dimensions";
    return Values(2);
  }
  return {node.infer<ScatterNDOp>(
              {makeZeros(node, op.getOperand()), toI64(node, op.getIndices()), gradient},
              addingUpdates(node)),
          Value()};
}

/// Updates that replace what is there take its place in y.
static Values differentiateScatterElements(NodeImporter &node, ScatterElementsOp op,
                                           Value gradient) {
  TensorMath m(node);
  if (op.getKind() != ScatterKind::Add && op.getKind() != ScatterKind::None) {
    node.emitError() << "cannot differentiate '" << op->getName() << "' of kind "
                     << stringifyScatterKind(op.getKind());
    return Values(3);
  }
  Value updates =
      node.infer<GatherElementsOp>({gradient, op.getIndices()}, node.attr("axis", op.getAxis()));
  Value operand = gradient;
  if (op.getKind() == ScatterKind::None)
    operand = node.infer<ScatterElementsOp>(
        {gradient, op.getIndices(), makeZeros(node, op.getUpdates())},
        {node.attr("kind", op.getKindAttr()), node.attr("axis", op.getAxis())});
  return {operand, Value(), updates};
}

static Values differentiateTopK(NodeImporter &node, TopKOp op, Value gradient) {
  return {
      node.infer<ScatterElementsOp>({makeZeros(node, op.getOperand()), op.getPositions(), gradient},
                                    {addingUpdates(node), node.attr("axis", op.getAxis())})};
}

void addMovementGradients(GradientRules &rules) {
  rules.add<ReshapeOp>(differentiateReshape);
  rules.add<TransposeOp>(differentiateTranspose);
  rules.add<BroadcastOp>(differentiateBroadcast);
  rules.add<ConcatOp>(differentiateConcat);
  rules.add<SliceOp>(differentiateSlice);
  rules.add<PadOp>(differentiatePad);
  rules.add<GatherOp>(differentiateGather);
  rules.add<GatherElementsOp>(differentiateGatherElements);
  rules.add<GatherNDOp>(differentiateGatherND);
  rules.add<ScatterElementsOp>(differentiateScatterElements);
  rules.add<TopKOp>(differentiateTopK);
}

} // namespace tenon
