// What tests of trees become as tables, and how long walks through them are.

#include "lib/Importer/Ops/Forest.h"
#include "lib/Target/KernelLibrary/OrderedFloat.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace tenon;

namespace {

struct Walk {
  float weight;
  int steps;
};

/// Goes through the first tree of tables for one target.
Walk walk(const ForestTables &tables, llvm::ArrayRef<float> sample) {
  int32_t at = tables.roots.front();
  for (int steps = 0;; ++steps) {
    auto [limit, column, first] = tables.nodes.at(at);
    if (column == 0)
      return {llvm::bit_cast<float>(limit), steps};
    int32_t key = tables.columns.at(column - 1);
    int32_t value = orderedFloat(sample[key / 2]);
    if (key % 2 != 0 && value != orderedNaN)
      value = -value;
    at += first + (value > limit);
  }
}

TreeNode makeTest(TreeTest test, float limit, int32_t yes, int32_t no, bool nanPasses = false) {
  TreeNode node{test, nanPasses};
  node.yes = yes;
  node.no = no;
  node.limit = limit;
  return node;
}

TreeNode makeLeaf() { return {TreeTest::Leaf}; }

/// One test with the weights 1 (yes) and 0 (no).
ForestTables makeOneTest(TreeNode test, std::vector<float> set = {}) {
  test.yes = 1;
  test.no = 2;
  Forest forest{{test, makeLeaf(), makeLeaf()}, {0}, {{1, 0, 1}, {2, 0, 0}}, {std::move(set)}, {}};
  return makeTables(forest, TreeCombination::Sum, 1);
}

bool answer(TreeTest test, float limit, float value, bool nanPasses) {
  bool missing = nanPasses && std::isnan(value);
  switch (test) {
  case TreeTest::AtMost:
    return missing || value <= limit;
  case TreeTest::Less:
    return missing || value < limit;
  case TreeTest::AtLeast:
    return missing || value >= limit;
  case TreeTest::Greater:
    return missing || value > limit;
  case TreeTest::Equal:
  case TreeTest::Member:
    return missing || value == limit;
  default:
    return missing || value != limit;
  }
}

TEST(ForestTables, EveryTestOfEveryNumber) {
  constexpr float numbers[] = {-INFINITY, -3e38f, -1, -1e-45f, -0.0f,    0,
                               1e-45f,    1,      2,  3e38f,   INFINITY, NAN};
  for (TreeTest test : {TreeTest::AtMost, TreeTest::Less, TreeTest::AtLeast, TreeTest::Greater,
                        TreeTest::Equal, TreeTest::NotEqual, TreeTest::Member})
    for (float limit : numbers)
      for (bool nanPasses : {false, true}) {
        TreeNode node = makeTest(test, limit, 0, 0, nanPasses);
        ForestTables tables = makeOneTest(node, {limit});
        for (float value : numbers)
          EXPECT_EQ(walk(tables, value).weight, answer(test, limit, value, nanPasses))
              << "test " << static_cast<int>(test) << " of " << value << " with " << limit << ", "
              << nanPasses;
      }
}

TEST(ForestTables, ComparisonsAreOneStep) {
  for (TreeTest test : {TreeTest::AtMost, TreeTest::Less, TreeTest::AtLeast, TreeTest::Greater})
    for (bool nanPasses : {false, true})
      EXPECT_EQ(makeOneTest(makeTest(test, 1, 0, 0, nanPasses)).nodes.size(), 3u);
  EXPECT_EQ(makeOneTest(makeTest(TreeTest::AtMost, 1, 0, 0)).columns, std::vector<int32_t>{0});
  // NaN ends with what is at most the limit, so the sign is flipped.
  EXPECT_EQ(makeOneTest(makeTest(TreeTest::AtMost, 1, 0, 0, true)).columns,
            std::vector<int32_t>{1});
}

TEST(ForestTables, SetsAreSearched) {
  TreeNode node = makeTest(TreeTest::Member, 0, 0, 0);
  std::vector<float> set;
  for (int i = 0; i < 100; ++i)
    set.push_back(static_cast<float>(2 * i));
  ForestTables tables = makeOneTest(node, set);
  for (int i = -1; i < 201; ++i) {
    Walk found = walk(tables, static_cast<float>(i));
    EXPECT_EQ(found.weight, i >= 0 && i < 200 && i % 2 == 0);
    EXPECT_LE(found.steps, 8); // of 200 cuts
  }
}

TEST(ForestTables, ChainsOfEqualitiesAreSets) {
  Forest forest;
  for (int32_t i = 0; i < 64; ++i)
    forest.nodes.push_back(makeTest(TreeTest::Equal, static_cast<float>(i * i), 64, i + 1));
  // The last one's other way is a leaf beside the shared one.
  forest.nodes.back().no = 65;
  forest.nodes.push_back(makeLeaf());
  forest.nodes.push_back(makeLeaf());
  forest.roots = {0};
  forest.weights = {{64, 0, 1}, {65, 0, 2}};
  ForestTables tables = makeTables(forest, TreeCombination::Sum, 1);
  EXPECT_EQ(walk(tables, 49.0f).weight, 1);
  EXPECT_EQ(walk(tables, 50.0f).weight, 2);
  EXPECT_LE(walk(tables, 3969.0f).steps, 8);
}

TEST(ForestTables, SharedNodesAreThereOnce) {
  // 20 nodes, each with the next one on both sides: a copy for each way would make a million.
  Forest forest;
  for (int32_t i = 0; i < 20; ++i)
    forest.nodes.push_back(makeTest(TreeTest::AtMost, static_cast<float>(i), i + 1, i + 1));
  forest.nodes.push_back(makeLeaf());
  forest.roots = {0};
  forest.weights = {{20, 0, 7}};
  ForestTables tables = makeTables(forest, TreeCombination::Sum, 1);
  EXPECT_EQ(tables.nodes.size(), 41u);
  for (float value : {-1.0f, 10.0f, 30.0f, NAN})
    EXPECT_EQ(walk(tables, value).weight, 7);
}

TEST(ForestTables, LeavesHoldWeightsWhereTheyCan) {
  Forest forest{{makeTest(TreeTest::AtMost, 1, 1, 2), makeLeaf(), makeLeaf()}, {0, 0}, {}, {}, {}};
  forest.weights = {{1, 0, 1}, {2, 0, 2}};
  EXPECT_TRUE(makeTables(forest, TreeCombination::Sum, 1).entries.empty());
  EXPECT_EQ(makeTables(forest, TreeCombination::Sum, 1).roots, (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(makeTables(forest, TreeCombination::Sum, 2).entries.size(), 3u);
  forest.weights = {{1, 0, 1}, {1, 0, 3}}; // two for one target, none at the other leaf
  ForestTables tables = makeTables(forest, TreeCombination::Max, 1);
  std::vector<std::array<int32_t, 2>> expected = {{1, llvm::bit_cast<int32_t>(-INFINITY)},
                                                  {0, llvm::bit_cast<int32_t>(1.0f)},
                                                  {1, llvm::bit_cast<int32_t>(3.0f)}};
  EXPECT_EQ(tables.entries, expected);
  EXPECT_EQ(tables.nodes[1][0], 1);
  EXPECT_EQ(tables.nodes[2][0], 0);
}

} // namespace
