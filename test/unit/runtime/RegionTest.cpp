// Run-time sized memory: alignment, reuse, return.
#include "runtime/internal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace {

class Region : public testing::Test {
protected:
  tn_region region;
  Region() { tn_region_init(&region, nullptr, 0); }
  ~Region() override { tn_region_free(&region); }

  void *alloc(int64_t bytes) { return tn_region_alloc(&region, bytes); }
};

TEST_F(Region, alignsAndKeepsBlocksApart) {
  std::vector<std::pair<char *, size_t>> blocks;
  for (int64_t bytes : {0, 1, 64, 65, 512, 513, 1000, 4096, 100000, 5 << 20, 1}) {
    char *block = static_cast<char *>(alloc(bytes));
    ASSERT_TRUE(block);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    std::memset(block, static_cast<int>(blocks.size()), static_cast<size_t>(bytes));
    blocks.emplace_back(block, bytes);
  }
  for (size_t i = 0; i < blocks.size(); ++i)
    for (size_t b = 0; b < blocks[i].second; b += 63)
      ASSERT_EQ(blocks[i].first[b], static_cast<char>(i));
}

TEST_F(Region, refusesImpossibleSizes) {
  EXPECT_EQ(alloc(-1), nullptr);
  EXPECT_EQ(alloc(INT64_MAX), nullptr);
  EXPECT_EQ(alloc(INT64_MAX / 4), nullptr);
}

TEST_F(Region, aRepeatedRunGetsTheSameBlocks) {
  auto run = [&] {
    std::vector<void *> blocks;
    void *early = alloc(3000);
    blocks = {early, alloc(70), alloc(70), alloc(1 << 20)};
    tn_region_release(&region, early);
    blocks.push_back(alloc(2990)); // The same class: takes the released one's place.
    EXPECT_EQ(blocks.back(), early);
    tn_region_end_run(&region);
    return blocks;
  };
  run();
  std::vector<void *> second = run();
  for (int i = 0; i < 5; ++i) {
    std::vector<void *> next = run();
    std::sort(next.begin(), next.end());
    std::vector<void *> sorted = second;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(next, sorted);
    EXPECT_FALSE(region.grew);
  }
}

TEST_F(Region, releaseOfNothingIsFine) { tn_region_release(&region, nullptr); }

/// With ever new sizes, what earlier runs left behind is freed.
TEST_F(Region, growingShapesDoNotPileUp) {
  for (int64_t run = 1; run < 200; ++run) {
    alloc(run * 10000);
    tn_region_end_run(&region);
  }
  size_t cached = 0;
  for (tn_block *list : region.cached)
    cached += list != nullptr;
  EXPECT_LE(cached, 10u);
}

/// Many small blocks share what the system gives out in large pieces; all of it goes back.
TEST_F(Region, smallBlocksShareSlabs) {
  std::vector<char *> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.push_back(static_cast<char *>(alloc(10000)));
    std::memset(blocks.back(), i, 10000);
  }
  int neighbours = 0;
  for (size_t i = 1; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i - 1][9999], static_cast<char>(i - 1));
    neighbours += std::abs(blocks[i] - blocks[i - 1]) < 20000;
  }
  EXPECT_GT(neighbours, 200);
  // Blocks of a slab are given up one by one; those that are still in use stay whole.
  for (int run = 0; run < 30; ++run) {
    tn_region_end_run(&region);
    char *kept = static_cast<char *>(alloc(10000));
    alloc(20000 + run * 10000);
    std::memset(kept, run, 10000);
  }
}

TEST(RegionSurplus, servesBlocksFromTheCallersMemoryFirst) {
  alignas(64) static char memory[4096];
  tn_region region;
  tn_region_init(&region, memory + 1, sizeof memory - 1);
  char *inside = static_cast<char *>(tn_region_alloc(&region, 1000));
  EXPECT_TRUE(inside > memory && inside + 1000 <= memory + sizeof memory);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(inside) % 64, 0u);
  char *outside = static_cast<char *>(tn_region_alloc(&region, 4000));
  EXPECT_TRUE(outside && (outside < memory || outside >= memory + sizeof memory));
  tn_region_free(&region);
}

} // namespace
