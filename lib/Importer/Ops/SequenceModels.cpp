// Layers of newer sequence models: SwiGLU, CausalConvWithState and LinearAttention.

#include "lib/Importer/Ops/Attention.h"
#include "lib/Importer/Ops/Contractions.h"

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
  auto emptyKernel = [](AffineExpr size) {
    auto known = dyn_cast<AffineConstantExpr>(size);
    return known && known.getValue() < 1;
  };
  if (node.rank(x) != 3 || node.rank(weights) != 3 || emptyKernel(node.dim(weights, 2)))
    return node.emitError() << "weights " << weights.getType() << " do not fit " << x.getType();
  AffineExpr kernel = node.dim(weights, 2), channels = node.dim(x, 1);
  if (isa<AffineConstantExpr>(node.dim(weights, 0)))
    channels = node.dim(weights, 0);
  AffineExpr before = kernel - 1, batch = node.dim(x, 0);
  requireNonNegative(node, before, "positions of the kernel beyond the first");
  x = m.sized(x, {batch, channels, node.dim(x, 2)}, "the input");
  weights = m.sized(weights, {channels, node.expr(1), kernel}, "weights");
  state = m.sized(state, {batch, channels, before}, "the state");
  if (!x || !weights)
    return failure();
  if (activation != "none" && activation != "silu" && activation != "swish")
    return node.emitAttributeError("activation") << "unknown function '" << activation << "'";
  DimExprs dims = node.dims(x), padded = dims, low(3, node.expr(0));
  padded[2] = dims[2] + before;
  low[2] = before;
  Value input = x;
  if (before != node.expr(0))
    input = state ? m.concat({state, x}, 2) : m.pad(x, low, padded);
  // [C, 1, k] to [k, 1, C], over [N, L, C].
  auto groups = dyn_cast<AffineConstantExpr>(channels);
  Value last = m.toChannelsLast(input), result;
  if (groups && isa<AffineConstantExpr>(kernel))
    result =
        buildChannelsLastConv(node, last, m.transpose(weights, {2, 1, 0}), 1, 1, groups.getValue());
  else
    result = buildGatheredConv(node, last, weights, 1, 1, channels);
  if (node.operand(2))
    result = m.add(result, node.operand(2));
  if (activation != "none")
    result = node.infer<SiluOp>(result);
  Value next = input ? m.slice(input, 2, dims[2], before) : input;
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
  void matchSizes();
  /// [B, H, 1, d] of step `i`.
  Value at(Value x, Value i) { return m.unsqueeze(m.gather(x, i, 2), {2}); }
  std::pair<Value, Value> buildStep(Value i, Value state);

  NodeImporter &n;
  TensorMath m;
  Type f32 = n.builder().getF32Type();
  int64_t heads = 0, keyHeads = 0;
  Value scale, queries, keys, values, decay, beta, initial;
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
    DimExprs widths = n.dims(n.operand(5));
    bool isKnown = n.rank(n.operand(5)) == 3 && isa<AffineConstantExpr>(widths.back());
    bool isShared = isKnown && widths.back() == n.expr(1);
    Value given = n.operand(5);
    if (!isKnown && !widths.empty()) {
      widths.back() = n.expr(keyHeads);
      given = m.broadcast(given, widths);
    }
    beta = split(given, isShared ? 1 : keyHeads);
  }
  if (!queries || !keys || !values || n.hasFailed())
    return false;
  matchSizes();
  if (n.hasFailed())
    return false;
  DimExprs dims = n.dims(keys);
  if (double given = n.getFloat("scale", 0); given != 0)
    scale = n.makeScalar(f32, given);
  else
    scale = makeAttentionScale(n, dims[3], f32);
  DimExprs state = {dims[0], dims[1], dims[3], n.dim(values, 3)};
  initial = n.operand(3) ? m.sized(n.cast(n.operand(3), f32), state, "the state")
                         : m.broadcast(n.makeScalar(f32, 0), state);
  return initial != nullptr;
}

/// Gives operands that go together the same sizes: batch, steps, and those of the state.
void LinearAttention::matchSizes() {
  DimExprs dims = n.dims(queries), own = n.dims(keys);
  AffineExpr batch = dims[0], steps = dims[2], depth = dims[3];
  for (Value operand : {keys, values}) {
    DimExprs sizes = n.dims(operand);
    batch = isa<AffineConstantExpr>(batch) ? batch : sizes[0];
    steps = isa<AffineConstantExpr>(steps) ? steps : sizes[2];
  }
  if (!isa<AffineConstantExpr>(depth))
    depth = own[3];
  AffineExpr all = n.expr(heads), shared = n.expr(keyHeads);
  queries = m.sized(queries, {batch, all, steps, depth}, "queries");
  keys = m.sized(keys, {batch, shared, steps, depth}, "keys");
  values = m.sized(values, {batch, shared, steps, n.dim(values, 3)}, "values");
  if (decay && !isa<AffineConstantExpr>(n.dim(decay, 3)))
    decay = m.broadcast(decay, {batch, shared, steps, depth});
  else if (decay)
    decay = m.sized(decay, {batch, shared, steps, n.dim(decay, 3)}, "decay");
  if (beta)
    beta = m.sized(beta, {batch, n.dim(beta, 1), steps, n.dim(beta, 3)}, "beta");
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

/// The forms of com.microsoft, as far as they are ONNX's.
template <ImportFunction import> static Results importContrib(NodeImporter &node) {
  std::pair<StringRef, int64_t> plain[] = {
      {"state_window", 0}, {"channels_last", 0}, {"dilation", 1}, {"ndim", 1}};
  for (auto [name, value] : plain)
    if (node.getInt(name, value) != value)
      return node.emitAttributeError(name) << node.getInt(name, value) << " is not supported";
  return import(node);
}

void registerSequenceModelOps(OpRegistry &registry) {
  registry.add("SwiGLU", 27, 2, importSwiGLU);
  registry.add("CausalConvWithState", 27, {2, 4}, importCausalConvWithState);
  registry.add("LinearAttention", 27, {3, 6}, importLinearAttention);
  registry.add("com.microsoft", "CausalConvWithState", 1, {2, 4},
               importContrib<importCausalConvWithState>);
  registry.add("com.microsoft", "LinearAttention", 1, {3, 6}, importContrib<importLinearAttention>);
}

} // namespace tenon
