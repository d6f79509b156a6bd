// One model in many threads, and results that do not depend on how many threads computed them. Run
// under ThreadSanitizer by the preset tsan.
#include "Helpers.h"

#include <atomic>
#include <cstring>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace tenon::test;

namespace {

struct ScaleRun {
  Floats a{numbers(37 * 211), {37, 211}}, w{numbers(37, 2), {37}};

  std::vector<float> operator()(tenon_context *context) const {
    tenon_tensor inputs[] = {a, w}, output = {};
    EXPECT_EQ(tenon_run(context, inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
    return values(output);
  }
};

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && !std::memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

TEST(Threads, resultsAreBitwiseEqual) {
  Model model = load("scale");
  ScaleRun run;
  std::vector<float> expected = run(createContext(model, 1).get());
  for (int32_t threads : {1, 2, 3, 4, 7, 16}) {
    Context context = createContext(model, threads);
    for (int i = 0; i < 20; ++i)
      EXPECT_TRUE(sameBits(run(context.get()), expected)) << threads << " threads";
  }
}

/// 16 threads, each with a context that has threads of its own: far more than there are cores.
TEST(Threads, manyContextsRunAtOnce) {
  Model model = load("scale");
  ScaleRun run;
  const std::vector<float> expected = run(createContext(model, 1).get());
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  threads.reserve(16);
  for (int32_t t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      Context context = createContext(model, 1 + t % 4);
      for (int i = 0; i < 100; ++i)
        wrong += !sameBits(run(context.get()), expected);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Threads, modelsLoadAtOnce) {
  std::vector<std::thread> threads;
  threads.reserve(16);
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 10; ++i) {
        Model model = load("add");
        createContext(model, 2);
        tenon_model *none = nullptr;
        EXPECT_ERROR(tenon_model_load("/nowhere", &none), TENON_FILE_ERROR, "/nowhere");
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

struct Gate {
  std::atomic<bool> entered = false, open = false;
};

void waitAtGate(void *user, int64_t tasks, void (*body)(void *, int64_t), void *data) {
  Gate *gate = static_cast<Gate *>(user);
  gate->entered = true;
  while (!gate->open)
    std::this_thread::yield();
  for (int64_t i = 0; i < tasks; ++i)
    body(data, i);
}

TEST(Threads, aBusyContextIsRefused) {
  Model model = load("scale");
  Gate gate;
  tenon_context_options options = {};
  options.parallel_for = waitAtGate;
  options.parallel_for_user = &gate;
  options.parallel_for_width = 2;
  Context context = createContext(model, options);
  ScaleRun run;
  std::thread first([&] { run(context.get()); });
  while (!gate.entered)
    std::this_thread::yield();
  tenon_tensor inputs[] = {run.a, run.w}, output = {};
  EXPECT_ERROR(tenon_run(context.get(), inputs, 2, &output, 1), TENON_CONTEXT_BUSY, "own");
  gate.open = true;
  first.join();
}

/// A forked child has no workers: it computes alone, with the same result.
TEST(Threads, aForkedChildCanRun) {
  Model model = load("scale");
  Context context = createContext(model, 4);
  ScaleRun run;
  const std::vector<float> expected = run(context.get());
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool same = sameBits(run(context.get()), expected);
    context.reset();
    _exit(same ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

} // namespace
