// Attention of com.microsoft that keeps caches of keys and values: GroupQueryAttention, which
// SparseAttention restricts to some blocks of keys, and DecoderMaskedMultiHeadAttention.
//
// New keys stand in the cache from each row's position on. A cache may be larger than what it
// holds, as where past and present share a buffer; where it is smaller, present is as large as all
// there is.

#include "lib/Importer/Ops/Attention.h"
#include "lib/Importer/Ops/Cache.h"
#include "lib/Importer/RunTimeSizes.h"

using namespace mlir;

namespace tenon {

/// The one element of a tensor of integers. Nothing after an error.
static std::optional<DimExprs> readLength(NodeImporter &node, Value length, StringRef what) {
  Value number = TensorMath(node).toScalar(node.cast(length, node.builder().getI64Type()));
  return node.contentsOrBind(node.reshape(number, node.expr(1)), what);
}

/// The larger of a cache's size and `total`.
static AffineExpr growCache(NodeImporter &node, AffineExpr size, AffineExpr total) {
  TensorMath m(node);
  if (size == node.expr(0) || isNonNegativeHere(node, total - size))
    return total;
  if (isNonNegativeHere(node, size - total))
    return size;
  std::optional<DimExprs> larger =
      node.contentsOrBind(m.max(m.shapeTensor(size), m.shapeTensor(total)), "cache");
  return larger ? larger->front() : total;
}

/// A cache [B, K, `size`, d] of the past, which may be null, and new keys or values [B, K, S, d]
/// from positions `starts` [B] on.
static Value extendCache(NodeImporter &node, Value past, Value fresh, Value starts,
                         AffineExpr size) {
  TensorMath m(node);
  if (!fresh || !node.checkRank(fresh, 4))
    return nullptr;
  DimExprs dims = node.dims(past ? past : fresh), none(4, node.expr(0));
  if (dims.size() != 4) {
    node.emitError() << "a cache needs rank 4, not " << past.getType();
    return nullptr;
  }
  AffineExpr before = dims[2];
  dims[2] = size;
  requireNonNegative(node, size - before, "room that a cache leaves");
  Value cache = m.pad(past ? past : fresh, none, dims);
  return past ? writeCache(node, cache, fresh, starts, 2) : cache;
}

// --- GroupQueryAttention ---

namespace {

class GroupQueryAttention {
public:
  explicit GroupQueryAttention(NodeImporter &node, KeyRule rule = nullptr)
      : n(node), m(node), rule(rule) {}

  Results import();

private:
  bool checkAttributes();
  bool readQueries();
  Value normalize(Value x, Value weight);
  bool rotate();
  bool extendCaches();
  void buildMask();

  NodeImporter &n;
  TensorMath m;
  KeyRule rule;
  Type i64 = n.builder().getI64Type();
  AttentionProblem problem;
  AffineExpr steps, total;
  /// i64 [B]: how many keys each row has with the new ones, and without.
  Value lengths, before;
  Value presentKeys, presentValues;
};

} // namespace

bool GroupQueryAttention::checkAttributes() {
  for (StringRef name : {"sliding_window_cache", "qk_output"})
    if (n.getInt(name, 0) != 0)
      n.emitAttributeError(name) << n.getInt(name, 0) << " is not supported";
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (n.getString(name, "NONE") != "NONE")
      n.emitAttributeError(name) << "'" << n.getString(name) << "' is not supported";
  if (n.operand(12) || n.operand(13))
    n.emitError() << "quantized caches are not supported";
  if (!n.getBool("causal", true) && n.getInt("local_window_size", -1) > 0)
    n.emitAttributeError("local_window_size") << "needs causal attention";
  return !n.hasFailed();
}

bool GroupQueryAttention::readQueries() {
  int64_t heads = n.getInt("num_heads"), keyHeads = n.getInt("kv_num_heads");
  Value queries = n.operand(0), keys = n.operand(1), values = n.operand(2);
  constexpr int64_t maxHeads = 1 << 20;
  if (n.rank(queries) != 3 || heads < 1 || heads > maxHeads || keyHeads < 1 ||
      keyHeads > maxHeads || !n.operand(5) || !n.operand(6)) {
    n.emitError() << "queries of rank 3, heads and lengths are needed";
    return false;
  }
  if (!keys) {
    int64_t all = heads + 2 * keyHeads;
    AffineExpr width = n.dim(queries, 2), depth = width.floorDiv(all);
    if (auto known = dyn_cast<AffineConstantExpr>(width); known && known.getValue() % all != 0)
      n.emitError() << "cannot split " << queries.getType() << " into " << all << " heads";
    requireEqual(n, width % all, n.expr(0), "elements that heads leave, and 0,");
    values = m.slice(queries, 2, depth * (heads + keyHeads), depth * keyHeads);
    keys = m.slice(queries, 2, depth * heads, depth * keyHeads);
    queries = m.slice(queries, 2, n.expr(0), depth * heads);
  }
  problem.queries = normalize(splitHeads(n, queries, heads), n.operand(14));
  problem.keys = normalize(splitHeads(n, keys, keyHeads), n.operand(15));
  problem.values = splitHeads(n, values, keyHeads);
  return problem.queries && problem.keys && problem.values;
}

/// The RMS norm of each head, if it has a weight.
Value GroupQueryAttention::normalize(Value x, Value weight) {
  if (!weight || !x)
    return x;
  auto epsilon = n.builder().getF64FloatAttr(n.getFloat("qk_norm_epsilon", 1e-6));
  auto segments = n.builder().getDenseI32ArrayAttr({1, 1, 0});
  return n.infer<RMSNormOp>({x, weight}, {n.attr("axis", 3), n.attr("epsilon", epsilon),
                                          n.attr("operandSegmentSizes", segments)});
}

/// Each row's new keys stand behind its old ones; a first prompt may be padded at its end.
bool GroupQueryAttention::rotate() {
  Value cosines = n.operand(7), sines = n.operand(8), positions = n.operand(9);
  if (!n.getBool("do_rotary", false))
    return true;
  if (!cosines || !sines) {
    n.emitError() << "do_rotary needs caches of cosines and sines";
    return false;
  }
  if (!positions)
    positions = m.add(m.iotaAlong(2, 1, steps), m.unsqueeze(before, {1}));
  AffineExpr half = n.dim(cosines, 1);
  bool interleaved = n.getBool("rotary_interleaved", false);
  cosines = m.gather(cosines, positions, 0);
  sines = m.gather(sines, positions, 0);
  for (Value *part : {&problem.queries, &problem.keys})
    *part = buildRotation(n, *part, cosines, sines, half * 2, interleaved);
  return problem.queries && problem.keys;
}

bool GroupQueryAttention::extendCaches() {
  std::optional<DimExprs> all = readLength(n, n.operand(6), "total_sequence_length");
  Value pastKeys = n.operand(3), pastValues = n.operand(4);
  if (!all || static_cast<bool>(pastKeys) != static_cast<bool>(pastValues) ||
      (pastKeys && n.rank(pastKeys) != 4)) {
    if (!n.hasFailed())
      n.emitError() << "past keys and values of rank 4 and one total length are needed";
    return false;
  }
  total = all->front();
  AffineExpr size = growCache(n, pastKeys ? n.dim(pastKeys, 2) : steps, total);
  presentKeys = extendCache(n, pastKeys, problem.keys, before, size);
  presentValues = extendCache(n, pastValues, problem.values, before, size);
  requireNonNegative(n, size - total, "room in caches behind all keys");
  problem.keys = m.slice(presentKeys, 2, n.expr(0), total);
  problem.values = m.slice(presentValues, 2, n.expr(0), total);
  return problem.keys && problem.values;
}

void GroupQueryAttention::buildMask() {
  Type type = n.elementType(problem.queries);
  Value allowed;
  if (n.getBool("causal", true)) {
    allowed = makeCausalMask(n, steps, total, m.unsqueeze(before, {1, 2, 3}));
  } else {
    allowed = m.less(m.iotaAlong(4, 3, total), m.unsqueeze(lengths, {1, 2, 3}));
  }
  if (int64_t window = n.getInt("local_window_size", -1); window > 0) {
    Value position = m.add(m.iotaAlong(4, 2, steps), m.unsqueeze(before, {1, 2, 3}));
    Value first = m.sub(position, static_cast<double>(window));
    allowed = m.logicalAnd(allowed, m.less(first, m.iotaAlong(4, 3, total)));
  }
  if (rule) {
    Value position = m.add(m.iotaAlong(4, 2, steps), m.unsqueeze(before, {1, 2, 3}));
    allowed = m.logicalAnd(allowed, rule(position, total));
  }
  problem.bias = makeBias(n, allowed, type, -1e30);
  if (n.operand(10))
    problem.bias = m.add(problem.bias, n.operand(10));
}

Results GroupQueryAttention::import() {
  if (!checkAttributes() || !readQueries())
    return failure();
  steps = n.dim(problem.queries, 2);
  Value given = n.cast(n.operand(5), i64);
  lengths = m.add(n.reshape(given, product(n.dims(given), n.context())), 1.0);
  before = m.max(m.sub(lengths, m.shapeScalar(steps)), 0.0);
  if (!before || !rotate() || !extendCaches())
    return failure();
  buildMask();
  problem.scale = n.getFloat("scale", 0);
  problem.softcap = n.getFloat("softcap", 0);
  problem.sink = n.operand(11);
  if (!problem.sink && n.getInt("smooth_softmax", -1) == 1)
    problem.sink =
        m.broadcast(n.makeScalar(n.elementType(problem.queries), 0), n.dim(problem.queries, 1));
  Value result = joinHeads(n, buildAttention(n, problem).result);
  return {{result, presentKeys, presentValues}};
}

// Operands: queries (or all packed), keys, values, past keys, past values, lengths - 1, the total
// length, caches of cosines and sines, positions, bias, sinks, scales of quantized caches, weights
// of norms.
static Results importGroupQueryAttention(NodeImporter &node) {
  return GroupQueryAttention(node).import();
}

Results buildGroupQueryAttention(NodeImporter &node, KeyRule rule) {
  return GroupQueryAttention(node, rule).import();
}

// --- DecoderMaskedMultiHeadAttention ---

/// Queries, and keys and values [B, 1, H * d] of one step, with their part of the bias. Null values
/// after an error.
static SmallVector<Value> readStep(NodeImporter &node, AffineExpr depth, AffineExpr valueDepth) {
  TensorMath m(node);
  int64_t heads = node.getInt("num_heads");
  AffineExpr widths[] = {depth * heads, depth * heads, valueDepth * heads};
  SmallVector<Value> parts = {node.operand(0), node.operand(1), node.operand(2)};
  bool isPacked = !parts[1];
  AffineExpr start = node.expr(0);
  for (auto [number, width] : llvm::enumerate(widths)) {
    if (isPacked)
      parts[number] = m.slice(node.operand(0), 2, start, width);
    bool isNew = parts[number] && node.rank(parts[number]) == 3;
    if (node.operand(10) && isNew)
      parts[number] = m.add(parts[number], m.slice(node.operand(10), 0, start, width));
    start = start + width;
  }
  return parts;
}

// One step with keys and values of before, or those of another sequence (of rank 4). Operands:
// queries (or all packed), keys, values, mask, more bias, past keys, past values, past length,
// beams, where beams came from, bias.
static Results importDecoderAttention(NodeImporter &node) {
  TensorMath m(node);
  int64_t heads = node.getInt("num_heads");
  Value pastKeys = node.operand(5), pastValues = node.operand(6);
  bool isCross = node.operand(1) && node.rank(node.operand(1)) == 4;
  if (node.operand(8) || node.operand(9) || node.getBool("output_qk", false))
    return node.emitError() << "beams and the output of products are not supported";
  if (node.rank(node.operand(0)) != 3 || (!isCross && (!pastKeys || !pastValues)))
    return node.emitError() << "needs queries of rank 3, and past keys and values or those of "
                               "another sequence";
  Value keysBefore = isCross ? node.operand(1) : pastKeys;
  Value valuesBefore = isCross ? node.operand(2) : pastValues;
  if (!node.checkRank(keysBefore, 4) || !node.checkRank(valuesBefore, 4))
    return failure();
  SmallVector<Value> parts = readStep(node, node.dim(keysBefore, 3), node.dim(valuesBefore, 3));
  AttentionProblem problem;
  problem.queries = splitHeads(node, parts[0], heads);
  Value present[2] = {keysBefore, valuesBefore};
  AffineExpr total = node.dim(keysBefore, 2);
  if (!isCross) {
    bool isShared = node.getBool("past_present_share_buffer", false);
    AffineExpr size = total, before = total;
    if (isShared) {
      if (!node.operand(7))
        return node.emitError() << "a shared cache needs the past length";
      std::optional<DimExprs> length = readLength(node, node.operand(7), "past_sequence_length");
      if (!length)
        return failure();
      before = length->front();
      requireNonNegative(node, size - before - 1, "room that a shared cache leaves");
    } else {
      size = total + 1;
    }
    total = before + 1;
    Value starts = m.broadcast(m.shapeScalar(before), node.dim(keysBefore, 0));
    for (int i : {0, 1}) {
      Value fresh = splitHeads(node, parts[i + 1], heads);
      present[i] = isShared ? extendCache(node, present[i], fresh, starts, size)
                            : m.concat({present[i], fresh}, 2);
    }
  }
  problem.keys = m.slice(present[0], 2, node.expr(0), total);
  problem.values = m.slice(present[1], 2, node.expr(0), total);
  if (!problem.queries || !problem.keys || !problem.values)
    return failure();
  if (Value mask = node.operand(3))
    problem.bias =
        makeKeyBias(node, mask, node.dim(problem.queries, 0), total,
                    node.elementType(problem.queries), node.getFloat("mask_filter_value", -10000));
  if (Value more = node.operand(4))
    problem.bias = problem.bias ? m.add(problem.bias, more) : more;
  problem.scale = node.getFloat("scale", 0);
  Value result = joinHeads(node, buildAttention(node, problem).result);
  if (isCross)
    return {{result}};
  return {{result, present[0], present[1]}};
}

void registerCachedAttentionOps(OpRegistry &registry) {
  registry.add("com.microsoft", "GroupQueryAttention", 1, {1, 16}, importGroupQueryAttention);
  registry.add("com.microsoft", "DecoderMaskedMultiHeadAttention", 1, {1, 11},
               importDecoderAttention);
}

} // namespace tenon
