// Attention and RotaryEmbedding of ONNX (see the header for the equation).

#include "lib/Importer/Ops/Attention.h"

using namespace mlir;

namespace tenon {

// --- Building blocks ---

Value splitHeads(NodeImporter &node, Value x, int64_t heads) {
  if (!x)
    return x;
  auto width =
      node.rank(x) == 3 ? dyn_cast<AffineConstantExpr>(node.dim(x, 2)) : AffineConstantExpr();
  if (!width || heads < 1 || width.getValue() % heads != 0) {
    node.emitError() << "cannot split " << x.getType() << " into " << heads << " heads";
    return nullptr;
  }
  DimExprs dims = node.dims(x);
  Value split =
      node.reshape(x, {dims[0], dims[1], node.expr(heads), node.expr(width.getValue() / heads)});
  return TensorMath(node).transpose(split, {0, 2, 1, 3});
}

Value joinHeads(NodeImporter &node, Value x) {
  Value joined = x ? TensorMath(node).transpose(x, {0, 2, 1, 3}) : x;
  if (!joined)
    return joined;
  DimExprs dims = node.dims(joined);
  return node.reshape(joined, {dims[0], dims[1], dims[2] * dims[3]});
}

/// Every head of [B, K, T, d] repeated: [B, K * times, T, d].
static Value repeatHeads(NodeImporter &node, Value x, int64_t times) {
  if (times == 1 || !x)
    return x;
  TensorMath m(node);
  DimExprs dims = node.dims(x), wide = dims, result = dims;
  wide.insert(wide.begin() + 2, node.expr(times));
  result[1] = dims[1] * times;
  return node.reshape(m.broadcast(m.unsqueeze(x, {2}), wide), result);
}

Value makeBias(NodeImporter &node, Value allowed, Type elementType, double masked) {
  TensorMath m(node);
  return m.select(allowed, node.makeScalar(elementType, 0), node.makeScalar(elementType, masked));
}

Value makeCausalMask(NodeImporter &node, AffineExpr queries, AffineExpr keys, Value offset) {
  TensorMath m(node);
  Value last = m.add(m.iotaAlong(2, 0, queries), offset);
  return m.lessEqual(m.iotaAlong(2, 1, keys), last);
}

/// As one op, which repeats heads by itself.
static Value buildWhole(NodeImporter &node, const AttentionProblem &problem, double scale) {
  SmallVector<Value> operands = {problem.queries, problem.keys, problem.values};
  if (problem.bias)
    operands.push_back(problem.bias);
  Builder b(node.context());
  SmallVector<NamedAttribute> attributes = {
      node.attr("scale", b.getF64FloatAttr(scale)),
      node.attr("operandSegmentSizes", b.getDenseI32ArrayAttr({1, 1, 1, 0, problem.bias ? 1 : 0}))};
  if (problem.zeroEmptyRows)
    attributes.push_back(node.attr("zeroEmptyRows", b.getUnitAttr()));
  return node.infer<AttentionOp>(operands, attributes);
}

AttentionResult buildAttention(NodeImporter &node, const AttentionProblem &problem) {
  TensorMath m(node);
  AttentionResult r;
  Value queries = problem.queries, keys = problem.keys, values = problem.values;
  if (!node.checkRank(queries, 4) || !node.checkRank(keys, 4) || !node.checkRank(values, 4))
    return r;
  auto heads = dyn_cast<AffineConstantExpr>(node.dim(queries, 1));
  auto keyHeads = dyn_cast<AffineConstantExpr>(node.dim(keys, 1));
  if (heads && keyHeads && heads != keyHeads) {
    if (keyHeads.getValue() == 0 || heads.getValue() % keyHeads.getValue() != 0) {
      node.emitError() << heads.getValue() << " heads of queries cannot share "
                       << keyHeads.getValue() << " heads of keys";
      return r;
    }
  }
  double scale = problem.scale;
  if (scale == 0) {
    auto depth = dyn_cast<AffineConstantExpr>(node.dim(queries, 3));
    if (!depth) {
      node.emitError() << "the size of a head must be known";
      return r;
    }
    scale = 1 / std::sqrt(static_cast<double>(depth.getValue()));
  }
  bool isPlain = !problem.softcap &&
                 (!problem.softmaxType || problem.softmaxType == node.elementType(queries));
  if (isPlain && !problem.needsSteps) {
    r.result = buildWhole(node, problem, scale);
    return r;
  }
  if (heads && keyHeads && heads != keyHeads) {
    int64_t times = heads.getValue() / keyHeads.getValue();
    keys = repeatHeads(node, keys, times);
    values = repeatHeads(node, values, times);
  }
  r.products = node.infer<MatMulOp>({m.mul(queries, scale), m.transpose(keys, {0, 1, 3, 2})});
  r.capped = r.products;
  if (problem.softcap > 0)
    r.capped = m.mul(node.infer<TanhOp>(m.div(r.products, problem.softcap)), problem.softcap);
  r.biased = problem.bias ? m.add(r.capped, problem.bias) : r.capped;
  Value scores = r.biased;
  if (scores && problem.softmaxType)
    scores = node.cast(scores, problem.softmaxType);
  r.probabilities =
      node.cast(node.infer<SoftmaxOp>(scores, node.attr("axis", 3)), node.elementType(queries));
  r.result = node.infer<MatMulOp>({r.probabilities, values});
  if (problem.zeroEmptyRows && r.result) {
    int64_t last = node.rank(r.biased) - 1;
    Value isEmpty = m.equal(m.maximum(r.biased, last), -HUGE_VAL);
    r.result = m.select(isEmpty, m.scalar(r.result, 0), r.result);
    r.probabilities = m.select(isEmpty, m.scalar(r.probabilities, 0), r.probabilities);
  }
  return r;
}

Value buildRotation(NodeImporter &node, Value x, Value cosines, Value sines, int64_t dim,
                    bool interleaved) {
  TensorMath m(node);
  if (!node.checkRank(x, 4) || !cosines || !sines)
    return nullptr;
  auto depth = dyn_cast<AffineConstantExpr>(node.dim(x, 3));
  if (!depth || dim < 2 || dim % 2 != 0 || dim > depth.getValue()) {
    node.emitError() << "cannot rotate " << dim << " elements of " << x.getType();
    return nullptr;
  }
  int64_t half = dim / 2, rest = depth.getValue() - dim;
  cosines = m.slice(m.unsqueeze(cosines, {1}), 3, 0, half);
  sines = m.slice(m.unsqueeze(sines, {1}), 3, 0, half);
  AffineExpr count = node.expr(half);
  Value a = interleaved ? m.slice(x, 3, node.expr(0), count, 2) : m.slice(x, 3, 0, half);
  Value b = interleaved ? m.slice(x, 3, node.expr(1), count, 2) : m.slice(x, 3, half, half);
  Value real = m.sub(m.mul(a, cosines), m.mul(b, sines));
  Value imaginary = m.add(m.mul(a, sines), m.mul(b, cosines));
  Value rotated;
  if (interleaved) {
    DimExprs dims = node.dims(x);
    dims[3] = node.expr(dim);
    rotated =
        node.reshape(m.concat({m.unsqueeze(real, {4}), m.unsqueeze(imaginary, {4})}, 4), dims);
  } else {
    rotated = m.concat({real, imaginary}, 3);
  }
  return rest == 0 ? rotated : m.concat({rotated, m.slice(x, 3, dim, rest)}, 3);
}

// --- RotaryEmbedding ---

static Results importRotaryEmbedding(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), cosines = node.operand(1), sines = node.operand(2);
  bool isFlat = node.rank(x) == 3;
  if (isFlat)
    x = splitHeads(node, x, node.getInt("num_heads", 0));
  if (!x || node.rank(x) != 4)
    return node.hasFailed() ? failure() : node.emitError() << "expected rank 3 or 4";
  if (Value positions = node.operand(3)) {
    cosines = m.gather(cosines, positions, 0);
    sines = m.gather(sines, positions, 0);
  }
  int64_t dim = node.getInt("rotary_embedding_dim", 0);
  auto depth = dyn_cast<AffineConstantExpr>(node.dim(x, 3));
  if (dim == 0 && depth)
    dim = depth.getValue();
  Value result = buildRotation(node, x, cosines, sines, dim, node.getBool("interleaved", false));
  return {{isFlat ? joinHeads(node, result) : result}};
}

// --- Attention ---

namespace {

/// ONNX's Attention: what the masks of a node say together.
class MaskBuilder {
public:
  MaskBuilder(NodeImporter &node, AffineExpr queries, AffineExpr keys, AffineExpr past,
              Type elementType)
      : n(node), m(node), queries(queries), keys(keys), past(past), elementType(elementType) {}

  /// The sum of all masks as a bias; null when there is none.
  Value build();
  /// Whether a row may have no key that it may look at.
  bool mayMaskRows() const { return mayMask; }

private:
  void add(Value allowed) { addBias(makeBias(n, allowed, elementType)); }
  void addBias(Value more) { bias = bias ? m.add(bias, more) : more; }
  void addMask(Value mask);
  void addWindow(Value offset);
  /// Where the first query stands among the keys, broadcasting with [S, T].
  Value getOffset();

  NodeImporter &n;
  TensorMath m;
  AffineExpr queries, keys, past;
  Type elementType;
  Value bias;
  bool mayMask = false;
};

} // namespace

Value MaskBuilder::getOffset() {
  Value lengths = n.operand(6);
  if (!lengths || n.operand(4))
    return m.shapeScalar(past);
  // The keys end with padding: the queries are the last ones before it.
  mayMask = true;
  Value offsets = m.sub(n.cast(lengths, n.builder().getI64Type()), m.shapeScalar(queries));
  return m.unsqueeze(offsets, {1, 2, 3});
}

void MaskBuilder::addMask(Value mask) {
  mayMask = true;
  int64_t last = n.rank(mask) - 1;
  if (last < 0)
    return;
  bool isBool = n.elementType(mask).isInteger(1);
  AffineExpr size = n.dim(mask, last);
  // A mask that is too short says nothing good about the keys behind its end.
  if (isa<AffineConstantExpr>(size) && isa<AffineConstantExpr>(keys) && size != keys &&
      size != n.expr(1)) {
    DimExprs dims = n.dims(mask), low(dims.size(), n.expr(0));
    dims[last] = keys;
    mask = m.pad(mask, low, dims, n.makeScalar(n.elementType(mask), isBool ? 0 : -HUGE_VAL));
  }
  if (isBool)
    add(mask);
  else
    addBias(n.cast(mask, elementType));
}

void MaskBuilder::addWindow(Value offset) {
  int64_t left = n.getInt("left_window_size", -1), right = n.getInt("right_window_size", -1);
  if (left < 0 && right < 0)
    return;
  mayMask = true;
  Value position = m.add(m.iotaAlong(2, 0, queries), offset), key = m.iotaAlong(2, 1, keys);
  if (left >= 0)
    add(m.lessEqual(m.sub(position, static_cast<double>(left)), key));
  if (right >= 0)
    add(m.lessEqual(key, m.add(position, static_cast<double>(right))));
}

Value MaskBuilder::build() {
  if (Value mask = n.operand(3))
    addMask(mask);
  Value offset = getOffset();
  if (n.getBool("is_causal", false))
    add(makeCausalMask(n, queries, keys, offset));
  addWindow(offset);
  if (Value lengths = n.operand(6)) {
    mayMask = true;
    Value ends = m.unsqueeze(n.cast(lengths, n.builder().getI64Type()), {1, 2, 3});
    add(m.less(m.iotaAlong(4, 3, keys), ends));
  }
  return bias;
}

static Results importAttention(NodeImporter &node) {
  TensorMath m(node);
  AttentionProblem problem;
  Value queries = node.operand(0), keys = node.operand(1), values = node.operand(2);
  bool isFlat = node.rank(queries) == 3;
  if (isFlat) {
    int64_t heads = node.getInt("q_num_heads"), keyHeads = node.getInt("kv_num_heads");
    queries = splitHeads(node, queries, heads);
    keys = splitHeads(node, keys, keyHeads);
    values = splitHeads(node, values, keyHeads);
  }
  if (node.hasFailed() || !queries || !keys || !values)
    return failure();
  if (node.rank(queries) != 4 || node.rank(keys) != 4 || node.rank(values) != 4)
    return node.emitError() << "queries, keys and values need rank 3 or 4";
  AffineExpr past = node.expr(0);
  if (Value pastKeys = node.operand(4)) {
    past = node.dim(pastKeys, 2);
    keys = m.concat({pastKeys, keys}, 2);
  }
  if (Value pastValues = node.operand(5))
    values = m.concat({pastValues, values}, 2);
  if (!keys || !values)
    return failure();
  MaskBuilder masks(node, node.dim(queries, 2), node.dim(keys, 2), past, node.elementType(queries));
  problem.queries = queries;
  problem.keys = keys;
  problem.values = values;
  problem.bias = masks.build();
  problem.scale = node.getFloat("scale", 0);
  problem.softcap = node.getFloat("softcap", 0);
  problem.softmaxType = node.getElementType("softmax_precision", /*required=*/false);
  problem.zeroEmptyRows = problem.bias && masks.mayMaskRows();
  problem.needsSteps = node.hasOutput(3);
  AttentionResult attention = buildAttention(node, problem);
  Value result = attention.result;
  if (!result)
    return failure();
  Value steps[] = {attention.capped, attention.capped, attention.biased, attention.probabilities};
  int64_t mode = node.getInt("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    return node.emitAttributeError("qk_matmul_output_mode") << "unknown mode " << mode;
  SmallVector<Value> results = {isFlat ? joinHeads(node, result) : result, keys, values};
  if (problem.needsSteps)
    results.push_back(steps[mode]);
  return {results};
}

void registerAttentionOps(OpRegistry &registry) {
  registry.add("Attention", 23, {3, 7}, importAttention);
  registry.add("RotaryEmbedding", 23, {3, 4}, importRotaryEmbedding);
}

} // namespace tenon
