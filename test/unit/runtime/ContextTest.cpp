// Contexts: options, the caller's workspace and the caller's threads.
#include "Helpers.h"

#include <cstdint>
#include <sched.h>
#include <thread>

using namespace tenon::test;

namespace {

tenon_status tryCreate(const Model &model, const tenon_context_options &options) {
  tenon_context *context = nullptr;
  tenon_status status = tenon_context_create(model.get(), &options, &context);
  EXPECT_EQ(context == nullptr, status != TENON_OK);
  tenon_context_free(context);
  return status;
}

void ignore(void *, int64_t, void (*)(void *, int64_t), void *) {}

TEST(Context, refusesBadOptions) {
  Model model = load("add");
  tenon_context *context = nullptr;
  EXPECT_ERROR(tenon_context_create(nullptr, nullptr, &context), TENON_INVALID_ARGUMENT,
               "model is null");
  EXPECT_ERROR(tenon_context_create(model.get(), nullptr, nullptr), TENON_INVALID_ARGUMENT,
               "context is null");
  tenon_context_options options = {};
  options.threads = -1;
  EXPECT_ERROR(tryCreate(model, options), TENON_INVALID_ARGUMENT, "threads is -1");
  options = {};
  options.pin_first = -2;
  EXPECT_ERROR(tryCreate(model, options), TENON_INVALID_ARGUMENT, "pin_first is -2");
  options = {};
  options.parallel_for = ignore;
  EXPECT_ERROR(tryCreate(model, options), TENON_INVALID_ARGUMENT, "parallel_for_width is 0");
  options.parallel_for_width = 4;
  options.threads = 4;
  EXPECT_ERROR(tryCreate(model, options), TENON_INVALID_ARGUMENT, "cannot be combined");
  tenon_context_free(nullptr);
}

TEST(Context, choosesTheNumberOfThreads) {
  Model model = load("add");
  EXPECT_GE(tenon_context_threads(createContext(model).get()), 1);
  EXPECT_EQ(tenon_context_threads(createContext(model, 3).get()), 3);
}

TEST(Context, refusesASmallWorkspace) {
  Model model = load("add");
  std::vector<char> memory(tenon_model_workspace_size(model.get()));
  tenon_context_options options = {};
  options.workspace = memory.data();
  options.workspace_size = memory.size() - 1;
  EXPECT_ERROR(tryCreate(model, options), TENON_BUFFER_TOO_SMALL,
               "workspace has 4158 bytes, model 'add' needs 4159");
}

/// The arena and run-time sized blocks lie in the caller's memory, wherever that begins, and
/// nothing beyond its end is touched.
TEST(Context, worksInTheCallersMemory) {
  for (const char *name : {"add", "scale"})
    for (size_t offset : {0, 1, 63}) {
      Model model = load(name);
      size_t size = tenon_model_workspace_size(model.get()) + 3000;
      std::vector<unsigned char> memory(size + offset + 64, 0xa5);
      tenon_context_options options = {};
      options.threads = 1;
      options.workspace = memory.data() + offset;
      options.workspace_size = size;
      Context context = createContext(model, options);
      bool isAdd = name == std::string("add");
      Floats first{numbers(1024), {1024}}, second{numbers(1024), {1024}};
      if (!isAdd)
        first.dims = {4, 256}, second = {numbers(4), {4}};
      tenon_tensor inputs[] = {first, second}, output = {};
      ASSERT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
      for (size_t i = 0; i < offset; ++i)
        EXPECT_EQ(memory[i], 0xa5);
      for (size_t i = offset + size; i < memory.size(); ++i)
        EXPECT_EQ(memory[i], 0xa5);
      EXPECT_NE(std::vector<unsigned char>(memory.size(), 0xa5), memory);
    }
}

/// Scratch memory for every task, as far as kernels have so many.
TEST(Context, hasScratchMemoryForItsThreads) {
  Model model = load("scratch");
  EXPECT_EQ(tenon_model_workspace_size(model.get()), 0u);
  EXPECT_EQ(tenon_model_scratch_size(model.get(), 1), 65536u);
  EXPECT_EQ(tenon_model_scratch_size(model.get(), 2), 2u * 65536);
  EXPECT_EQ(tenon_model_scratch_size(model.get(), 1000), 2u * 65536);
  EXPECT_EQ(tenon_model_scratch_size(model.get(), 4096), 4096u * 64);
  EXPECT_EQ(tenon_model_scratch_size(load("add").get(), 8), 0u);
  Floats x{numbers(1024), {1024}};
  for (int32_t threads : {1, 2, 5}) {
    Context context = createContext(model, threads);
    tenon_tensor input = x, outputs[2] = {};
    ASSERT_EQ(tenon_run(context.get(), &input, 1, outputs, 2), TENON_OK) << tenon_last_error();
    for (const tenon_tensor &output : outputs)
      for (size_t i = 0; i < 1024; ++i)
        ASSERT_EQ(values(output)[i], 2 * x.data[i]);
  }
}

/// It lies in the caller's memory if it fits, wherever that begins, and nothing beyond is touched.
TEST(Context, hasScratchMemoryInTheCallersMemory) {
  Model model = load("scratch");
  Floats x{numbers(1024), {1024}};
  for (size_t offset : {0, 1, 63})
    for (bool fits : {true, false}) {
      size_t size = tenon_model_scratch_size(model.get(), 1) + (fits ? 63 : -1);
      std::vector<unsigned char> memory(offset + size + 64, 0xa5), untouched = memory;
      tenon_context_options options = {};
      options.threads = 1;
      options.workspace = memory.data() + offset;
      options.workspace_size = size;
      Context context = createContext(model, options);
      tenon_tensor input = x, outputs[2] = {};
      ASSERT_EQ(tenon_run(context.get(), &input, 1, outputs, 2), TENON_OK) << tenon_last_error();
      EXPECT_EQ(memory == untouched, !fits);
      EXPECT_TRUE(std::equal(memory.begin(), memory.begin() + offset, untouched.begin()));
      EXPECT_TRUE(std::equal(memory.end() - 64, memory.end(), untouched.begin()));
    }
}

struct Caller {
  int64_t calls = 0, tasks = 0;
};

/// Runs the tasks backwards, each in a new thread.
void backwards(void *user, int64_t tasks, void (*body)(void *, int64_t), void *data) {
  Caller *caller = static_cast<Caller *>(user);
  ++caller->calls;
  caller->tasks += tasks;
  for (int64_t i = tasks - 1; i >= 0; --i)
    std::thread([=] { body(data, i); }).join();
}

TEST(Context, usesTheCallersThreads) {
  Model model = load("add");
  Caller caller;
  tenon_context_options options = {};
  options.parallel_for = backwards;
  options.parallel_for_user = &caller;
  options.parallel_for_width = 3;
  Context context = createContext(model, options);
  EXPECT_EQ(tenon_context_threads(context.get()), 3);
  Floats x{numbers(1024), {1024}}, y{numbers(1024, 5), {1024}};
  tenon_tensor inputs[] = {x, y}, output = {};
  ASSERT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
  EXPECT_EQ(caller.calls, 2);
  EXPECT_EQ(caller.tasks, 6);
  for (size_t i = 0; i < 1024; ++i)
    ASSERT_EQ(values(output)[i], x.data[i] + y.data[i]);
}

TEST(Context, pinsAndRestoresTheCaller) {
  cpu_set_t before, during, after;
  Model model = load("add");
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  tenon_context_options options = {};
  options.threads = 2;
  options.pin_threads = 1;
  {
    Context context = createContext(model, options);
    ASSERT_EQ(sched_getaffinity(0, sizeof during, &during), 0);
    EXPECT_EQ(CPU_COUNT(&during), 1);
  }
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

} // namespace
