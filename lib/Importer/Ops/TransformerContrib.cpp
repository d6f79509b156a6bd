// Fused transformer ops of com.microsoft, taken apart into primitive ops. Its activations and norms
// are with those of ONNX, its embeddings and products in files of their own.

#include "lib/Importer/Ops/Attention.h"
#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {

// --- Attention ---

/// Which keys [1, 1, 1, T] a mask of rank 1 allows in each row: those before the row's end. [B]
/// ends may be followed by as many starts.
static Value allowRanges(NodeImporter &node, Value mask, AffineExpr batch, AffineExpr keys) {
  TensorMath m(node);
  AffineExpr none = node.expr(0), numStarts = node.dim(mask, 0) - batch;
  Value all = node.cast(mask, node.builder().getI64Type()), key = m.iotaAlong(4, 3, keys);
  requireNonNegative(node, numStarts, "elements of the mask beyond one for each row");
  Value ends = m.slice(all, 0, none, batch);
  Value allowed = m.less(key, m.unsqueeze(ends, {1, 2, 3}));
  if (numStarts == none)
    return allowed;
  AffineExpr missing = batch - numStarts;
  requireNonNegative(node, missing, "elements of the mask, less than two for each row,");
  if (auto constant = dyn_cast<AffineConstantExpr>(missing); constant && constant.getValue() > 0) {
    node.emitError() << "a mask of type " << mask.getType() << " has not two numbers for each row";
    return nullptr;
  }
  Value starts = m.pad(m.slice(all, 0, batch, numStarts), none, batch);
  return m.logicalAnd(allowed, m.lessEqual(m.unsqueeze(starts, {1, 2, 3}), key));
}

Value makeKeyBias(NodeImporter &node, Value mask, AffineExpr batch, AffineExpr keys, Type type,
                  double masked) {
  TensorMath m(node);
  int64_t rank = node.rank(mask);
  if (rank == 1)
    return makeBias(node, allowRanges(node, mask, batch, keys), type, masked);
  if (rank != 2 && rank != 3) {
    node.emitError() << "masks of type " << mask.getType() << " are not supported";
    return nullptr;
  }
  Value allowed = m.less(0.0, node.cast(mask, node.builder().getI64Type()));
  return makeBias(node, rank == 2 ? m.unsqueeze(allowed, {1, 2}) : m.unsqueeze(allowed, {1}), type,
                  masked);
}

static Value sum(NodeImporter &node, Value a, Value b) {
  return !a ? b : !b ? a : TensorMath(node).add(a, b);
}

/// Attention of queries, keys and values in one tensor [B, S, 3 * H * d]; mask, past [2, B, H, P,
/// d] and `moreBias` may be null.
static Results buildPackedAttention(NodeImporter &node, Value packed, Value mask, Value past,
                                    Value moreBias) {
  TensorMath m(node);
  int64_t heads = node.getInt("num_heads");
  if (!packed || node.rank(packed) != 3 || heads < 1)
    return node.hasFailed() ? failure() : node.emitError() << "needs heads and inputs of rank 3";
  AffineExpr width = node.dim(packed, 2);
  DimExprs sizes(3, width.floorDiv(3));
  if (node.hasAttribute("qkv_hidden_sizes"))
    sizes = llvm::map_to_vector<6>(node.getInts("qkv_hidden_sizes"),
                                   [&](int64_t size) { return node.expr(size); });
  if (sizes.size() != 3 || !llvm::all_of(sizes, isKnownNonNegative))
    return node.emitAttributeError("qkv_hidden_sizes") << "needs three sizes";
  AffineExpr all = sizes[0] + sizes[1] + sizes[2];
  if (!dependsOnSymbols(all - width) && all != width)
    return node.emitAttributeError("qkv_hidden_sizes") << "does not fit " << packed.getType();
  requireEqual(node, width, all, "sizes of queries, keys and values together");
  AttentionProblem problem;
  Value *parts[] = {&problem.queries, &problem.keys, &problem.values};
  AffineExpr start = node.expr(0);
  for (auto [part, size] : llvm::zip(parts, sizes)) {
    *part = splitHeads(node, m.slice(packed, 2, start, size), heads);
    start = start + size;
  }
  AffineExpr before = node.expr(0);
  if (past) {
    before = node.dim(past, 3);
    problem.keys = m.concat({m.squeeze(m.slice(past, 0, 0, 1), {0}), problem.keys}, 2);
    problem.values = m.concat({m.squeeze(m.slice(past, 0, 1, 1), {0}), problem.values}, 2);
  }
  if (!problem.keys || !problem.values || !problem.queries)
    return failure();
  Type type = node.elementType(packed);
  AffineExpr keys = node.dim(problem.keys, 2);
  double masked = node.getFloat("mask_filter_value", -10000);
  if (mask)
    problem.bias = makeKeyBias(node, mask, node.dim(packed, 0), keys, type, masked);
  if (node.getBool("unidirectional", false)) {
    Value causal = makeCausalMask(node, node.dim(packed, 1), keys, m.shapeScalar(before));
    // Finite, so that a row whose keys are all masked still has a largest score.
    problem.bias = sum(node, problem.bias, makeBias(node, causal, type, -1e30));
  }
  problem.bias = sum(node, problem.bias, moreBias);
  problem.scale = node.getFloat("scale", 0);
  SmallVector<Value> results = {joinHeads(node, buildAttention(node, problem).result)};
  if (node.hasOutput(1))
    results.push_back(
        m.concat({m.unsqueeze(problem.keys, {0}), m.unsqueeze(problem.values, {0})}, 0));
  return results;
}

/// False after an error about what Attention and QAttention have on one kind of device only.
static bool hasPlainState(NodeImporter &node) {
  for (StringRef name : {"do_rotary", "past_present_share_buffer"})
    if (node.getBool(name, false))
      node.emitAttributeError(name) << "is not supported";
  return !node.hasFailed();
}

// Operands: x [B, S, I], weights [I, 3 * H * d], bias, mask, past, more bias.
static Results importContribAttention(NodeImporter &node) {
  if (!hasPlainState(node))
    return failure();
  Value packed = buildMatMul(node, node.operand(0), node.operand(1));
  if (node.operand(2))
    packed = TensorMath(node).add(packed, node.operand(2));
  return buildPackedAttention(node, packed, node.operand(3), node.operand(4), node.operand(5));
}

// The projection is one of integers. Operands: x, weights, bias, the scales of x and weights, mask,
// the zero points of x and weights, past.
static Results importQAttention(NodeImporter &node) {
  TensorMath m(node);
  if (!hasPlainState(node))
    return failure();
  Type type = node.elementType(node.operand(4)), f32 = node.builder().getF32Type();
  Value zero = node.operand(6);
  if (zero)
    zero = toOneNumber(node, zero, "the zero point of the input");
  Value sums = multiplyQuantized(node, node.operand(0), zero, node.operand(1), node.operand(7));
  Value scale = node.cast(toOneNumber(node, node.operand(3), "the scale of the input"), f32);
  scale = m.mul(scale, node.cast(alignWithMatrix(node, node.operand(4), 1), f32));
  Value packed = node.cast(scaleSums(node, sums, scale), type);
  return buildPackedAttention(node, m.add(packed, node.operand(2)), node.operand(5),
                              node.operand(8), /*moreBias=*/nullptr);
}

/// Part `number` of what is packed for each head: [B, S, H, parts, d] as [B, S, H * d].
static Value unpackHeads(NodeImporter &node, Value packed, int64_t number) {
  Value part = TensorMath(node).slice(packed, 3, number, 1);
  if (!part)
    return part;
  DimExprs dims = node.dims(part);
  return node.reshape(part, {dims[0], dims[1], dims[2] * dims[4]});
}

// Operands: queries (or all packed), keys (or with values packed), values, bias, key padding mask,
// more bias, past keys, past values.
static Results importMultiHeadAttention(NodeImporter &node) {
  TensorMath m(node);
  int64_t heads = node.getInt("num_heads");
  AttentionProblem problem;
  Value inputs[] = {node.operand(0), node.operand(1), node.operand(2)};
  if (node.rank(inputs[0]) == 5 && !inputs[1] && !inputs[2])
    for (int64_t number : {2, 1, 0})
      inputs[number] = unpackHeads(node, node.operand(0), number);
  if (inputs[1] && !inputs[2] && node.rank(inputs[1]) == 5)
    for (int64_t number : {1, 0})
      inputs[number + 1] = unpackHeads(node, node.operand(1), number);
  if (node.hasFailed())
    return failure();
  if (!inputs[1] || !inputs[2] || node.rank(inputs[0]) != 3)
    return node.emitError() << "queries of type " << node.operand(0).getType()
                            << " lack keys and values";
  if (node.operand(8) || node.operand(9))
    return node.emitError() << "a buffer that past and present share is not supported";
  if (Value bias = node.operand(3)) {
    AffineExpr start = node.expr(0);
    for (Value &input : inputs) {
      if (node.rank(input) != 3)
        continue;
      AffineExpr size = node.dim(input, 2);
      requireNonNegative(node, node.dim(bias, 0) - start - size, "what the bias has beyond inputs");
      input = m.add(input, m.slice(bias, 0, start, size));
      start = start + size;
    }
  }
  problem.queries = splitHeads(node, inputs[0], heads);
  problem.keys = node.rank(inputs[1]) == 3 ? splitHeads(node, inputs[1], heads) : inputs[1];
  problem.values = node.rank(inputs[2]) == 3 ? splitHeads(node, inputs[2], heads) : inputs[2];
  AffineExpr before = node.expr(0);
  if (node.operand(6) && node.operand(7)) {
    before = node.dim(node.operand(6), 2);
    problem.keys = m.concat({node.operand(6), problem.keys}, 2);
    problem.values = m.concat({node.operand(7), problem.values}, 2);
  }
  if (!problem.queries || !problem.keys || !problem.values)
    return failure();
  Type type = node.elementType(problem.queries);
  AffineExpr keys = node.dim(problem.keys, 2);
  if (Value mask = node.operand(4))
    problem.bias = makeKeyBias(node, mask, node.dim(problem.queries, 0), keys, type,
                               node.getFloat("mask_filter_value", -10000));
  if (node.getBool("unidirectional", false)) {
    Value causal = makeCausalMask(node, node.dim(problem.queries, 2), keys, m.shapeScalar(before));
    problem.bias = sum(node, problem.bias, makeBias(node, causal, type, -1e30));
  }
  problem.bias = sum(node, problem.bias, node.operand(5));
  problem.scale = node.getFloat("scale", 0);
  Value result = joinHeads(node, buildAttention(node, problem).result);
  return {{result, problem.keys, problem.values}};
}

// Operands: x, positions [B, S] or [1] (where the first one is), caches of cosines and sines.
static Results importContribRotaryEmbedding(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), positions = node.operand(1);
  Value cosines = node.operand(2), sines = node.operand(3);
  int64_t heads = node.getInt("num_heads", 0), dim = node.getInt("rotary_embedding_dim", 0);
  AffineExpr half = node.dim(cosines, -1);
  bool isFlat = node.rank(x) == 3;
  if (auto known = dyn_cast<AffineConstantExpr>(half);
      isFlat && heads == 0 && known && known.getValue() > 0) {
    auto width = dyn_cast<AffineConstantExpr>(node.dim(x, 2));
    heads = width ? width.getValue() / (2 * known.getValue()) : 0;
  }
  if (isFlat)
    x = splitHeads(node, x, heads);
  if (!x)
    return failure();
  Value where = positions;
  if (node.rank(positions) == 1)
    where = m.add(m.iotaAlong(2, 1, node.dim(x, 2)), m.unsqueeze(positions, {0}));
  Value result =
      buildRotation(node, x, m.gather(cosines, where, 0), m.gather(sines, where, 0),
                    dim == 0 ? half * 2 : node.expr(dim), node.getBool("interleaved", false));
  return {{isFlat ? joinHeads(node, result) : result}};
}

/// What chooses one of three streams of positions, elements of which have columns of their own:
/// those of the first stream, and booleans [columns] for the others.
struct Streams {
  SmallVector<double> isSecond, isThird;
};

/// Sections follow each other, or are interleaved as far as they reach: every third column belongs
/// to the second stream, and the one behind it to the third.
static Streams divideColumns(ArrayRef<int64_t> sections, bool interleaved) {
  Streams streams;
  int64_t count = sections[0] + sections[1] + sections[2];
  for (int64_t i = 0; i < count; ++i) {
    int64_t first = sections[0], second = first + sections[1];
    bool isSecond = interleaved ? i % 3 == 1 && i < 3 * sections[1] : i >= first && i < second;
    bool isThird = interleaved ? i % 3 == 2 && i < 3 * sections[2] : i >= second;
    streams.isSecond.push_back(isSecond);
    streams.isThird.push_back(isThird);
  }
  return streams;
}

// Positions are three streams [3, B, S], for time, height and width.
static Results importMRotaryEmbedding(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), positions = node.operand(1);
  NodeImporter::Ints sections = node.getInts("mrope_section");
  int64_t layout = node.getInt("mrope_layout", 0);
  constexpr int64_t most = 1 << 20;
  auto isSize = [](int64_t size) { return size >= 0 && size < most; };
  if (node.hasFailed())
    return failure();
  if (sections.size() != 3 || !llvm::all_of(sections, isSize))
    return node.emitAttributeError("mrope_section") << "needs three sizes";
  if (layout != 0 && layout != 1)
    return node.emitAttributeError("mrope_layout") << "unknown layout " << layout;
  if (node.rank(positions) != 3)
    return node.emitError() << "positions need rank 3, not " << positions.getType();
  int64_t half = sections[0] + sections[1] + sections[2];
  int64_t heads = node.getInt("num_heads", 0);
  bool isFlat = node.rank(x) == 3;
  if (isFlat && heads == 0 && half > 0)
    if (auto width = dyn_cast<AffineConstantExpr>(node.dim(x, 2)))
      heads = width.getValue() / (2 * half);
  if (isFlat)
    x = splitHeads(node, x, heads);
  Streams streams = divideColumns(sections, layout == 1);
  Type i1 = node.builder().getI1Type(), i64 = node.builder().getI64Type();
  Value isSecond = node.cast(m.constants(i64, streams.isSecond), i1);
  Value isThird = node.cast(m.constants(i64, streams.isThird), i1);
  auto angles = [&](Value cache) {
    cache = m.sized(cache, {node.dim(cache, 0), node.expr(half)}, "a cache of angles");
    auto stream = [&](int64_t which) {
      return m.gather(cache, m.squeeze(m.slice(positions, 0, which, 1), {0}), 0);
    };
    return m.select(isThird, stream(2), m.select(isSecond, stream(1), stream(0)));
  };
  Value result = buildRotation(node, x, angles(node.operand(2)), angles(node.operand(3)),
                               node.expr(2 * half), node.getBool("interleaved", false));
  return {{isFlat ? joinHeads(node, result) : result}};
}

// Operands: angles [B, S, d], queries, their halves turned, keys, their halves turned.
static Results importGemmaRotaryEmbedding(NodeImporter &node) {
  TensorMath m(node);
  Type type = node.elementType(node.operand(1));
  auto along = [&](Value x) {
    return node.checkRank(x, 1) ? m.unsqueeze(node.cast(x, type), {1}) : Value();
  };
  Value cosines = along(node.infer<CosOp>(node.operand(0)));
  Value sines = along(node.infer<SinOp>(node.operand(0)));
  auto rotate = [&](unsigned number) {
    return m.add(m.mul(node.operand(number), cosines), m.mul(node.operand(number + 1), sines));
  };
  return {{rotate(1), rotate(3)}};
}

void registerTransformerContribOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("Attention", {2, 7}, importContribAttention);
  add("MultiHeadAttention", {1, 10}, importMultiHeadAttention);
  add("RotaryEmbedding", 4, importContribRotaryEmbedding);
  add("MRotaryEmbedding", 4, importMRotaryEmbedding);
  add("GemmaRotaryEmbedding", 5, importGemmaRotaryEmbedding);
  add("QAttention", {5, 9}, importQAttention);
}

} // namespace tenon
