// Dinitz's algorithm (see the header).

#include "passes/Schedule/MinimumCut.h"
#include <algorithm>

namespace tenon {

/// What is left of a number after it was subtracted from itself in parts.
static constexpr double negligible = 1e-6;

MinimumCut::Node MinimumCut::addNode() {
  leaving.emplace_back();
  return static_cast<Node>(leaving.size()) - 1;
}

void MinimumCut::addEdge(Node from, Node to, double cost) {
  leaving[from].push_back(static_cast<int>(edges.size()));
  edges.push_back({to, cost});
  leaving[to].push_back(static_cast<int>(edges.size()));
  edges.push_back({from, 0});
}

/// How far from the source each node is, by edges that can take more; false if the sink is cut off.
bool MinimumCut::findLevels() {
  levels.assign(leaving.size(), -1);
  levels[source] = 0;
  std::vector<Node> queue{source};
  for (size_t i = 0; i < queue.size(); ++i)
    for (int number : leaving[queue[i]]) {
      const Edge &edge = edges[number];
      if (edge.left > negligible && levels[edge.to] < 0) {
        levels[edge.to] = levels[queue[i]] + 1;
        queue.push_back(edge.to);
      }
    }
  return levels[sink] >= 0;
}

/// Sends up to `most` from a node to the sink, one level further with each edge.
double MinimumCut::push(Node node, double most) {
  if (node == sink)
    return most;
  for (int &at = next[node]; at < static_cast<int>(leaving[node].size()); ++at) {
    int number = leaving[node][at];
    Edge &edge = edges[number];
    if (edge.left <= negligible || levels[edge.to] != levels[node] + 1)
      continue;
    double sent = push(edge.to, std::min(most, edge.left));
    if (sent <= 0)
      continue;
    edges[number].left -= sent;
    edges[number ^ 1].left += sent;
    return sent;
  }
  return 0;
}

void MinimumCut::solve() {
  while (findLevels()) {
    next.assign(leaving.size(), 0);
    while (push(source, infinite) > 0)
      ;
  }
}

} // namespace tenon
