// The sum of embeddings that starts a transformer, normalized: EmbedLayerNormalization of
// com.microsoft, and its form whose tables are quantized. Only the rows that ids choose are
// dequantized.

#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {

namespace {

/// A table or vector, quantized if it has a scale.
struct Parameter {
  Value values, scale, zero;
};

/// What is summed and normalized: rows of tables that ids choose. Position ids, the mask and the
/// table of segments may be missing.
struct Embedding {
  Value ids, segmentIds, positionIds;
  Parameter words, positions, segments, scale, bias;
  Value mask;
};

} // namespace

static Value dequantize(NodeImporter &node, Value values, const Parameter &parameter) {
  if (!parameter.scale || !values)
    return values;
  if (!checkQuantized(node, values))
    return nullptr;
  Value zero = parameter.zero ? toOneNumber(node, parameter.zero, "a zero point") : Value();
  Value scale = toOneNumber(node, parameter.scale, "a scale");
  return node.hasFailed() ? Value() : dequantize(node, values, scale, zero);
}

static Value lookUp(NodeImporter &node, const Parameter &table, Value ids) {
  return dequantize(node, TensorMath(node).gather(table.values, ids, 0), table);
}

static Results buildEmbedding(NodeImporter &node, Embedding e) {
  TensorMath m(node);
  if (node.rank(e.ids) != 2)
    return node.emitError() << "ids need rank 2, got " << e.ids.getType();
  if (!e.words.values || !e.positions.values || !e.scale.values || !e.bias.values)
    return node.emitError() << "tables of words and positions, scale and bias are needed";
  if (!e.positionIds)
    e.positionIds = m.iotaAlong(2, 1, node.dim(e.ids, 1));
  Value sum = m.add(lookUp(node, e.words, e.ids), lookUp(node, e.positions, e.positionIds));
  if (e.segmentIds && e.segments.values)
    sum = m.add(sum, lookUp(node, e.segments, e.segmentIds));
  if (!sum)
    return failure();
  Value result = node.infer<LayerNormOp>(
      {sum, dequantize(node, e.scale.values, e.scale), dequantize(node, e.bias.values, e.bias)},
      {node.attr("axis", node.rank(sum) - 1),
       node.attr("epsilon", node.builder().getF64FloatAttr(node.getFloat("epsilon", 1e-12))),
       node.attr("operandSegmentSizes", node.builder().getDenseI32ArrayAttr({1, 1, 1}))});
  // Output 1 says how many positions of each row count.
  Type i32 = node.builder().getI32Type();
  Value lengths = e.mask ? m.squeeze(m.sum(node.cast(e.mask, i32), {1}), {1})
                         : m.broadcast(node.makeScalar(i32, 0), node.dim(e.ids, 0));
  return {{result, lengths, sum}};
}

// Operands: ids, segments, tables of words, positions and segments, scale, bias, mask, positions.
static Results importEmbedLayerNorm(NodeImporter &node) {
  auto parameter = [&](unsigned number) { return Parameter{node.operand(number), {}, {}}; };
  return buildEmbedding(node,
                        {node.operand(0), node.operand(1), node.operand(8), parameter(2),
                         parameter(3), parameter(4), parameter(5), parameter(6), node.operand(7)});
}

// Operands: the same up to the mask, then the scales of operands 2 to 6 and their zero points.
static Results importQEmbedLayerNorm(NodeImporter &node) {
  auto parameter = [&](unsigned number) {
    return Parameter{node.operand(number), node.operand(number + 6), node.operand(number + 11)};
  };
  for (unsigned number : {2, 3, 4, 5, 6})
    if (node.operand(number) && !node.operand(number + 6))
      return node.emitError() << "input " << number << " has no scale";
  return buildEmbedding(node,
                        {node.operand(0), node.operand(1), /*positionIds=*/nullptr, parameter(2),
                         parameter(3), parameter(4), parameter(5), parameter(6), node.operand(7)});
}

void registerEmbeddingOps(OpRegistry &registry) {
  registry.add("com.microsoft", "EmbedLayerNormalization", 1, {1, 9}, importEmbedLayerNorm);
  registry.add("com.microsoft", "QEmbedLayerNormalization", 1, {1, 18}, importQEmbedLayerNorm);
}

} // namespace tenon
