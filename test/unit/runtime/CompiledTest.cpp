// A model that the compiler made, in the runtime: any number of threads, any number of images.
#include "Helpers.h"

#include <atomic>
#include <thread>

using namespace tenon::test;

namespace {

TEST(Compiled, resultsAreBitwiseEqualForAnyNumberOfThreads) {
  for (const char *name : {"digits", "digits-of-8"}) {
    Model model = load(name);
    Digits expected(8);
    ASSERT_EQ(expected.run(createContext(model, 1).get()), TENON_OK) << tenon_last_error();
    for (int32_t threads : {1, 2, 3, 4, 7, 16}) {
      Context context = createContext(model, threads);
      for (int i = 0; i < 5; ++i) {
        Digits digits(8);
        ASSERT_EQ(digits.run(context.get()), TENON_OK) << tenon_last_error();
        EXPECT_EQ(digits.probabilities, expected.probabilities) << name << ", " << threads;
        EXPECT_EQ(digits.digits, expected.digits) << name << ", " << threads;
      }
    }
  }
}

/// A context adapts to each size, and what it computed before leaves no trace.
TEST(Compiled, batchesOfAnySizeTakeTurns) {
  Model model = load("digits");
  Context context = createContext(model, 2);
  Digits all(33);
  ASSERT_EQ(all.run(context.get()), TENON_OK) << tenon_last_error();
  for (int64_t count : {1, 33, 2, 17, 5}) {
    Digits digits(count);
    ASSERT_EQ(digits.run(context.get()), TENON_OK) << tenon_last_error();
    for (int64_t i = 0; i < count; ++i)
      EXPECT_EQ(digits.digits[i], all.digits[i]) << i << " of " << count;
  }
}

TEST(Compiled, aFixedSizeIsChecked) {
  Model model = load("digits-of-8");
  Context context = createContext(model, 1);
  EXPECT_ERROR(Digits(7).run(context.get()), TENON_WRONG_SHAPE, "image");
}

/// 16 threads with a context each share one model.
TEST(Compiled, manyContextsRunAtOnce) {
  Model model = load("digits");
  Digits expected(20);
  ASSERT_EQ(expected.run(createContext(model, 1).get()), TENON_OK) << tenon_last_error();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  threads.reserve(16);
  for (int32_t t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      Context context = createContext(model, 1 + t % 3);
      for (int i = 0; i < 25; ++i) {
        Digits digits(20);
        wrong += digits.run(context.get()) != TENON_OK;
        wrong += digits.probabilities != expected.probabilities;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
