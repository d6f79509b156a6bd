// Gates and streams of newer transformers in com.microsoft: HyperConnectionPreMix and
// HyperConnectionPostMix, which mix several streams of hidden states, EngramGate and
// LinearAttentionGate. All compute in f32.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

static Value toFloat(NodeImporter &node, Value x) {
  return x ? node.cast(x, node.builder().getF32Type()) : x;
}

/// Streams as [..., C, H], which may be given as [..., C * H]. Null after an error.
static Value groupStreams(NodeImporter &node, Value streams) {
  int64_t branches = node.getInt("num_branches", 0);
  if (!node.checkRank(streams, branches > 0 ? 1 : 2))
    return nullptr;
  DimExprs dims = node.dims(streams);
  if (branches <= 0)
    return streams;
  if (auto width = dyn_cast<AffineConstantExpr>(dims.back()); width && width.getValue() % branches)
    node.emitAttributeError("num_branches") << branches << " do not share " << streams.getType();
  requireEqual(node, dims.back() % branches, node.expr(0), "features that branches leave, and 0,");
  dims.push_back(dims.back().floorDiv(branches));
  dims[dims.size() - 2] = node.expr(branches);
  return node.hasFailed() ? Value() : node.reshape(streams, dims);
}

/// Gates for streams [..., C, H] that are [..., C], [..., C * H], or broadcast already.
static Value alignGates(NodeImporter &node, Value gates, Value streams) {
  TensorMath m(node);
  DimExprs dims = node.dims(streams), own = node.dims(gates);
  if (own.size() == dims.size())
    return gates;
  if (own.size() + 1 != dims.size()) {
    node.emitError() << "gates of type " << gates.getType() << " do not fit " << streams.getType();
    return nullptr;
  }
  AffineExpr count = dims[dims.size() - 2];
  if (own.back() != count && own.back() == count * dims.back())
    return node.reshape(gates, dims);
  return m.unsqueeze(gates, static_cast<int64_t>(own.size()));
}

// Y[..., h] = scale * sum over c of X[..., c, h] * gate[..., c, h]
static Results importPreMix(NodeImporter &node) {
  TensorMath m(node);
  Value streams = toFloat(node, groupStreams(node, node.operand(0)));
  if (!streams)
    return failure();
  Value gates = alignGates(node, toFloat(node, node.operand(1)), streams);
  int64_t axis = node.rank(streams) - 2;
  Value sum = m.squeeze(m.sum(m.mul(streams, gates), axis), {axis});
  Value result = m.mul(sum, node.getFloat("reduction_scale", 1));
  return {{node.cast(result, node.elementType(node.operand(0)))}};
}

// Y[..., k, h] = sum over c of mix[..., c, k] * X[..., c, h] + gate[..., k, h] * output[..., h]
static Results importPostMix(NodeImporter &node) {
  TensorMath m(node);
  Value streams = toFloat(node, groupStreams(node, node.operand(0)));
  if (!streams || !node.checkRank(node.operand(1), 1))
    return failure();
  int64_t rank = node.rank(streams);
  Value gates = alignGates(node, toFloat(node, node.operand(2)), streams);
  Value output = toFloat(node, node.operand(1));
  output = m.unsqueeze(output, node.rank(output) - 1);
  if (Value mix = toFloat(node, node.operand(3))) {
    if (!node.checkRank(mix, rank))
      return failure();
    NodeImporter::Ints turned = countUp(rank);
    std::swap(turned[rank - 1], turned[rank - 2]);
    streams = node.infer<MatMulOp>({m.transpose(mix, turned), streams});
  }
  Value result = m.add(streams, m.mul(gates, output));
  if (!result)
    return failure();
  result = node.reshape(result, node.dims(node.operand(0)));
  return {{node.cast(result, node.elementType(node.operand(0)))}};
}

/// x / sqrt(mean of squares + epsilon) * scale, along the last dimension.
static Value normalize(NodeImporter &node, Value x, Value scale) {
  if (!node.checkRank(x, 1) || !scale)
    return nullptr;
  TensorMath m(node);
  Value mean = m.mean(m.mul(x, x), node.rank(x) - 1);
  Value root = m.sqrt(m.add(mean, node.getFloat("epsilon", 1e-5)));
  return m.mul(m.div(x, root), scale);
}

// Operands: keys and queries [B, S, C, H], values [B, S, H], scales [C, H] of the norms of keys,
// queries and the result. The gate is sigmoid(sign(d) sqrt(max(|d|, 1e-6))), where d is the product
// of normalized keys and queries by sqrt(H).
static Results importEngramGate(NodeImporter &node) {
  TensorMath m(node);
  if (!node.checkRank(node.operand(0), 4) || !node.checkRank(node.operand(2), 3))
    return failure();
  auto get = [&](unsigned number) { return toFloat(node, node.operand(number)); };
  Value keys = normalize(node, get(0), get(3)), queries = normalize(node, get(1), get(4));
  Value product = m.sum(m.mul(keys, queries), 3);
  Value width = node.cast(m.shapeScalar(node.dim(node.operand(0), 3)), node.builder().getF32Type());
  product = m.div(product, m.sqrt(width));
  Value size = m.sqrt(m.max(m.abs(product), 1e-6));
  Value gate = node.infer<SigmoidOp>(m.mul(node.infer<SignOp>(product), size));
  Value result = m.mul(gate, m.unsqueeze(get(2), {2}));
  Type type = node.elementType(node.operand(0));
  SmallVector<Value> results = {node.cast(result, type)};
  if (node.hasOutput(1)) {
    if (!node.operand(5))
      return node.emitError() << "the normalized result needs a scale";
    results.push_back(node.cast(normalize(node, result, get(5)), type));
  }
  return results;
}

// decay = scale * softplus(a + bias), beta = sigmoid(b)
static Results importLinearAttentionGate(NodeImporter &node) {
  TensorMath m(node);
  Type type = node.elementType(node.operand(0));
  auto get = [&](unsigned number) { return toFloat(node, node.operand(number)); };
  Value decay = m.mul(node.infer<SoftplusOp>(m.add(get(0), get(1))), get(2));
  SmallVector<Value> results = {node.cast(decay, type)};
  if (node.hasOutput(1)) {
    if (!node.operand(3))
      return node.emitError() << "beta is asked for, but b is not given";
    results.push_back(node.cast(node.infer<SigmoidOp>(get(3)), type));
  }
  return results;
}

void registerHyperConnectionOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("HyperConnectionPreMix", 2, importPreMix);
  add("HyperConnectionPostMix", {3, 4}, importPostMix);
  add("EngramGate", {5, 6}, importEngramGate);
  add("LinearAttentionGate", {3, 4}, importLinearAttentionGate);
}

} // namespace tenon
