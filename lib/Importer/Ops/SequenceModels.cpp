// Layers of newer sequence models: SwiGLU, CausalConvWithState and LinearAttention.

#include "lib/Importer/Ops/Attention.h"

using namespace mlir;

namespace tenon {

// a * sigmoid(alpha * a) * b
static Results importSwiGLU(NodeImporter &node) {
  TensorMath m(node);
  Value a = node.operand(0), b = node.operand(1);
  if (node.rank(a) != node.rank(b))
    return node.emitError() << "operands differ: " << a.getType() << " and " << b.getType();
  double alpha = node.getFloat("alpha", 1);
  Value gate = node.infer<SigmoidOp>(alpha == 1 ? a : m.mul(a, alpha));
  return {{m.mul(m.mul(a, gate), b)}};
}

// A convolution of every channel with its own kernel, over what came before and the input. The end
// of the padded input is the state for the next call.
static Results importCausalConvWithState(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), weights = node.operand(1), state = node.operand(3);
  StringRef activation = node.getString("activation", "none");
  auto kernel = dyn_cast<AffineConstantExpr>(node.dim(weights, -1));
  auto channels =
      node.rank(x) == 3 ? dyn_cast<AffineConstantExpr>(node.dim(x, 1)) : AffineConstantExpr();
  if (!kernel || !channels || node.rank(weights) != 3 || kernel.getValue() < 1)
    return node.emitError() << "weights " << weights.getType() << " do not fit " << x.getType();
  if (activation != "none" && activation != "silu" && activation != "swish")
    return node.emitAttributeError("activation") << "unknown function '" << activation << "'";
  int64_t before = kernel.getValue() - 1;
  DimExprs dims = node.dims(x), padded = dims, low(3, node.expr(0));
  padded[2] = dims[2] + before;
  low[2] = node.expr(before);
  Value input = x;
  if (before > 0)
    input = state ? m.concat({state, x}, 2) : m.pad(x, low, padded);
  // [C, 1, k] to [k, 1, C], over [N, L, C].
  Value result = node.infer<ConvOp>({m.toChannelsLast(input), m.transpose(weights, {2, 1, 0})},
                                    {node.attr("strides", ArrayRef<int64_t>{1}),
                                     node.attr("dilations", ArrayRef<int64_t>{1}),
                                     node.attr("groups", channels.getValue())});
  if (node.operand(2))
    result = m.add(result, node.operand(2));
  if (activation != "none")
    result = node.infer<SiluOp>(result);
  Value next = input ? m.slice(input, 2, padded[2] - before, node.expr(before)) : input;
  return {{m.toChannelsFirst(result), next}};
}

namespace {

/// One step of linear attention for all rows and heads. The state is [B, H, d, e]:
///
///     S <- exp(g) S           r = S'k           v <- beta (v - r)           S <- S + k v'
///     o = scale q S
class LinearAttention {
public:
  explicit LinearAttention(NodeImporter &node) : n(node), m(node) {}

  Results import();

private:
  bool read();
  /// [B, H, 1, d] of step `i`.
  Value at(Value x, Value i) { return m.unsqueeze(m.gather(x, i, 2), {2}); }
  std::pair<Value, Value> buildStep(Value i, Value state);

  NodeImporter &n;
  TensorMath m;
  Type f32 = n.builder().getF32Type();
  int64_t heads = 0, keyHeads = 0;
  double scale = 0;
  Value queries, keys, values, decay, beta, initial;
};

} // namespace

bool LinearAttention::read() {
  StringRef rule = n.getString("update_rule", "gated_delta");
  heads = n.getInt("q_num_heads");
  keyHeads = n.getInt("kv_num_heads");
  bool isGated = rule == "gated" || rule == "gated_delta";
  bool hasDelta = rule == "delta" || rule == "gated_delta";
  if (!isGated && !hasDelta && rule != "linear")
    n.emitAttributeError("update_rule") << "unknown rule '" << rule << "'";
  if (isGated != static_cast<bool>(n.operand(4)) || hasDelta != static_cast<bool>(n.operand(5)))
    n.emitError() << "decay and beta do not fit update rule '" << rule << "'";
  if (n.hasFailed() || keyHeads < 1 || heads < 1 || heads % keyHeads != 0)
    return n.hasFailed() ? false
                         : (n.emitError() << heads << " heads cannot share " << keyHeads, false);
  auto split = [&](Value x, int64_t count) { return splitHeads(n, n.cast(x, f32), count); };
  queries = split(n.operand(0), heads);
  keys = split(n.operand(1), keyHeads);
  values = split(n.operand(2), keyHeads);
  // One number per head, or one per head and element; beta may also be one for all heads.
  if (isGated)
    decay = split(n.operand(4), keyHeads);
  if (hasDelta) {
    bool isShared = n.dim(n.operand(5), -1) == n.expr(1);
    beta = split(n.operand(5), isShared ? 1 : keyHeads);
  }
  if (!queries || !keys || !values || n.hasFailed())
    return false;
  DimExprs dims = n.dims(keys);
  auto depth = dyn_cast<AffineConstantExpr>(dims[3]);
  scale = n.getFloat("scale", 0);
  if (scale == 0 && depth)
    scale = 1 / std::sqrt(static_cast<double>(depth.getValue()));
  initial = n.operand(3)
                ? n.cast(n.operand(3), f32)
                : m.broadcast(n.makeScalar(f32, 0), {dims[0], dims[1], dims[3], n.dim(values, 3)});
  return initial != nullptr;
}

std::pair<Value, Value> LinearAttention::buildStep(Value i, Value state) {
  Value key = at(keys, i), value = at(values, i), query = at(queries, i);
  if (decay) // [B, H, 1, d or 1] along the state's rows
    state = m.mul(state, m.transpose(m.exp(at(decay, i)), {0, 1, 3, 2}));
  if (beta)
    value = m.mul(at(beta, i), m.sub(value, n.infer<MatMulOp>({key, state})));
  state = m.add(state, m.mul(m.transpose(key, {0, 1, 3, 2}), value));
  // Queries of one group share a state: [B, H, q / H, d] times [B, H, d, e].
  if (!query || !state)
    return {nullptr, nullptr};
  DimExprs dims = n.dims(query);
  query = n.reshape(query, {dims[0], n.expr(keyHeads), n.expr(heads / keyHeads), dims[3]});
  Value output = n.infer<MatMulOp>({m.mul(query, scale), state});
  return {output ? n.reshape(output, {dims[0], n.expr(heads), n.dim(state, 3)}) : output, state};
}

Results LinearAttention::import() {
  if (!read())
    return failure();
  AffineExpr steps = n.dim(queries, 2), batch = n.dim(queries, 0), depth = n.dim(values, 3);
  Value max = m.shapeScalar(steps);
  Region body;
  {
    OpBuilder::InsertionGuard guard(n.builder());
    GraphImporter::RegionScope scope = n.enterRegion();
    Block *block = n.builder().createBlock(
        &body, body.end(), {RankedTensorType::get({}, n.builder().getI64Type()), initial.getType()},
        {n.loc(), n.loc()});
    auto [output, state] = buildStep(block->getArgument(0), block->getArgument(1));
    Value goesOn = n.makeScalar(n.builder().getI1Type(), 1);
    if (!output || !state || !goesOn)
      return failure();
    YieldOp::create(n.builder(), ValueRange{goesOn, state, output});
  }
  Type stacked = makeTensorType({steps, batch, n.expr(heads), depth}, f32);
  auto loop = LoopOp::create(n.builder(), TypeRange{initial.getType(), stacked}, max, Value(),
                             ValueRange{initial});
  loop.getBody().takeBody(body);
  // [T, B, H, e] to [B, T, H * e].
  Value output = m.transpose(loop.getResult(1), {1, 0, 2, 3});
  output = n.reshape(output, {batch, steps, depth * heads});
  Type stateType = n.elementType(n.operand(3) ? n.operand(3) : n.operand(0));
  return {{n.cast(output, n.elementType(n.operand(0))), n.cast(loop.getResult(0), stateType)}};
}

static Results importLinearAttention(NodeImporter &node) { return LinearAttention(node).import(); }

void registerSequenceModelOps(OpRegistry &registry) {
  registry.add("SwiGLU", 27, 2, importSwiGLU);
  registry.add("CausalConvWithState", 27, {2, 4}, importCausalConvWithState);
  registry.add("LinearAttention", 27, {3, 6}, importLinearAttention);
}

} // namespace tenon
