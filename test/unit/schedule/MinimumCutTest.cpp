// Minimum cuts cost as little as the best of all ways to part small graphs.

#include "passes/Schedule/MinimumCut.h"
#include <gtest/gtest.h>
#include <random>

using namespace tenon;

namespace {

struct Edge {
  int from, to;
  double cost;
};

/// What the edges cost that leave the source's part, whose nodes are bits of `part`.
double costOf(const std::vector<Edge> &edges, unsigned part) {
  double sum = 0;
  for (const Edge &edge : edges)
    if ((part >> edge.from & 1) && !(part >> edge.to & 1))
      sum += edge.cost;
  return sum;
}

unsigned solve(const std::vector<Edge> &edges, int nodes) {
  MinimumCut cut;
  for (int node = 2; node < nodes; ++node)
    EXPECT_EQ(cut.addNode(), node);
  for (const Edge &edge : edges)
    cut.addEdge(edge.from, edge.to, edge.cost);
  cut.solve();
  unsigned part = 0;
  for (int node = 0; node < nodes; ++node)
    part |= static_cast<unsigned>(cut.isWithSource(node)) << node;
  return part;
}

TEST(MinimumCut, PartsAChainAtItsCheapestEdge) {
  std::vector<Edge> chain = {{0, 2, 5}, {2, 3, 2}, {3, 1, 4}};
  EXPECT_EQ(solve(chain, 4), 0b0101u);
}

TEST(MinimumCut, NeverCutsWhatIsInfinite) {
  std::vector<Edge> edges = {{0, 2, MinimumCut::infinite}, {2, 3, 7}, {3, 1, MinimumCut::infinite}};
  EXPECT_EQ(solve(edges, 4), 0b0101u);
}

TEST(MinimumCut, IsTheBestOfAll) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    int nodes = 3 + static_cast<int>(random() % 6);
    std::vector<Edge> edges;
    for (unsigned count = random() % 25; count; --count) {
      int from = static_cast<int>(random() % nodes), to = static_cast<int>(random() % nodes);
      if (from != to)
        edges.push_back({from, to, static_cast<double>(random() % 20)});
    }
    double best = MinimumCut::infinite;
    for (unsigned part = 0; part < 1u << nodes; ++part)
      if ((part & 3) == 1)
        best = std::min(best, costOf(edges, part));
    unsigned part = solve(edges, nodes);
    ASSERT_EQ(part & 3, 1u);
    ASSERT_EQ(costOf(edges, part), best) << "trial " << trial;
  }
}

} // namespace
