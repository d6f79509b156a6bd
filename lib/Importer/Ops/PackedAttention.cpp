// Transformers of com.microsoft whose batches have no padding: tokens of all sequences follow each
// other. Attention pads them, and takes the padding out again.
//
//     tokens       [T, W]
//     offsets      [B, S]: where in the padded [B * S] each token lies, then where padding does
//     ends         [B + 1]: how many tokens sequences have together, up to each

#include "lib/Importer/Ops/Attention.h"
#include "lib/Importer/Ops/Contractions.h"

using namespace mlir;

namespace tenon {

namespace {

/// How the tokens of a node become a batch.
class Packing {
public:
  Packing(NodeImporter &node, Value offsets, Value ends, AffineExpr tokens)
      : n(node), m(node), offsets(offsets), tokens(tokens) {
    batch = n.dim(offsets, 0);
    steps = n.dim(offsets, 1);
    ends = n.cast(m.sized(ends, batch + 1, "ends of sequences"), n.builder().getI64Type());
    starts = m.unsqueeze(m.slice(ends, 0, n.expr(0), batch), {1});
    lengths = m.sub(m.unsqueeze(m.slice(ends, 0, n.expr(1), batch), {1}), starts);
  }

  /// [T, W] as [B, S, W].
  Value pad(Value x) {
    Value place = m.add(starts, m.iotaAlong(2, 1, steps));
    Value last = m.shapeScalar(tokens - 1);
    return m.gather(x, m.max(m.min(place, last), 0.0), 0);
  }

  /// [B, S, W] as [T, W].
  Value unpad(Value x) {
    if (!x)
      return x;
    Value rows = n.reshape(x, {batch * steps, n.dim(x, 2)});
    requireNonNegative(n, batch * steps - tokens, "places for tokens");
    Value order = n.reshape(offsets, batch * steps);
    return m.gather(rows, m.slice(order, 0, n.expr(0), tokens), 0);
  }

  /// Zero at keys [B, 1, 1, S] that are tokens.
  Value makeBias(Type type) {
    Value isToken = m.less(m.iotaAlong(2, 1, steps), lengths);
    return tenon::makeBias(n, m.unsqueeze(isToken, {1, 2}), type, -1e30);
  }

private:
  NodeImporter &n;
  TensorMath m;
  Value offsets, starts, lengths;
  AffineExpr tokens, batch, steps;
};

} // namespace

/// Attention of queries, keys and values [T, H * d] with one head behind the other.
static Results attend(NodeImporter &node, MutableArrayRef<Value> parts, Value offsets, Value ends,
                      Value moreBias) {
  TensorMath m(node);
  int64_t heads = node.getInt("num_heads");
  if (node.hasFailed())
    return failure();
  if (node.rank(offsets) != 2 || node.rank(ends) != 1 || node.rank(parts[0]) != 2)
    return node.emitError() << "tokens and their offsets need rank 2, and ends rank 1";
  Packing packing(node, offsets, ends, node.dim(parts[0], 0));
  AttentionProblem problem;
  problem.queries = splitHeads(node, packing.pad(parts[0]), heads);
  problem.keys = splitHeads(node, packing.pad(parts[1]), heads);
  problem.values = splitHeads(node, packing.pad(parts[2]), heads);
  problem.bias = packing.makeBias(node.elementType(parts[0]));
  if (moreBias)
    problem.bias = m.add(problem.bias, moreBias);
  problem.scale = node.getFloat("scale", 0);
  return {{packing.unpad(joinHeads(node, buildAttention(node, problem).result))}};
}

// Operands: tokens [T, I], weights [I, 3 * H * d], bias, offsets, ends, more bias.
static Results importPackedAttention(NodeImporter &node) {
  TensorMath m(node);
  Value packed = m.add(buildMatMul(node, node.operand(0), node.operand(1)), node.operand(2));
  if (!packed || node.rank(packed) != 2)
    return node.hasFailed() ? failure() : node.emitError() << "tokens need rank 2";
  DimExprs sizes(3, node.dim(packed, 1).floorDiv(3));
  if (node.hasAttribute("qkv_hidden_sizes"))
    sizes = llvm::map_to_vector<6>(node.getInts("qkv_hidden_sizes"),
                                   [&](int64_t size) { return node.expr(size); });
  if (sizes.size() != 3 || !llvm::all_of(sizes, isKnownNonNegative))
    return node.emitAttributeError("qkv_hidden_sizes") << "needs three sizes";
  requireEqual(node, node.dim(packed, 1), sizes[0] + sizes[1] + sizes[2],
               "sizes of queries, keys and values together");
  SmallVector<Value> parts;
  AffineExpr start = node.expr(0);
  for (AffineExpr size : sizes) {
    parts.push_back(m.slice(packed, 1, start, size));
    start = start + size;
  }
  return attend(node, parts, node.operand(3), node.operand(4), node.operand(5));
}

// Operands: queries [T, H * d] or all packed [T, H, 3, d], keys, values, bias, offsets, ends, more
// bias.
static Results importPackedMultiHeadAttention(NodeImporter &node) {
  TensorMath m(node);
  SmallVector<Value> parts = {node.operand(0), node.operand(1), node.operand(2)};
  if (node.rank(parts[0]) == 4 && !parts[1] && !parts[2])
    for (int64_t number : {2, 1, 0}) {
      Value part = m.slice(node.operand(0), 2, number, 1);
      if (!part)
        return failure();
      DimExprs dims = node.dims(part);
      parts[number] = node.reshape(part, {dims[0], dims[1] * dims[3]});
    }
  if (!parts[1] || !parts[2])
    return node.emitError() << "queries of type " << node.operand(0).getType()
                            << " lack keys and values";
  AffineExpr start = node.expr(0);
  for (Value &part : parts) {
    AffineExpr size = node.dim(part, 1);
    if (node.operand(3))
      part = m.add(part, m.slice(node.operand(3), 0, start, size));
    start = start + size;
  }
  return attend(node, parts, node.operand(4), node.operand(5), node.operand(6));
}

// Operands: tokens [T, W], offsets [B, S]. Padding becomes zeros.
static Results importRestorePadding(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), offsets = node.operand(1);
  if (node.rank(x) != 2 || node.rank(offsets) != 2)
    return node.emitError() << "tokens and offsets need rank 2";
  AffineExpr batch = node.dim(offsets, 0), steps = node.dim(offsets, 1), tokens = node.dim(x, 0);
  requireNonNegative(node, batch * steps - tokens, "places for tokens");
  Value order = m.slice(node.reshape(offsets, batch * steps), 0, node.expr(0), tokens);
  order = m.unsqueeze(node.cast(order, node.builder().getI64Type()), {1});
  Type type = node.elementType(x), f32 = node.builder().getF32Type();
  DimExprs rows = {batch * steps, node.dim(x, 1)};
  Value padded = node.infer<ScatterNDOp>(
      {m.broadcast(node.makeScalar(f32, 0), rows), order, node.cast(x, f32)},
      node.attr("kind", ScatterKindAttr::get(node.context(), ScatterKind::None)));
  return {{node.cast(node.reshape(padded, {batch, steps, rows[1]}), type)}};
}

// Operands: rows of tokens [B, S, W], how many are no padding [B]. Outputs: the tokens, behind each
// other; the places of tokens, then those of padding [B, S]; where rows begin [B + 1]; the longest.
static Results importRemovePadding(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), lengths = node.operand(1);
  Type i32 = node.builder().getI32Type(), i64 = node.builder().getI64Type();
  if (node.rank(x) != 3 || node.rank(lengths) != 1)
    return node.emitError() << "needs tokens of rank 3 and lengths of rank 1";
  AffineExpr batch = node.dim(x, 0), steps = node.dim(x, 1);
  lengths = m.sized(node.cast(lengths, i64), {batch}, "lengths");
  Value isToken = m.less(m.iotaAlong(2, 1, steps), m.unsqueeze(lengths, {1}));
  isToken = isToken ? node.reshape(isToken, batch * steps) : isToken;
  Value tokens = m.nonZero(isToken, "tokens"),
        padding = m.nonZero(m.logicalNot(isToken), "padding");
  if (!tokens || !padding)
    return failure();
  tokens = m.squeeze(tokens, {0});
  Value places = m.sized(m.concat({tokens, m.squeeze(padding, {0})}, 0), {batch * steps}, "places");
  Value rows = m.gather(node.reshape(x, {batch * steps, node.dim(x, 2)}), tokens, 0);
  Value ends = node.infer<CumulateOp>(
      lengths, {node.attr("axis", 0),
                node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Sum))});
  Value starts = m.concat({m.constants(i64, {0.0}), ends}, 0);
  return {{rows, node.cast(node.reshape(places, {batch, steps}), i32), node.cast(starts, i32),
           node.cast(m.maximum(lengths, 0), i32)}};
}

void registerPackedAttentionOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("PackedAttention", {5, 6}, importPackedAttention);
  add("PackedMultiHeadAttention", {1, 7}, importPackedMultiHeadAttention);
  add("RemovePadding", 2, importRemovePadding);
  add("RestorePadding", 2, importRestorePadding);
}

} // namespace tenon
