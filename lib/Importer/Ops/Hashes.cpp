// Hashes of com.microsoft: MurmurHash3, and NGramHashMapping, whose hashes of n-grams of tokens are
// rows of a table of embeddings, with its form for sequences of any length in one tensor.

#include "lib/Importer/Ops/TensorMath.h"
#include <functional>

using namespace mlir;

namespace tenon {

// --- MurmurHash3 ---

namespace {

/// MurmurHash3_x86_32 of keys of one or two words of 32 bits.
class Murmur {
public:
  explicit Murmur(NodeImporter &node) : n(node), m(node) {}

  Results import();

private:
  SmallVector<Value> splitWords(Value keys);
  Value mixFinally(Value hash);
  Value number(uint32_t value) { return n.makeScalar(u32, value); }
  Value rotate(Value x, uint32_t amount) {
    return m.logicalOr(n.infer<ShiftLeftOp>({x, number(amount)}),
                       n.infer<ShiftRightOp>({x, number(32 - amount)}));
  }
  Value exclusiveOr(Value a, Value b) { return n.infer<XorOp>({a, b}); }
  Value xorShift(Value x, uint32_t amount) {
    return exclusiveOr(x, n.infer<ShiftRightOp>({x, number(amount)}));
  }

  NodeImporter &n;
  TensorMath m;
  Type u32 = n.builder().getIntegerType(32, /*isSigned=*/false);
};

} // namespace

/// The words of each key, the lower first. Nothing after an error.
SmallVector<Value> Murmur::splitWords(Value keys) {
  Type type = n.elementType(keys);
  unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 0;
  if (bits != 32 && bits != 64) {
    n.emitError() << "keys of type " << keys.getType()
                  << " are not supported, only those of 32 or 64 bits";
    return {};
  }
  if (isa<FloatType>(type)) {
    Type integer = n.builder().getIntegerType(bits);
    keys = n.infer<BitCastOp>(keys, n.attr("to", TypeAttr::get(integer)));
  }
  if (bits == 32)
    return {n.cast(keys, u32)};
  Type u64 = n.builder().getIntegerType(64, /*isSigned=*/false);
  keys = n.cast(keys, u64);
  return {n.cast(keys, u32), n.cast(n.infer<ShiftRightOp>({keys, n.makeScalar(u64, 32)}), u32)};
}

Value Murmur::mixFinally(Value hash) {
  hash = m.mul(xorShift(hash, 16), number(0x85ebca6b));
  hash = m.mul(xorShift(hash, 13), number(0xc2b2ae35));
  return xorShift(hash, 16);
}

Results Murmur::import() {
  SmallVector<Value> words = splitWords(n.operand(0));
  Value hash = number(static_cast<uint32_t>(n.getInt("seed", 0)));
  if (n.hasFailed())
    return failure();
  for (Value word : words) {
    Value mixed = rotate(m.mul(word, number(0xcc9e2d51)), 15);
    hash = rotate(exclusiveOr(hash, m.mul(mixed, number(0x1b873593))), 13);
    hash = m.add(m.mul(hash, number(5)), number(0xe6546b64));
  }
  hash = mixFinally(exclusiveOr(hash, number(static_cast<uint32_t>(4 * words.size()))));
  return {{n.getBool("positive", true) ? hash : n.cast(hash, n.builder().getI32Type())}};
}

static Results importMurmurHash3(NodeImporter &node) { return Murmur(node).import(); }

// --- NGramHashMapping ---

namespace {

/// Hashes of the n-grams that end at each token: for n from 2 on,
///
///     mix = token * multiplier[0] ^ the one before * multiplier[1] ^ ...
///     hash[head] = mix mod size[head] + offset[head]
///
/// A token is not seen across a boundary: the end of a text, or where segments meet.
class NGramHash {
public:
  /// What stands `distance` before each token: tokens, segments, or null if there are none.
  using Before = std::function<Value(int64_t distance)>;

  explicit NGramHash(NodeImporter &node) : n(node), m(node) {}

  /// Operands: offsets of hashes, the token that ends a text; both may be null.
  bool read(Value ids, unsigned offsets, unsigned end);
  /// Hashes [..., heads] of tokens. `crosses` tells, i1, where segments meet between a token
  /// `distance` before and the one behind it; it may be null.
  Value build(const Before &tokens, const Before &crosses);
  /// What stands where there is no token.
  Value getFill() { return fill; }
  int64_t getHistory() const { return size - 1; }

private:
  NodeImporter &n;
  TensorMath m;
  int64_t size = 0, heads = 0;
  Value fill, end, offsets;
};

} // namespace

bool NGramHash::read(Value ids, unsigned offsetsOperand, unsigned endOperand) {
  size = n.getInt("max_ngram_size");
  heads = n.getInt("n_head_per_ngram");
  int64_t padding = n.getInt("pad_id");
  constexpr int64_t most = 64, mostHeads = 1 << 16;
  if (n.hasFailed())
    return false;
  if (size < 2 || size > most || heads < 1 || heads > mostHeads) {
    n.emitError() << "n-grams of " << size << " tokens with " << heads << " heads";
    return false;
  }
  offsets = n.operand(offsetsOperand);
  fill = n.makeScalar(n.elementType(ids), static_cast<double>(padding));
  if (Value token = n.operand(endOperand)) {
    fill = m.toScalar(token);
    end = n.getBool("reset_on_eos", false) ? fill : Value();
  }
  Value sizes = n.operand(2);
  n.setOperand(2, m.sized(sizes, n.expr((size - 1) * heads), "vocab_sizes"));
  return fill && n.operand(2);
}

Value NGramHash::build(const Before &tokens, const Before &crosses) {
  Value isHidden, mix;
  SmallVector<Value> hashes;
  for (int64_t distance = 0; distance < size; ++distance) {
    Value token = tokens(distance);
    if (!token)
      return nullptr;
    auto hide = [&](Value more) { isHidden = isHidden ? m.logicalOr(isHidden, more) : more; };
    if (distance > 0 && end)
      hide(m.equal(token, end));
    if (distance > 0 && crosses)
      hide(crosses(distance));
    if (isHidden && distance > 0)
      token = m.select(isHidden, fill, token);
    Value product = m.mul(token, m.slice(n.operand(1), 0, distance, 1));
    mix = mix ? n.infer<XorOp>({mix, product}) : product;
    if (distance == 0)
      continue;
    int64_t first = (distance - 1) * heads, last = n.rank(mix);
    Value hash = n.infer<ModOp>({m.unsqueeze(mix, {last}), m.slice(n.operand(2), 0, first, heads)});
    if (offsets)
      hash = m.add(hash, m.slice(offsets, 0, first, heads));
    hashes.push_back(hash);
  }
  return m.concat(hashes, n.rank(mix));
}

// Operands: ids [B, S], multipliers, sizes of vocabularies, ids before [B, N - 1], offsets, the end
// token, segments [B, S].
static Results importNGramHashMapping(NodeImporter &node) {
  TensorMath m(node);
  NGramHash hash(node);
  Value ids = node.operand(0), segments = node.operand(6);
  if (node.rank(ids) != 2)
    return node.emitError() << "ids need rank 2, not " << ids.getType();
  if (!hash.read(ids, 4, 5))
    return failure();
  AffineExpr batch = node.dim(ids, 0), length = node.dim(ids, 1);
  int64_t history = hash.getHistory();
  DimExprs before = {batch, node.expr(history)};
  Value past = node.operand(3) ? m.sized(node.operand(3), before, "ids before")
                               : m.broadcast(hash.getFill(), before);
  Value all = m.concat({past, ids}, 1);
  auto tokens = [&](int64_t distance) {
    return m.slice(all, 1, node.expr(history - distance), length);
  };
  // Segments are known of given ids only: the first of a row meets nothing.
  NGramHash::Before crosses;
  if (segments) {
    segments = m.sized(segments, {batch, length}, "segments");
    Value first = m.slice(segments, 1, 0, 1);
    Value extended = m.concat({m.broadcast(first, before), segments}, 1);
    crosses = [&, extended](int64_t distance) {
      auto at = [&](int64_t d) { return m.slice(extended, 1, node.expr(history - d), length); };
      return m.logicalNot(m.equal(at(distance), at(distance - 1)));
    };
  }
  Value hashes = hash.build(tokens, crosses);
  return {{hashes, m.slice(all, 1, length, node.expr(history))}};
}

namespace {

/// Tokens of several texts [T], one behind the other; text i has positions ends[i] to ends[i + 1].
class PackedTexts {
public:
  PackedTexts(NodeImporter &node, Value ends) : n(node), m(node), ends(ends) {
    count = n.dim(ends, 0) - 1;
    starts = m.slice(ends, 0, n.expr(0), count);
    lengths = m.sub(m.slice(ends, 0, n.expr(1), count), starts);
  }

  /// The text of each of `total` positions, and where in it the position is.
  void locate(AffineExpr total, Value &text, Value &offset) {
    Value position = m.iotaAlong(2, 0, total);
    Value isBehind = m.lessEqual(m.unsqueeze(m.slice(ends, 0, n.expr(1), count), {0}), position);
    text = m.squeeze(m.sum(n.cast(isBehind, i64), 1), {1});
    offset = m.sub(m.squeeze(position, {1}), m.gather(starts, text, 0));
  }

  /// The elements of `values` at offsets in texts; those before a text's beginning, which are
  /// negative, are the last of its row of `past` [B, P].
  Value read(Value values, Value past, Value text, Value offset) {
    Value inside = m.gather(values, m.max(m.add(m.gather(starts, text, 0), offset), 0.0), 0);
    AffineExpr width = n.dim(past, 1), rows = n.dim(past, 0);
    Value slot = m.add(offset, m.shapeScalar(width));
    Value place = m.add(m.mul(text, m.shapeScalar(width)), m.max(slot, 0.0));
    Value flat = n.reshape(past, rows * width);
    Value last = m.shapeScalar(rows * width - 1);
    Value before = m.gather(flat, m.min(place, last), 0);
    return m.select(m.less(offset, 0.0), before, inside);
  }

  AffineExpr count;
  Value starts, lengths; // i64 [B]

private:
  NodeImporter &n;
  TensorMath m;
  Type i64 = n.builder().getI64Type();
  Value ends;
};

} // namespace

// Operands: ids [T], multipliers, sizes of vocabularies, ends of texts [B + 1], ids before [B, N -
// 1], offsets, the end token, segments [T], segments before, how many states to give for each text.
static Results importVarlenNGramHashMapping(NodeImporter &node) {
  TensorMath m(node);
  NGramHash hash(node);
  Value ids = node.operand(0), segments = node.operand(7), captures = node.operand(9);
  if (node.rank(ids) != 1 || !node.operand(3) || node.rank(node.operand(3)) != 1)
    return node.emitError() << "ids and ends of texts need rank 1";
  if (!hash.read(ids, 5, 6))
    return failure();
  Type i64 = node.builder().getI64Type();
  PackedTexts texts(node, node.cast(node.operand(3), i64));
  int64_t history = hash.getHistory(), capacity = node.getInt("state_update_capacity", 0);
  DimExprs before = {texts.count, node.expr(history)};
  Value past = node.operand(4) ? m.sized(node.operand(4), before, "ids before")
                               : m.broadcast(hash.getFill(), before);
  Value text, offset;
  texts.locate(node.dim(ids, 0), text, offset);
  auto tokens = [&](int64_t distance) {
    return texts.read(ids, past, text, m.sub(offset, static_cast<double>(distance)));
  };
  NGramHash::Before crosses;
  Value pastSegments = node.operand(8);
  if (segments) {
    // A text begins in its first segment, if nothing says what was before.
    Value first = m.unsqueeze(m.gather(segments, texts.starts, 0), {1});
    pastSegments = pastSegments ? m.sized(pastSegments, before, "segments before")
                                : m.broadcast(first, before);
    crosses = [&](int64_t distance) {
      auto at = [&](int64_t d) {
        return texts.read(segments, pastSegments, text, m.sub(offset, static_cast<double>(d)));
      };
      return m.logicalNot(m.equal(at(distance), at(distance - 1)));
    };
  }
  SmallVector<Value> results = {hash.build(tokens, crosses)};
  // The last tokens of the past and each text.
  Value row = m.iotaAlong(2, 0, texts.count);
  Value slot = m.sub(m.iotaAlong(2, 1, node.expr(history)), static_cast<double>(history));
  Value last = m.add(m.unsqueeze(texts.lengths, {1}), slot);
  Value rows = m.broadcast(row, before);
  results.push_back(texts.read(ids, past, rows, last));
  if (!segments && node.hasOutput(2))
    return node.emitError() << "segments are asked for, but none are given";
  results.push_back(segments
                        ? texts.read(segments, pastSegments, rows, last)
                        : m.broadcast(node.makeScalar(node.builder().getI32Type(), 0), before));
  if (capacity > 0 && captures) {
    DimExprs dims = {texts.count, node.expr(capacity), node.expr(history)};
    Value used = m.add(m.iotaAlong(3, 1, node.expr(capacity)), 1.0);
    Value state = texts.read(ids, past, m.broadcast(m.iotaAlong(3, 0, texts.count), dims),
                             m.broadcast(m.add(used, m.unsqueeze(slot, {0})), dims));
    Value count = m.min(node.cast(captures, i64), texts.lengths);
    Value isUsed = m.lessEqual(used, m.unsqueeze(count, {1, 2}));
    Value padding =
        node.makeScalar(node.elementType(ids), static_cast<double>(node.getInt("pad_id")));
    results.push_back(m.select(isUsed, state, padding));
  }
  return results;
}

void registerHashOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("MurmurHash3", 1, importMurmurHash3);
  add("NGramHashMapping", {3, 7}, importNGramHashMapping);
  add("VarlenNGramHashMapping", {4, 10}, importVarlenNGramHashMapping);
}

} // namespace tenon
