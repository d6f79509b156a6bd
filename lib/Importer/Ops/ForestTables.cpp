// How trees are laid out for the kernel that walks them.
//
// A walk should be the same few instructions at every node, whatever the node asks, without a
// branch on the answer. So there is one kind of node, `value <= limit`, whose two children lie side
// by side: a step adds `first`, and 1 if the comparison fails. Values and limits are floats as
// integers in the same order (OrderedFloat.h), where NaN is above all limits. Three steps bring a
// forest into this form.
//
// 1. A test becomes the sorted cuts of the real line between which it says yes or no:
//
//      x < t          one cut, at t - 1                    yes, no
//      x in {1, 3}    cuts: 1 - 1 | 1 | 3 - 1 | 3          no, yes, no, yes, no
//
//    (t - 1 is the float below t.) A chain of tests for equality that all lead to one child, as
//    LightGBM writes a set of categories, is one set.
//
// 2. Cuts become a balanced tree of comparisons, so that a set of n values takes log n steps. In
//    these NaN always takes the second way and ends behind the last cut. Where it should end before
//    the first one, the sign of the feature is flipped (x > t <=> -x <= -t - 1), which makes
//    another column; where neither is right, a comparison with infinity comes first.
//
// 3. Comparisons get their places. Those that are near each other in a tree are near in memory: a
//    cluster of pairs of children fills two cache lines, then come the clusters below it. What is
//    reached for the second time is a jump, a comparison that always fails; leaves are copied.

#include "lib/Importer/Ops/Forest.h"
#include "lib/Target/KernelLibrary/OrderedFloat.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <deque>
#include <limits>

using namespace llvm;

namespace tenon {
namespace {

/// A limit that no value is at most.
constexpr int32_t never = std::numeric_limits<int32_t>::min();

/// Pairs of 24 bytes in two cache lines.
constexpr int pairsPerCluster = 5;

/// What a test says: `startsWithYes` up to the first cut, then alternately the other and the same.
struct Cuts {
  int32_t feature = 0;
  std::vector<int32_t> at; // ascending, less than orderedInfinity
  bool startsWithYes = false, nanSaysYes = false;

  bool endsWithYes() const { return startsWithYes ^ (at.size() % 2 != 0); }
  void addAtMost(int32_t limit);
  void addValue(float value);
  void finish();
};

/// Turns the answer for all numbers up to `limit` around.
void Cuts::addAtMost(int32_t limit) {
  startsWithYes = !startsWithYes;
  if (limit < orderedInfinity)
    at.push_back(limit);
}

void Cuts::addValue(float value) {
  if (std::isnan(value))
    return;
  addAtMost(orderedFloat(value));
  addAtMost(orderedFloat(value) - 1);
}

/// Sorts the cuts. Two at the same place are none.
void Cuts::finish() {
  llvm::sort(at);
  size_t kept = 0;
  for (int32_t cut : at)
    if (kept > 0 && at[kept - 1] == cut)
      --kept;
    else
      at[kept++] = cut;
  at.resize(kept);
}

/// A comparison of a column, or a leaf.
struct Vertex {
  int32_t column = -1; // feature * 2 + whether its sign is flipped; -1: a leaf
  int32_t first = -1, second = -1;
  int32_t limit = 0; // of a leaf: what the op says
  int32_t slot = -1; // its place in the table

  bool isLeaf() const { return column < 0; }
};

class TableBuilder {
public:
  TableBuilder(const Forest &forest, TreeCombination kind, int64_t numTargets)
      : forest(forest), kind(kind), numTargets(numTargets) {}
  ForestTables build();

private:
  void makeLeaves();
  void countUses();
  int32_t followChain(const TreeNode &node, Cuts &cuts) const;
  Cuts cut(const TreeNode &node, int32_t &no) const;
  void makeComparisons(int32_t number, std::vector<int32_t> &open);
  void makeAllComparisons();
  int32_t divide(const Cuts &cuts, size_t begin, size_t end, bool isFlipped, int32_t yes,
                 int32_t no);
  int32_t addVertex(int32_t column, int32_t limit, int32_t first, int32_t second);
  void placeTree(int32_t root);
  bool place(int32_t vertex, int32_t slot);
  void numberColumns();

  const Forest &forest;
  TreeCombination kind;
  int64_t numTargets;
  std::vector<Vertex> vertices; // first those of the forest's nodes
  std::vector<int32_t> uses;    // how many children of others a node is
  ForestTables tables;
};

} // namespace

/// What changes no result.
static float getNeutralWeight(TreeCombination kind) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  switch (kind) {
  case TreeCombination::Min:
    return infinity;
  case TreeCombination::Max:
    return -infinity;
  case TreeCombination::Sum:
  case TreeCombination::Average:
    return 0;
  }
  llvm_unreachable("all combinations are above");
}

/// The bits of a weight. There is one NaN, which as a limit is below orderedNaN.
static int32_t getBits(float weight) {
  return llvm::bit_cast<int32_t>(std::isnan(weight) ? std::numeric_limits<float>::quiet_NaN()
                                                    : weight);
}

/// Leaves hold their weight if each has at most one and there is one target, otherwise the place of
/// their first entry.
void TableBuilder::makeLeaves() {
  bool areDirect = numTargets == 1;
  for (size_t i = 1; i < forest.weights.size(); ++i)
    areDirect &= forest.weights[i - 1].leaf != forest.weights[i].leaf;
  int32_t neutral = getBits(getNeutralWeight(kind));
  if (!areDirect)
    tables.entries.push_back({1, neutral}); // that of leaves without weights
  for (auto [vertex, node] : llvm::zip(vertices, forest.nodes))
    if (areDirect && node.test == TreeTest::Leaf)
      vertex.limit = neutral;
  for (auto [i, weight] : llvm::enumerate(forest.weights)) {
    Vertex &leaf = vertices[weight.leaf];
    int32_t bits = getBits(weight.weight);
    if (areDirect) {
      leaf.limit = bits;
      continue;
    }
    if (leaf.limit == 0)
      leaf.limit = static_cast<int32_t>(tables.entries.size());
    bool isLast = i + 1 == forest.weights.size() || forest.weights[i + 1].leaf != weight.leaf;
    tables.entries.push_back({static_cast<int32_t>(weight.target * 2 + isLast), bits});
  }
}

void TableBuilder::countUses() {
  uses.resize(forest.nodes.size());
  for (const TreeNode &node : forest.nodes)
    if (node.test != TreeTest::Leaf) {
      ++uses[node.yes];
      ++uses[node.no];
    }
  for (int32_t root : forest.roots)
    ++uses[root];
}

static bool isSet(const TreeNode &node) {
  return node.test == TreeTest::Equal || node.test == TreeTest::Member;
}

static void addValues(const Forest &forest, const TreeNode &node, std::vector<float> &values) {
  if (node.test == TreeTest::Equal)
    values.push_back(node.limit);
  else
    llvm::append_range(values, forest.sets[node.set]);
}

/// Adds the values of a set and of the sets that are asked for next if the value is not in it, as
/// long as they all lead to one child. Returns where the last of them goes on.
int32_t TableBuilder::followChain(const TreeNode &node, Cuts &cuts) const {
  std::vector<float> values;
  addValues(forest, node, values);
  int32_t no = node.no;
  for (; no != node.yes && uses[no] == 1; no = forest.nodes[no].no) {
    const TreeNode &next = forest.nodes[no];
    if (!isSet(next) || next.feature != node.feature || next.yes != node.yes)
      break;
    addValues(forest, next, values);
    cuts.nanSaysYes |= next.nanPasses;
  }
  llvm::sort(values);
  values.erase(llvm::unique(values), values.end());
  for (float value : values)
    cuts.addValue(value);
  return no;
}

int32_t TableBuilder::addVertex(int32_t column, int32_t limit, int32_t first, int32_t second) {
  vertices.push_back({column, first, second, limit});
  return static_cast<int32_t>(vertices.size()) - 1;
}

/// A tree of comparisons for the cuts [begin, end) and what lies between and around them.
int32_t TableBuilder::divide(const Cuts &cuts, size_t begin, size_t end, bool isFlipped,
                             int32_t yes, int32_t no) {
  if (begin == end)
    return cuts.startsWithYes ^ (begin % 2 != 0) ? yes : no;
  size_t middle = begin + (end - begin) / 2;
  int32_t lower = divide(cuts, begin, middle, isFlipped, yes, no);
  int32_t upper = divide(cuts, middle + 1, end, isFlipped, yes, no);
  return isFlipped ? addVertex(cuts.feature * 2 + 1, -cuts.at[middle] - 1, upper, lower)
                   : addVertex(cuts.feature * 2, cuts.at[middle], lower, upper);
}

/// What a node asks. `no` becomes where a set's chain goes on.
Cuts TableBuilder::cut(const TreeNode &node, int32_t &no) const {
  Cuts cuts;
  cuts.feature = node.feature;
  cuts.nanSaysYes = node.nanPasses || node.test == TreeTest::NotEqual;
  if (isSet(node)) {
    no = followChain(node, cuts);
  } else if (node.test == TreeTest::NotEqual) {
    cuts.startsWithYes = true;
    cuts.addValue(node.limit);
  } else if (!std::isnan(node.limit)) { // nothing compares with NaN
    int32_t limit = orderedFloat(node.limit);
    cuts.startsWithYes = node.test == TreeTest::AtLeast || node.test == TreeTest::Greater;
    cuts.addAtMost(node.test == TreeTest::AtMost || node.test == TreeTest::Greater ? limit
                                                                                   : limit - 1);
  }
  cuts.finish();
  return cuts;
}

/// The vertex of an inner node and those that it needs besides. Adds the nodes that follow to
/// `open`.
void TableBuilder::makeComparisons(int32_t number, std::vector<int32_t> &open) {
  const TreeNode &node = forest.nodes[number];
  int32_t yes = node.yes, no = node.no;
  Cuts cuts = cut(node, no);
  bool endsRight = cuts.endsWithYes() == cuts.nanSaysYes;
  bool startsRight = cuts.startsWithYes == cuts.nanSaysYes;
  int32_t top = divide(cuts, 0, cuts.at.size(), !endsRight && startsRight, yes, no);
  // The node's own vertex asks for NaN, or goes on with the only child, or is the topmost one.
  Vertex &vertex = vertices[number];
  if (!endsRight && !startsRight)
    vertex = {cuts.feature * 2, top, cuts.nanSaysYes ? yes : no, orderedInfinity};
  else if (cuts.at.empty())
    vertex = {cuts.feature * 2, top, top, orderedInfinity};
  else
    vertex = vertices[top];
  open.push_back(no);
  open.push_back(yes);
}

/// Comparisons for all nodes that a walk reaches. Sets that are part of another one get none.
void TableBuilder::makeAllComparisons() {
  std::vector<int32_t> open(forest.roots.rbegin(), forest.roots.rend());
  while (!open.empty()) {
    int32_t number = open.back();
    open.pop_back();
    if (forest.nodes[number].test != TreeTest::Leaf && vertices[number].isLeaf())
      makeComparisons(number, open);
  }
}

/// Writes the entry of a vertex at a slot. True if the vertex has its place there, with children
/// that need theirs.
bool TableBuilder::place(int32_t number, int32_t slot) {
  Vertex &vertex = vertices[number];
  std::array<int32_t, 3> &entry = tables.nodes[slot];
  if (vertex.isLeaf()) {
    entry = {vertex.limit, -1, -1};
    return false;
  }
  if (vertex.slot >= 0) {
    entry = {never, vertex.column, vertex.slot - slot - 1};
    return false;
  }
  vertex.slot = slot;
  return true;
}

void TableBuilder::placeTree(int32_t root) {
  auto slot = static_cast<int32_t>(tables.nodes.size());
  tables.roots.push_back(vertices[root].slot >= 0 ? vertices[root].slot : slot);
  if (vertices[root].slot >= 0)
    return;
  tables.nodes.emplace_back();
  if (!place(root, slot))
    return;
  std::vector<int32_t> clusters = {root}; // tops of those that are to come
  while (!clusters.empty()) {
    std::deque<int32_t> open = {clusters.back()};
    clusters.pop_back();
    for (int pairs = 0; !open.empty() && pairs < pairsPerCluster; ++pairs) {
      Vertex vertex = vertices[open.front()];
      open.pop_front();
      auto first = static_cast<int32_t>(tables.nodes.size());
      tables.nodes.resize(first + 2);
      tables.nodes[vertex.slot] = {vertex.limit, vertex.column, first - vertex.slot};
      if (place(vertex.first, first))
        open.push_back(vertex.first);
      if (place(vertex.second, first + 1))
        open.push_back(vertex.second);
    }
    clusters.insert(clusters.end(), open.rbegin(), open.rend());
  }
}

/// Replaces the names of columns by their numbers, from 1 on. That of leaves, 0, is NaN in each
/// row.
void TableBuilder::numberColumns() {
  for (const auto &entry : tables.nodes)
    if (entry[1] >= 0)
      tables.columns.push_back(entry[1]);
  llvm::sort(tables.columns);
  tables.columns.erase(llvm::unique(tables.columns), tables.columns.end());
  for (auto &entry : tables.nodes)
    entry[1] =
        static_cast<int32_t>(llvm::upper_bound(tables.columns, entry[1]) - tables.columns.begin());
}

ForestTables TableBuilder::build() {
  vertices.resize(forest.nodes.size());
  makeLeaves();
  countUses();
  makeAllComparisons();
  for (int32_t root : forest.roots)
    placeTree(root);
  numberColumns();
  return std::move(tables);
}

ForestTables makeTables(const Forest &forest, TreeCombination kind, int64_t numTargets) {
  return TableBuilder(forest, kind, numTargets).build();
}

} // namespace tenon
