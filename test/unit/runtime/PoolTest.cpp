// The thread pool alone: every task once, workers that sleep between launches, floating-point
// state.
#include "runtime/internal.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

struct FreePool {
  void operator()(tn_pool *pool) const { tn_pool_free(pool); }
};
using Pool = std::unique_ptr<tn_pool, FreePool>;

struct Counts {
  std::vector<int> perTask = std::vector<int>(16);
  std::atomic<int> foreignWorkers = 0;
};

void count(void *data, int64_t task, int worker) {
  Counts *counts = static_cast<Counts *>(data);
  ++counts->perTask[static_cast<size_t>(task)];
  // A task runs in its own worker, or in the caller who took it back.
  counts->foreignWorkers += worker != task && worker != 0;
}

TEST(Pool, runsEveryTaskOnce) {
  for (int threads : {1, 2, 5, 16}) {
    Pool pool(tn_pool_create(threads, nullptr));
    ASSERT_TRUE(pool);
    Counts counts;
    for (int round = 0; round < 2000; ++round)
      tn_pool_run(pool.get(), count, &counts, 1 + round % threads);
    int total = 0;
    for (int round = 0; round < 2000; ++round)
      total += 1 + round % threads;
    int counted = 0;
    for (int n : counts.perTask)
      counted += n;
    EXPECT_EQ(counted, total);
    EXPECT_EQ(counts.foreignWorkers, 0);
  }
}

TEST(Pool, wakesSleepingWorkers) {
  Pool pool(tn_pool_create(3, nullptr));
  Counts counts;
  for (int round = 0; round < 20; ++round) {
    tn_pool_run(pool.get(), count, &counts, 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(counts.perTask[2], 20);
}

/// A caller that is done early waits asleep, and the last worker wakes it.
TEST(Pool, waitsForSlowWorkers) {
  struct Progress {
    std::atomic<int> begun = 0, done = 0;
    int round = 0;
  };
  auto task = [](void *data, int64_t index, int) {
    Progress &progress = *static_cast<Progress *>(data);
    if (index == 0) {
      // Once the worker has begun, the caller cannot take its task back.
      while (progress.begun < progress.round)
        std::this_thread::yield();
      return;
    }
    ++progress.begun;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ++progress.done;
  };
  Pool pool(tn_pool_create(2, nullptr));
  Progress progress;
  for (progress.round = 1; progress.round <= 5; ++progress.round) {
    tn_pool_run(pool.get(), task, &progress, 2);
    EXPECT_EQ(progress.done, progress.round);
  }
}

#if defined(__x86_64__)
/// Threads compute with the default rounding even if the caller's thread flushes denormals.
TEST(Pool, setsFloatingPointState) {
  unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040);
  {
    unsigned outer = tn_fp_enter();
    EXPECT_EQ(_mm_getcsr() & 0xffc0u, 0x1f80u);
    Pool pool(tn_pool_create(3, nullptr));
    std::atomic<int> wrong = 0;
    auto check = [](void *data, int64_t, int) {
      *static_cast<std::atomic<int> *>(data) += (_mm_getcsr() & 0xffc0u) != 0x1f80u;
    };
    tn_pool_run(pool.get(), check, &wrong, 3);
    EXPECT_EQ(wrong, 0);
    tn_fp_leave(outer);
  }
  EXPECT_EQ(_mm_getcsr() & 0x8040u, 0x8040u);
  _mm_setcsr(saved);
}
#endif

} // namespace
