// The cheapest way to part a graph in two.
#ifndef TENON_PASSES_SCHEDULE_MINIMUMCUT_H
#define TENON_PASSES_SCHEDULE_MINIMUMCUT_H

#include "llvm/ADT/SmallVector.h"
#include <limits>
#include <vector>

namespace tenon {

/// Parts the nodes of a directed graph into those with the source and those with the sink, so that
/// the edges from the former to the latter cost the least (Ford and Fulkerson 1956; the flow is
/// found as Dinitz 1970 does, in levels).
class MinimumCut {
public:
  using Node = int;
  static constexpr Node source = 0, sink = 1;
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  Node addNode();
  void addEdge(Node from, Node to, double cost);
  /// Finds the parts, once. Where ways cost the same, more nodes are with the sink.
  void solve();
  bool isWithSource(Node node) const { return levels[node] >= 0; }

private:
  struct Edge {
    Node to;
    double left; // what the edge can still take
  };

  bool findLevels();
  double push(Node node, double most);

  /// Each edge, and behind it the way back.
  std::vector<Edge> edges;
  /// Numbers of the edges that leave a node.
  std::vector<llvm::SmallVector<int, 4>> leaving{2};
  std::vector<int> levels, next;
};

} // namespace tenon

#endif
