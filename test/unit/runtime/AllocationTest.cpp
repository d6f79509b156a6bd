// `tenon_run` allocates nothing once it has seen the shapes: malloc and its relatives are
// interposed by functions that count, for all threads of the process.
#include "Helpers.h"

#include <atomic>
#include <cerrno>
#include <climits>

using namespace tenon::test;

static std::atomic<int> allocations;
/// From this number of allocations on there is no memory.
static std::atomic<int> limit = INT_MAX;

static bool mayAllocate() { return ++allocations <= limit; }

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): glibc's names.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
// NOLINTEND(readability-identifier-naming)

void *malloc(size_t size) { return mayAllocate() ? __libc_malloc(size) : nullptr; }
void *calloc(size_t count, size_t size) {
  return mayAllocate() ? __libc_calloc(count, size) : nullptr;
}
void *realloc(void *old, size_t size) {
  return mayAllocate() ? __libc_realloc(old, size) : nullptr;
}
void *memalign(size_t alignment, size_t size) {
  return mayAllocate() ? __libc_memalign(alignment, size) : nullptr;
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}
}

namespace {

/// Allocations of ten further runs.
int allocationsOf(tenon_context *context, const tenon_tensor *inputs, int32_t numInputs,
                  tenon_tensor *outputs, int32_t numOutputs) {
  EXPECT_EQ(tenon_run(context, inputs, numInputs, outputs, numOutputs), TENON_OK);
  int before = allocations;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(tenon_run(context, inputs, numInputs, outputs, numOutputs), TENON_OK);
  return allocations - before;
}

TEST(Allocation, theTestSeesAllocations) {
  int before = allocations;
  Model model = load("add");
  Context context = createContext(model, 2);
  EXPECT_GT(allocations, before);
  // The first run makes the output buffer, through aligned_alloc in the runtime.
  Floats x{numbers(1024), {1024}};
  tenon_tensor inputs[] = {x, x}, output = {};
  before = allocations;
  EXPECT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK);
  EXPECT_GT(allocations, before);
}

TEST(Allocation, staticModel) {
  Model model = load("add");
  Context context = createContext(model, 3);
  Floats x{numbers(1024), {1024}};
  tenon_tensor inputs[] = {x, x}, output = {};
  EXPECT_EQ(allocationsOf(context.get(), inputs, 2, &output, 1), 0);
  std::vector<float> z(1024);
  output.data = z.data();
  output.capacity = 4096;
  EXPECT_EQ(allocationsOf(context.get(), inputs, 2, &output, 1), 0);
}

/// With the caller's output buffer even the first run allocates nothing.
TEST(Allocation, staticModelFirstRun) {
  Model model = load("add");
  Context context = createContext(model, 3);
  Floats x{numbers(1024), {1024}};
  std::vector<float> z(1024);
  tenon_tensor inputs[] = {x, x}, output = {};
  output.data = z.data();
  output.capacity = 4096;
  int before = allocations;
  tenon_status status = tenon_run(context.get(), inputs, 2, &output, 1);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(status, TENON_OK);
}

/// Scratch memory is there from the beginning.
TEST(Allocation, scratchMemoryFirstRun) {
  Model model = load("scratch");
  Context context = createContext(model, 3);
  Floats x{numbers(1024), {1024}};
  std::vector<float> y(1024), z(1024);
  tenon_tensor input = x, outputs[2] = {};
  outputs[0].data = y.data();
  outputs[1].data = z.data();
  outputs[0].capacity = outputs[1].capacity = 4096;
  int before = allocations;
  tenon_status status = tenon_run(context.get(), &input, 1, outputs, 2);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(status, TENON_OK);
}

TEST(Allocation, dynamicModel) {
  Model model = load("scale");
  Context context = createContext(model, 2);
  Floats a{numbers(6000), {20, 300}}, w{numbers(20), {20}};
  tenon_tensor inputs[] = {a, w}, output = {};
  EXPECT_EQ(allocationsOf(context.get(), inputs, 2, &output, 1), 0);
}

/// Objects come from the memory of earlier runs, and outputs have grown to their size.
TEST(Allocation, sequences) {
  Model model = load("sequences");
  Context context = createContext(model, 1);
  Floats a{{1, 2, 3}, {3}};
  tenon_value elements[2] = {}, inputs[3] = {}, outputs[4] = {};
  elements[0].tensor = elements[1].tensor = a;
  inputs[0] = {TENON_SEQUENCE, 0, 2, elements, {}, {}};
  inputs[1].kind = TENON_OPTIONAL;
  inputs[2].kind = TENON_MAP;
  int64_t none = 0;
  inputs[2].tensor = {TENON_FLOAT, 1, &none, nullptr, 0, 0, 0, 0};
  inputs[2].keys = {TENON_INT64, 1, &none, nullptr, 0, 0, 0, 0};
  EXPECT_EQ(tenon_run_values(context.get(), inputs, 3, outputs, 4), TENON_OK) << tenon_last_error();
  int before = allocations;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(tenon_run_values(context.get(), inputs, 3, outputs, 4), TENON_OK);
  EXPECT_EQ(allocations - before, 0);
}

TEST(Allocation, dataDependentModelWhileProfiled) {
  Model model = load("nonzero");
  Context context = createContext(model, 1);
  EXPECT_EQ(tenon_profile_start(context.get()), TENON_OK);
  Floats x{numbers(100), {100}};
  tenon_tensor inputs[] = {x}, outputs[2] = {};
  EXPECT_EQ(allocationsOf(context.get(), inputs, 1, outputs, 2), 0);
}

TEST(Allocation, failingRun) {
  Model model = load("nonzero");
  Context context = createContext(model, 1);
  Floats x{{-1}, {1}};
  tenon_tensor inputs[] = {x}, outputs[2] = {};
  EXPECT_EQ(tenon_run(context.get(), inputs, 1, outputs, 2), TENON_INVALID_VALUE);
  int before = allocations;
  tenon_status status = tenon_run(context.get(), inputs, 1, outputs, 2);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(status, TENON_INVALID_VALUE);
}

/// A compiled model of fixed sizes allocates nothing even in its first run.
TEST(Allocation, compiledStaticModel) {
  Model model = load("digits-of-8");
  Context context = createContext(model, 3);
  Digits digits(8);
  int before = allocations;
  tenon_status first = digits.run(context.get()), second = digits.run(context.get());
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(first, TENON_OK);
  EXPECT_EQ(second, TENON_OK);
}

/// One of open sizes allocates only when it sees a size for the first time.
TEST(Allocation, compiledDynamicModel) {
  Model model = load("digits");
  Context context = createContext(model, 3);
  Digits many(40), few(3);
  EXPECT_EQ(many.run(context.get()), TENON_OK) << tenon_last_error();
  EXPECT_EQ(few.run(context.get()), TENON_OK) << tenon_last_error();
  int before = allocations;
  tenon_status manyAgain = many.run(context.get()), fewAgain = few.run(context.get());
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(manyAgain, TENON_OK);
  EXPECT_EQ(fewAgain, TENON_OK);
}

/// Strings that come again find the memory of those before.
TEST(Allocation, strings) {
  Model model = load("strings");
  Context context = createContext(model, 1);
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i)
    texts.push_back("text number " + std::to_string(i));
  std::vector<tenon_string> elements;
  for (const std::string &text : texts)
    elements.push_back({text.data(), text.size()});
  int64_t dims[] = {1000};
  tenon_tensor input = {
      TENON_STRING, 1, dims, elements.data(), 1000 * sizeof(tenon_string), 0, 0, 0};
  tenon_tensor outputs[3] = {};
  EXPECT_EQ(allocationsOf(context.get(), &input, 1, outputs, 3), 0);
}

/// Wherever memory runs out there is a status, nothing is lost, and the context runs once there is
/// memory.
TEST(Allocation, stringsWithoutMemory) {
  Model model = load("strings");
  std::string text(3000, 'x');
  tenon_string elements[] = {{"a", 1}, {text.data(), text.size()}, {text.data(), 2000}};
  int64_t dims[] = {3};
  tenon_tensor input = {TENON_STRING, 1, dims, elements, sizeof elements, 0, 0, 0};
  int refused = 0;
  for (bool isDone = false; !isDone; ++refused) {
    Context context = createContext(model, 1);
    tenon_tensor outputs[3] = {};
    limit = allocations + refused;
    tenon_status status = tenon_run(context.get(), &input, 1, outputs, 3);
    limit = INT_MAX;
    isDone = status == TENON_OK;
    if (!isDone) {
      EXPECT_ERROR(status, TENON_OUT_OF_MEMORY, "no memory");
    }
    tenon_tensor again[3] = {};
    EXPECT_EQ(tenon_run(context.get(), &input, 1, again, 3), TENON_OK) << tenon_last_error();
  }
  EXPECT_GT(refused, 5);
}

} // namespace
