// Attention as one operator: whole heads go together, of queries as many as share one of the keys.

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

namespace {
/// Heads of one node, by the heads of keys: the first channel of each stands for all that goes with
/// it.
class Heads {
public:
  Heads(Coupler &c, Axis leader, int64_t heads) : c(c), leader(leader), heads(heads) {}

  bool isValid() const { return leader && heads > 0 && leader.size % heads == 0; }

  /// `size` channels from `offset` on are those of all heads, one after the other.
  void take(Axis axis, int64_t offset, int64_t size) {
    if (!axis || size % heads || offset + size > axis.size)
      return c.pin(axis, "the heads of " + c.describe() + " are not known");
    for (int64_t position : seq(size))
      c.unite(axis.first + offset + position,
              leader.first + position / (size / heads) * (leader.size / heads));
  }
  void take(Axis axis) { take(axis, 0, axis.size); }

  /// The dimension of heads of what has one: masks, and keys and values of earlier runs.
  void takeDimension(StringRef value, int64_t axis) {
    for (int64_t each : seq(c.getRank(value)))
      if (each != axis)
        c.pin(c.getAxis(value, each), "it is no head of " + c.describe());
    if (c.getSize(value, axis) != 1)
      take(c.getAxis(value, axis));
  }

private:
  Coupler &c;
  Axis leader;
  int64_t heads;
};
} // namespace

/// Batch and positions of queries are those of the result.
static void couplePositions(Coupler &c) {
  for (int input : {0, 1, 2})
    for (int64_t axis : {0, 1})
      c.pin(c.getAxis(c.getInput(input), axis), "these are positions, not channels");
  for (int64_t axis : {0, 1})
    c.pin(c.getAxis(c.getOutput(0), axis), "these are positions, not channels");
}

/// Queries, keys and values of rank 3; whether these are what the node reads.
static bool coupleProjections(Coupler &c, int64_t heads, Heads &each) {
  bool isFlat = each.isValid();
  for (int input : {0, 1, 2})
    isFlat &= c.getRank(c.getInput(input)) == 3;
  if (!isFlat || heads < 1) {
    c.pinAll(c.describe() + " reads something other than separate queries, keys and values");
    return false;
  }
  couplePositions(c);
  for (int input : {0, 1, 2})
    each.take(c.getAxis(c.getInput(input), 2));
  each.take(c.getAxis(c.getOutput(0), 2));
  return true;
}

/// ONNX's Attention.
static void coupleAttention(Coupler &c) {
  int64_t heads = getInt(c.getNode(), "kv_num_heads", 0);
  Heads each(c, c.getAxis(c.getInput(1), 2), heads);
  if (!coupleProjections(c, heads, each))
    return;
  if (c.hasInput(3))
    each.takeDimension(c.getInput(3), c.getRank(c.getInput(3)) - 3);
  for (int input : {4, 5})
    each.takeDimension(c.getInput(input), 1);
  for (int output : {1, 2, 3})
    each.takeDimension(c.getOutput(output), 1);
}

static void coupleMultiHeadAttention(Coupler &c) {
  int64_t heads = getInt(c.getNode(), "num_heads", 0);
  Heads each(c, c.getAxis(c.getInput(1), 2), heads);
  if (!coupleProjections(c, heads, each))
    return;
  int64_t offset = 0;
  for (int input : {0, 1, 2}) {
    int64_t size = c.getSize(c.getInput(input), 2);
    if (c.hasInput(3))
      each.take(c.getAxis(c.getInput(3), 0), offset, size);
    offset += size;
  }
  c.pin(c.getInput(4), "it is no head of " + c.describe());
  each.takeDimension(c.getInput(5), 1);
  for (int input : seq(6, std::max(c.getNumInputs(), 6)))
    if (c.hasInput(input))
      return c.pinAll(c.describe() + " keeps keys and values");
  for (int output : {1, 2, 3})
    each.takeDimension(c.getOutput(output), 1);
}

static void coupleGroupQueryAttention(Coupler &c) {
  int64_t heads = getInt(c.getNode(), "kv_num_heads", 0);
  Heads each(c, c.getAxis(c.getInput(1), 2), heads);
  if (!coupleProjections(c, heads, each))
    return;
  for (int input : {3, 4})
    each.takeDimension(c.getInput(input), 1);
  for (int input : seq(5, std::max(c.getNumInputs(), 5)))
    c.pin(c.getInput(input), "it is no head of " + c.describe());
  for (int output : {1, 2})
    each.takeDimension(c.getOutput(output), 1);
}

/// Attention of ONNX Runtime, which also has the weights of queries, keys and values.
static void coupleProjectingAttention(Coupler &c) {
  StringRef weights = c.getInput(1), result = c.getOutput(0);
  int64_t heads = getInt(c.getNode(), "num_heads", 0);
  SmallVector<int64_t> sizes = getInts(c.getNode(), "qkv_hidden_sizes");
  if (sizes.size() != 3)
    sizes.assign(3, c.getSize(weights, 1) / 3);
  Heads each(c, c.getAxis(result, 2), heads);
  if (!each.isValid() || !c.isKnown(weights) || c.hasInput(4) || c.hasOutput(1) ||
      sizes[2] != c.getSize(result, 2))
    return c.pinAll(c.describe() + " keeps keys and values, or its sizes are not known");
  couplePositions(c);
  c.unite(c.getAxis(c.getInput(0), 2), c.getAxis(weights, 0));
  c.addOpaqueRead(c.getAxis(weights, 0));
  each.take(c.getAxis(result, 2));
  int64_t offset = 0;
  for (int64_t size : sizes) {
    each.take(c.getAxis(weights, 1), offset, size);
    if (c.hasInput(2))
      each.take(c.getAxis(c.getInput(2), 0), offset, size);
    offset += size;
  }
  c.pin(c.getInput(3), "it is no head of " + c.describe());
  each.takeDimension(c.getInput(5), 1);
  for (int input : seq(6, std::max(c.getNumInputs(), 6)))
    c.pin(c.getInput(input), "it is no head of " + c.describe());
}

/// Numbers of heads become less as the channels of `value` do.
static void adjustHeads(Adjuster &a, StringRef value, ArrayRef<StringRef> names) {
  if (!a.isChanged(value, 2))
    return;
  for (StringRef name : names)
    if (int64_t heads = getInt(a.getNode(), name, 0))
      setInt(a.getNode(), name, heads * a.countKept(value, 2) / a.getSize(value, 2));
}

static void adjustAttention(Adjuster &a) {
  adjustHeads(a, a.getInput(1), {"q_num_heads", "kv_num_heads", "num_heads"});
}

static void adjustProjectingAttention(Adjuster &a) {
  StringRef weights = a.getInput(1), result = a.getOutput(0);
  if (!a.isChanged(result, 2))
    return;
  SmallVector<int64_t> sizes = getInts(a.getNode(), "qkv_hidden_sizes"), kept;
  if (sizes.size() != 3)
    sizes.assign(3, a.getSize(weights, 1) / 3);
  int64_t end = 0, before = 0;
  for (int64_t size : sizes) {
    end += size;
    int64_t count = a.countKept(weights, 1, end);
    kept.push_back(count - before);
    before = count;
  }
  setInts(a.getNode(), "qkv_hidden_sizes", kept);
  adjustHeads(a, result, {"num_heads"});
}

void addAttentionRules(CouplingRules &rules) {
  rules.add({"Attention"}, {coupleAttention, adjustAttention});
  rules.add({"MultiHeadAttention"}, {coupleMultiHeadAttention, adjustAttention}, "com.microsoft");
  rules.add({"GroupQueryAttention"}, {coupleGroupQueryAttention, adjustAttention}, "com.microsoft");
  rules.add({"Attention"}, {coupleProjectingAttention, adjustProjectingAttention}, "com.microsoft");
}

} // namespace tenon
