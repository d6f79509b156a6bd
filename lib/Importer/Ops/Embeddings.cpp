// Embeddings of com.microsoft. EmbedLayerNormalization, and its form whose tables are quantized,
// normalize the sum of embeddings that starts a transformer; only the rows that ids choose are
// dequantized. WordConvEmbedding embeds words by their characters.

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

// Operands: characters of words [S, L], weights [M, 1, K, E], bias [M], the table [*, E]. Of each
// word, the largest of tanh(convolution) over windows of K characters. Characters 0 are padding: a
// word has as many characters as are not, but at least K; it is none if its first one is 0.
static Results importWordConvEmbedding(NodeImporter &node) {
  TensorMath m(node);
  Value words = node.operand(0), weights = node.operand(1), table = node.operand(3);
  if (node.rank(words) != 2 || node.rank(weights) != 4 || node.rank(table) != 2)
    return node.emitError() << "words need rank 2, weights rank 4 and the table rank 2";
  AffineExpr filters = node.dim(weights, 0), window = node.dim(weights, 2);
  AffineExpr count = node.dim(words, 0), width = node.dim(table, 1);
  std::pair<StringRef, AffineExpr> sizes[] = {
      {"embedding_size", filters}, {"conv_window_size", window}, {"char_embedding_size", width}};
  for (auto [name, size] : sizes)
    if (node.hasAttribute(name))
      requireEqual(node, size, node.expr(node.getInt(name)), name);
  AffineExpr room = node.dim(words, 1) - window;
  requireNonNegative(node, room, "characters that the window leaves");
  weights = m.sized(weights, {filters, node.expr(1), window, width}, "weights");
  // [S, P, K * E] times [K * E, M].
  Value place = m.add(m.iotaAlong(2, 0, room + 1), m.iotaAlong(2, 1, window));
  Value letters = m.gather(table, m.gather(words, place, 1), 0);
  if (!letters || !weights)
    return failure();
  letters = node.reshape(letters, {count, room + 1, window * width});
  Value filter = m.transpose(node.reshape(weights, {filters, window * width}), {1, 0});
  Value features = m.add(node.infer<MatMulOp>({letters, filter}), node.operand(2));
  features = node.infer<TanhOp>(features);
  Value isLetter = node.cast(m.less(0.0, words), node.builder().getI64Type());
  Value length = m.unsqueeze(m.sum(isLetter, 1), {2});
  Value last = m.sub(m.max(length, m.shapeScalar(window)), m.shapeScalar(window));
  Value counts = m.lessEqual(m.iotaAlong(3, 1, room + 1), last);
  features = m.squeeze(m.maximum(m.select(counts, features, m.scalar(features, -1e12)), 1), {1});
  Value isWord = m.less(0.0, m.slice(words, 1, 0, 1));
  return {{m.select(isWord, features, m.scalar(features, 0))}};
}

void registerEmbeddingOps(OpRegistry &registry) {
  registry.add("com.microsoft", "EmbedLayerNormalization", 1, {1, 9}, importEmbedLayerNorm);
  registry.add("com.microsoft", "QEmbedLayerNormalization", 1, {1, 18}, importQEmbedLayerNorm);
  registry.add("com.microsoft", "WordConvEmbedding", 1, 4, importWordConvEmbedding);
}

} // namespace tenon
