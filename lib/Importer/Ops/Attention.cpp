// Attention and RotaryEmbedding of ONNX (see the header for the equation).

#include "lib/Importer/Ops/Attention.h"

using namespace mlir;

namespace tenon {

// --- Building blocks ---

Value splitHeads(NodeImporter &node, Value x, int64_t heads) {
  if (!x)
    return x;
  AffineExpr width = node.rank(x) == 3 ? node.dim(x, 2) : node.expr(1);
  auto known = dyn_cast<AffineConstantExpr>(width);
  if (node.rank(x) != 3 || heads < 1 || (known && known.getValue() % heads != 0)) {
    node.emitError() << "cannot split " << x.getType() << " into " << heads << " heads";
    return nullptr;
  }
  requireEqual(node, width % heads, node.expr(0), "elements that heads leave, and 0,");
  DimExprs dims = node.dims(x);
  Value split = node.reshape(x, {dims[0], dims[1], node.expr(heads), width.floorDiv(heads)});
  return TensorMath(node).transpose(split, {0, 2, 1, 3});
}

Value joinHeads(NodeImporter &node, Value x) {
  Value joined = x ? TensorMath(node).transpose(x, {0, 2, 1, 3}) : x;
  if (!joined)
    return joined;
  DimExprs dims = node.dims(joined);
  return node.reshape(joined, {dims[0], dims[1], dims[2] * dims[3]});
}

/// Every head of [B, K, T, d] repeated: [B, heads, T, d].
static Value repeatHeads(NodeImporter &node, Value x, AffineExpr heads) {
  TensorMath m(node);
  if (!x || node.dim(x, 1) == heads)
    return x;
  DimExprs dims = node.dims(x), wide = dims, result = dims;
  wide.insert(wide.begin() + 2, heads.floorDiv(dims[1]));
  result[1] = heads;
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

/// Of two sizes that must be the same, the one that is known.
static AffineExpr preferKnown(AffineExpr a, AffineExpr b) {
  return isa<AffineConstantExpr>(b) ? b : a;
}

// Kernels take sizes that operands share from any of them. So all operands get the same ones here,
// checked at run time where types do not tell that they are: a size that is not what it should be
// would be read over the end. False after an error.
static bool matchSizes(NodeImporter &node, AttentionProblem &problem) {
  TensorMath m(node);
  if (!node.checkRank(problem.queries, 4) || !node.checkRank(problem.keys, 4) ||
      !node.checkRank(problem.values, 4))
    return false;
  DimExprs queries = node.dims(problem.queries), keys = node.dims(problem.keys);
  DimExprs values = node.dims(problem.values);
  AffineExpr batch = queries[0], one = node.expr(1);
  for (AffineExpr own : {keys[0], values[0]})
    batch = own == one ? batch : preferKnown(batch, own);
  AffineExpr keyHeads = preferKnown(keys[1], values[1]), depth = preferKnown(queries[3], keys[3]);
  AffineExpr keyCount = preferKnown(keys[2], values[2]);
  // One row of keys may serve all of the queries'.
  auto batchOf = [&](AffineExpr own) { return own == one ? own : batch; };
  problem.queries = m.sized(problem.queries, {batch, queries[1], queries[2], depth}, "queries");
  problem.keys = m.sized(problem.keys, {batchOf(keys[0]), keyHeads, keyCount, depth}, "keys");
  problem.values =
      m.sized(problem.values, {batchOf(values[0]), keyHeads, keyCount, values[3]}, "values");
  if (queries[1] != keyHeads) {
    requireNonNegative(node, keyHeads - 1, "heads of keys beyond the first");
    requireEqual(node, queries[1] % keyHeads, node.expr(0),
                 "heads of queries that do not share heads of keys evenly, and 0,");
  }
  return problem.queries && problem.keys && problem.values;
}

/// A bias brought to the sizes of the scores, where only a run tells whether it has them or 1.
static Value matchBias(NodeImporter &node, Value bias, ArrayRef<AffineExpr> scores) {
  if (!bias)
    return bias;
  DimExprs dims = node.dims(bias);
  for (auto [own, size] : llvm::zip(llvm::reverse(dims), llvm::reverse(scores)))
    if (!isa<AffineConstantExpr>(own))
      own = size;
  return TensorMath(node).broadcast(bias, dims);
}

Value makeAttentionScale(NodeImporter &node, AffineExpr depth, Type type) {
  TensorMath m(node);
  if (auto known = dyn_cast<AffineConstantExpr>(depth))
    return node.makeScalar(type, 1 / std::sqrt(static_cast<double>(known.getValue())));
  Value size = node.cast(m.shapeScalar(depth), node.builder().getF64Type());
  return node.cast(m.reciprocal(m.sqrt(size)), type);
}

AttentionResult buildAttention(NodeImporter &node, AttentionProblem problem) {
  TensorMath m(node);
  AttentionResult r;
  if (!matchSizes(node, problem))
    return r;
  Value queries = problem.queries, keys = problem.keys, values = problem.values;
  AffineExpr heads = node.dim(queries, 1), keyHeads = node.dim(keys, 1);
  auto numHeads = dyn_cast<AffineConstantExpr>(heads);
  auto numKeyHeads = dyn_cast<AffineConstantExpr>(keyHeads);
  if (numHeads && numKeyHeads && heads != keyHeads &&
      (numKeyHeads.getValue() == 0 || numHeads.getValue() % numKeyHeads.getValue() != 0)) {
    node.emitError() << numHeads.getValue() << " heads of queries cannot share "
                     << numKeyHeads.getValue() << " heads of keys";
    return r;
  }
  problem.bias = matchBias(node, problem.bias,
                           {node.dim(queries, 0), heads, node.dim(queries, 2), node.dim(keys, 2)});
  double scale = problem.scale;
  if (scale == 0) {
    scale = 1;
    if (auto depth = dyn_cast<AffineConstantExpr>(node.dim(queries, 3)))
      scale = 1 / std::sqrt(static_cast<double>(depth.getValue()));
    else
      queries = problem.queries =
          m.mul(queries, makeAttentionScale(node, node.dim(queries, 3), node.elementType(queries)));
  }
  bool isPlain = !problem.softcap && !problem.sink && !problem.changeScores &&
                 !problem.changeProbabilities &&
                 (!problem.softmaxType || problem.softmaxType == node.elementType(queries));
  if (isPlain && !problem.needsSteps) {
    r.result = buildWhole(node, problem, scale);
    return r;
  }
  keys = repeatHeads(node, keys, heads);
  values = repeatHeads(node, values, heads);
  r.products = node.infer<MatMulOp>({m.mul(queries, scale), m.transpose(keys, {0, 1, 3, 2})});
  r.capped = r.products;
  if (problem.softcap > 0)
    r.capped = m.mul(node.infer<TanhOp>(m.div(r.products, problem.softcap)), problem.softcap);
  r.biased = problem.bias ? m.add(r.capped, problem.bias) : r.capped;
  Value scores = r.biased;
  if (scores && problem.softmaxType)
    scores = node.cast(scores, problem.softmaxType);
  if (problem.changeScores)
    scores = problem.changeScores(scores);
  if (scores && problem.sink) {
    DimExprs column = node.dims(scores);
    column[3] = node.expr(1);
    Value sink = node.cast(problem.sink, node.elementType(scores));
    sink = m.broadcast(node.reshape(sink, {heads, node.expr(1), node.expr(1)}), column);
    scores = m.concat({scores, sink}, 3);
  }
  r.probabilities = node.infer<SoftmaxOp>(scores, node.attr("axis", 3));
  if (problem.changeProbabilities)
    r.probabilities = problem.changeProbabilities(r.probabilities);
  r.probabilities = node.cast(r.probabilities, node.elementType(queries));
  if (problem.sink)
    r.probabilities = m.slice(r.probabilities, 3, node.expr(0), node.dim(keys, 2));
  r.result = node.infer<MatMulOp>({r.probabilities, values});
  if (problem.zeroEmptyRows && r.result) {
    int64_t last = node.rank(r.biased) - 1;
    Value isEmpty = m.equal(m.maximum(r.biased, last), -HUGE_VAL);
    r.result = m.select(isEmpty, m.scalar(r.result, 0), r.result);
    r.probabilities = m.select(isEmpty, m.scalar(r.probabilities, 0), r.probabilities);
  }
  return r;
}

Value buildRotation(NodeImporter &node, Value x, Value cosines, Value sines, AffineExpr dim,
                    bool interleaved) {
  TensorMath m(node);
  if (!node.checkRank(x, 4) || !node.checkRank(cosines, 3) || !node.checkRank(sines, 3))
    return nullptr;
  AffineExpr depth = node.dim(x, 3), zero = node.expr(0), half = dim.floorDiv(2);
  auto size = dyn_cast<AffineConstantExpr>(dim), all = dyn_cast<AffineConstantExpr>(depth);
  if (size && (size.getValue() < 2 || size.getValue() % 2 != 0 ||
               (all && size.getValue() > all.getValue()))) {
    node.emitError() << "cannot rotate " << size.getValue() << " elements of " << x.getType();
    return nullptr;
  }
  requireEqual(node, dim % 2, zero, "rotated elements without a partner, and 0,");
  requireNonNegative(node, depth - dim, "elements of a head that are not rotated");
  for (Value *angles : {&cosines, &sines}) {
    requireNonNegative(node, node.dim(*angles, 2) - half, "angles beyond those of the rotation");
    *angles = m.slice(m.unsqueeze(*angles, {1}), 3, zero, half);
  }
  Value a = interleaved ? m.slice(x, 3, zero, half, 2) : m.slice(x, 3, zero, half);
  Value b = interleaved ? m.slice(x, 3, node.expr(1), half, 2) : m.slice(x, 3, half, half);
  Value real = m.sub(m.mul(a, cosines), m.mul(b, sines));
  Value imaginary = m.add(m.mul(a, sines), m.mul(b, cosines));
  Value rotated;
  if (interleaved) {
    DimExprs dims = node.dims(x);
    dims[3] = dim;
    rotated =
        node.reshape(m.concat({m.unsqueeze(real, {4}), m.unsqueeze(imaginary, {4})}, 4), dims);
  } else {
    rotated = m.concat({real, imaginary}, 3);
  }
  if (dim == depth || !rotated)
    return rotated;
  return m.concat({rotated, m.slice(x, 3, dim, depth - dim)}, 3);
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
  int64_t given = node.getInt("rotary_embedding_dim", 0);
  AffineExpr dim = given == 0 ? node.dim(x, 3) : node.expr(given);
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
  Value padMask(Value mask, int64_t axis, Value masked);
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

// A mask that is too short says nothing good about the keys behind its end; but one of size 1 is
// for all keys.
Value MaskBuilder::padMask(Value mask, int64_t axis, Value masked) {
  AffineExpr size = n.dim(mask, axis), one = n.expr(1);
  if (size == keys || size == one)
    return mask;
  requireNonNegative(n, keys - size, "keys beyond those that the mask is for");
  DimExprs dims = n.dims(mask), low(dims.size(), n.expr(0));
  dims[axis] = keys;
  Value padded = m.pad(mask, low, dims, masked);
  if (isa<AffineConstantExpr>(size))
    return padded;
  requireNonNegative(n, size - one, "elements of the mask beyond the first");
  return m.select(m.equal(m.shapeScalar(size), 1.0), m.slice(mask, axis, 0, 1), padded);
}

void MaskBuilder::addMask(Value mask) {
  mayMask = true;
  int64_t last = n.rank(mask) - 1;
  if (last < 0)
    return;
  bool isBool = n.elementType(mask).isInteger(1);
  mask = padMask(mask, last, n.makeScalar(n.elementType(mask), isBool ? 0 : -HUGE_VAL));
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
