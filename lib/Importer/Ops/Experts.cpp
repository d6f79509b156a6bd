// Mixtures of experts of com.microsoft: MoE, and QMoE whose weights are quantized.
//
// Each token's scores choose k experts, whose answers are added with the softmax of the scores as
// weights:
//
//     y = sum over e of p[e] (f(x W1[e]' + b1[e]) W2[e]' + b2[e])
//
// Each of the tokens * k products reads the matrix of its expert where it is.

#include "lib/Importer/Ops/Activations.h"
#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {

namespace {

/// Operands of one of an expert's layers: weights [E, N, K], bias [E, N]; and for QMoE scales [E,
/// N] or [E, N, blocks] and zero points. Null where there is none.
struct Layer {
  Value weights, bias, scales, zeros;
  int64_t bits;
};

class Experts {
public:
  explicit Experts(NodeImporter &node) : n(node), m(node) {}

  Results import(const Layer &first, const Layer &second, const Layer &third, Value router,
                 Value shares);

private:
  bool choose(Value router, Value shares);
  Value dequantize(const Layer &layer);
  Value apply(const Layer &layer, Value x);
  Value activate(Value x, Value gated);
  Value swiglu(Value gate, Value linear);

  NodeImporter &n;
  TensorMath m;
  int64_t count = 1;
  /// The chosen experts [tokens * k] and their weights [tokens, k, 1].
  Value chosen, weights;
};

} // namespace

bool Experts::choose(Value router, Value shares) {
  count = n.getInt("k", 1);
  if (!n.checkRank(router, 2) || count < 1) {
    if (!n.hasFailed())
      n.emitAttributeError("k") << count << " experts cannot be chosen";
    return false;
  }
  Operation *best =
      n.inferOp<TopKOp>(router, {n.attr("axis", 1), n.attr("count", DimExprs{n.expr(count)}),
                                 n.attr("largest", n.builder().getUnitAttr())});
  if (!best)
    return false;
  Value all = shares ? shares : n.infer<SoftmaxOp>(router, n.attr("axis", 1));
  weights = n.infer<GatherElementsOp>({all, best->getResult(1)}, n.attr("axis", 1));
  if (n.getBool("normalize_routing_weights", false))
    weights = m.div(weights, m.sum(weights, 1));
  weights = m.unsqueeze(weights, {2});
  chosen = n.reshape(best->getResult(1), n.dim(router, 0) * count);
  return weights && chosen;
}

/// The weights [rows, N, K] of the chosen experts, of which only those are unpacked.
Value Experts::dequantize(const Layer &layer) {
  Type type = n.elementType(layer.scales);
  auto pick = [&](Value table) { return m.gather(table, chosen, 0); };
  Value codes = unpackBits(n, pick(layer.weights), layer.bits), scales = pick(layer.scales);
  if (!codes || !scales || !n.checkRank(scales, 2))
    return nullptr;
  DimExprs dims = n.dims(codes);
  bool hasBlocks = n.rank(scales) == 3;
  AffineExpr blocks = hasBlocks ? n.dim(scales, 2) : n.expr(1);
  DimExprs split = {dims[0], dims[1], blocks, divideProducts(dims[2], blocks, n.context())};
  requireEqual(n, dims[2], split[2] * split[3], "a row of weights and its blocks");
  Value values = n.cast(n.reshape(codes, split), type);
  Value zero = n.makeScalar(type, std::ldexp(1.0, static_cast<int>(layer.bits) - 1));
  DimExprs parameters = {dims[0], dims[1], blocks, n.expr(1)};
  if (layer.zeros) {
    // Each row of zero points starts on a byte.
    Value numbers = unpackBits(n, pick(layer.zeros), layer.bits);
    numbers = m.slice(numbers, hasBlocks ? 2 : 1, n.expr(0), hasBlocks ? blocks : dims[1]);
    zero = n.reshape(n.cast(numbers, type), parameters);
  }
  values = m.mul(m.sub(values, zero), n.reshape(scales, parameters));
  return n.reshape(values, dims);
}

/// A layer of [rows, 1, K]: [rows, 1, N].
Value Experts::apply(const Layer &layer, Value x) {
  Value matrices = layer.scales ? dequantize(layer) : m.gather(layer.weights, chosen, 0);
  if (!matrices || !x || !n.checkRank(matrices, 3))
    return nullptr;
  matrices = n.cast(m.transpose(matrices, {0, 2, 1}), n.elementType(x));
  Value y = n.infer<MatMulOp>({x, matrices});
  if (layer.bias)
    y = m.add(y, m.unsqueeze(m.gather(layer.bias, chosen, 0), {1}));
  return y;
}

Value Experts::swiglu(Value gate, Value linear) {
  double alpha = n.getFloat("activation_alpha", 1), beta = n.getFloat("activation_beta", 0);
  if (n.hasAttribute("swiglu_limit")) {
    double limit = n.getFloat("swiglu_limit");
    gate = m.min(gate, limit);
    linear = m.clamp(linear, -limit, limit);
  }
  Value scaled = alpha == 1 ? gate : m.mul(gate, alpha);
  linear = beta == 0 ? linear : m.add(linear, beta);
  return m.mul(m.mul(gate, n.infer<SigmoidOp>(scaled)), linear);
}

/// `gated` are the results of the third layer; null without one.
Value Experts::activate(Value x, Value gated) {
  StringRef name = n.getString("activation_type", "relu");
  if (!x)
    return x;
  if (name == "swiglu") {
    int64_t fusion = n.getInt("swiglu_fusion", 0);
    AffineExpr half = n.dim(x, 2).floorDiv(2);
    if (fusion == 1) // neighbours
      return swiglu(m.slice(x, 2, n.expr(0), half, 2), m.slice(x, 2, n.expr(1), half, 2));
    if (fusion == 2)
      return swiglu(m.slice(x, 2, n.expr(0), half), m.slice(x, 2, half, half));
    if (!gated)
      n.emitAttributeError("swiglu_fusion") << fusion << " needs a third layer";
    return gated ? swiglu(x, gated) : Value();
  }
  Value y;
  if (name == "relu")
    y = n.infer<ReluOp>(x);
  else if (name == "gelu")
    y = n.infer<GeluOp>(x, n.attr("approximate", n.builder().getUnitAttr()));
  else if (name == "silu")
    y = n.infer<SiluOp>(x);
  else if (name == "identity")
    y = x;
  else
    n.emitAttributeError("activation_type") << "unknown function '" << name << "'";
  return gated && y ? m.mul(y, gated) : y;
}

Results Experts::import(const Layer &first, const Layer &second, const Layer &third, Value router,
                        Value shares) {
  Value x = n.operand(0);
  if (!second.weights)
    return n.emitError() << "weights of the second layer are missing";
  if (n.getBool("use_sparse_mixer", false))
    return n.emitAttributeError("use_sparse_mixer") << "is not supported";
  if (!n.checkRank(x, 2) || !choose(router, shares))
    return failure();
  DimExprs dims = n.dims(x);
  AffineExpr tokens = n.dim(router, 0), width = dims.back();
  requireEqual(n, product(dims, n.context()), tokens * width, "elements of tokens");
  Value rows =
      m.broadcast(n.reshape(x, {tokens, n.expr(1), width}), {tokens, n.expr(count), width});
  rows = n.reshape(rows, {tokens * count, n.expr(1), width});
  Value gated = third.weights ? apply(third, rows) : Value();
  Value y = apply(second, activate(apply(first, rows), gated));
  if (!y)
    return failure();
  y = n.reshape(y, {tokens, n.expr(count), n.dim(y, 2)});
  y = m.sum(m.mul(y, n.cast(weights, n.elementType(y))), 1);
  return {{n.reshape(y, dims)}};
}

// Operands: tokens, scores, then weights and biases of three layers.
static Results importMoE(NodeImporter &node) {
  auto layer = [&](unsigned first) {
    return Layer{node.operand(first), node.operand(first + 1), nullptr, nullptr, 0};
  };
  return Experts(node).import(layer(2), layer(4), layer(6), node.operand(1), nullptr);
}

// Operands: tokens, scores, weights, scales and biases of three layers, their zero points, weights
// of experts.
static Results importQMoE(NodeImporter &node) {
  StringRef type = node.getString("quant_type", "int");
  if (type != "int")
    return node.emitAttributeError("quant_type") << "'" << type << "' is not supported";
  if (node.getInt("weights_prepacked", -1) > 0)
    return node.emitAttributeError("weights_prepacked")
           << "weights in the form of one kind of device are not supported";
  int64_t bits = node.getInt("expert_weight_bits", 4);
  StringRef widths[] = {"fc1_expert_weight_bits", "fc2_expert_weight_bits",
                        "fc3_expert_weight_bits"};
  Layer layers[3];
  for (unsigned i : {0, 1, 2}) {
    Layer &layer = layers[i];
    layer = {node.operand(2 + 3 * i), node.operand(4 + 3 * i), node.operand(3 + 3 * i),
             node.operand(11 + i), node.getInt(widths[i], bits)};
    if (layer.bits != 2 && layer.bits != 4 && layer.bits != 8)
      return node.emitError() << "weights of " << layer.bits << " bits are not supported";
    if (layer.weights && !layer.scales)
      return node.emitError() << "input " << 3 + 3 * i << " is missing";
  }
  return Experts(node).import(layers[0], layers[1], layers[2], node.operand(1), node.operand(14));
}

void registerExpertOps(OpRegistry &registry) {
  registry.add("com.microsoft", "MoE", 1, {3, 8}, importMoE);
  registry.add("com.microsoft", "QMoE", 1, {3, 15}, importQMoE);
}

} // namespace tenon
