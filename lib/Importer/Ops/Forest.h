// Decision trees between ONNX's lists of nodes and the tables that tenon.tree_ensemble walks.

#ifndef TENON_LIB_IMPORTER_OPS_FOREST_H
#define TENON_LIB_IMPORTER_OPS_FOREST_H

#include "dialects/Tenon/TenonDialect.h"
#include <vector>

namespace tenon {

/// What a node asks of a feature. The numbers are those of TreeEnsemble's attribute.
enum class TreeTest : uint8_t { AtMost, Less, AtLeast, Greater, Equal, NotEqual, Member, Leaf };

struct TreeNode {
  TreeTest test;
  bool nanPasses = false; // beside what the test itself says about NaN
  int32_t feature = 0, yes = 0, no = 0;
  float limit = 0; // of comparisons
  int32_t set = 0; // of Member: its place in Forest::sets
};

/// A weight that a leaf gives to a target.
struct LeafWeight {
  int64_t leaf, target;
  float weight;
};

/// Nodes point at each other by their place in the list, and may share children, also those of
/// other trees: LightGBM's tests for a set of categories are chains of comparisons with one child.
struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<int32_t> roots;
  std::vector<LeafWeight> weights; // those of a leaf together
  std::vector<std::vector<float>> sets;
  std::vector<float> base; // where sums start; empty: at 0
};

/// The operands of tenon.tree_ensemble, which describes them.
struct ForestTables {
  std::vector<int32_t> columns;                // [columns]
  std::vector<std::array<int32_t, 3>> nodes;   // [nodes, 3]
  std::vector<int32_t> roots;                  // [trees]
  std::vector<std::array<int32_t, 2>> entries; // [entries, 2]; none where leaves hold weights
};

/// The tables of a forest without cycles whose weights go to `numTargets` targets.
ForestTables makeTables(const Forest &forest, TreeCombination kind, int64_t numTargets);

} // namespace tenon

#endif
