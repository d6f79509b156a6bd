// Programs on a caller's threads, whose stacks are small: 64 KiB each, that of the thread which
// runs the program too. Scratch memory of kernels is larger than that, and lies elsewhere.
#include "test/unit/execute/TestPrograms.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include <deque>
#include <functional>
#include <pthread.h>

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

constexpr size_t kStackBytes = 64 << 10;
constexpr int32_t kWidth = 3;

/// A thread with a small stack.
class SmallThread {
public:
  explicit SmallThread(std::function<void()> work) : work(std::move(work)) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    EXPECT_EQ(pthread_attr_setstacksize(&attributes, kStackBytes), 0);
    auto run = [](void *self) -> void * {
      static_cast<SmallThread *>(self)->work();
      return nullptr;
    };
    EXPECT_EQ(pthread_create(&thread, &attributes, run, this), 0);
    pthread_attr_destroy(&attributes);
  }
  ~SmallThread() { pthread_join(thread, nullptr); }
  SmallThread(const SmallThread &) = delete;
  SmallThread &operator=(const SmallThread &) = delete;

private:
  std::function<void()> work;
  pthread_t thread{};
};

/// A tenon_parallel_for with a thread for each task, which counts the launches that it divides.
void runTasks(void *user, int64_t tasks, void (*body)(void *, int64_t), void *data) {
  ++*static_cast<int *>(user);
  std::vector<std::unique_ptr<SmallThread>> threads;
  for (int64_t task = 0; task < tasks; ++task)
    threads.push_back(std::make_unique<SmallThread>([=] { body(data, task); }));
}

template <auto Free> struct Deleter {
  template <typename T> void operator()(T *object) const { Free(object); }
};
using Model = std::unique_ptr<tenon_model, Deleter<tenon_model_free>>;
using Context = std::unique_ptr<tenon_context, Deleter<tenon_context_free>>;

struct Case {
  const char *name;
  const char *text;
  std::vector<std::vector<int64_t>> inputs;
  /// Scratch memory of the context for each thread at least; run-time sized scratch is none of it.
  size_t scratchBytes;
};

class SmallStacksTest : public ExecuteTest, public ::testing::WithParamInterface<Case> {
protected:
  Model compile(StringRef text) {
    SmallString<128> path;
    cantFail(errorCodeToError(sys::fs::createTemporaryFile("tenon", "so", path)));
    FileRemover remover(path);
    if (Error error = compileProgram(*parse(text), path.str().str())) {
      ADD_FAILURE() << toString(std::move(error));
      return nullptr;
    }
    tenon_model *model = nullptr;
    EXPECT_EQ(tenon_model_load(path.c_str(), &model), TENON_OK) << tenon_last_error();
    return Model(model);
  }

  std::vector<HostTensor> makeInputs() {
    std::vector<HostTensor> inputs;
    for (const std::vector<int64_t> &shape : GetParam().inputs) {
      std::vector<float> values(product_of(shape));
      for (auto [number, value] : enumerate(values))
        value = 0.01f * static_cast<float>((number * 37 + inputs.size()) % 101) - 0.4f;
      inputs.push_back(floats(shape, values));
    }
    return inputs;
  }

  /// The result of one run, as its bytes.
  static std::string run(const tenon_model *model, const tenon_context_options &options,
                         ArrayRef<HostTensor> inputs) {
    tenon_context *created = nullptr;
    if (tenon_context_create(model, &options, &created) != TENON_OK)
      return tenon_last_error();
    Context context(created);
    std::vector<tenon_tensor> views;
    std::deque<std::vector<char>> storage;
    for (const HostTensor &input : inputs)
      views.push_back(input.view(storage.emplace_back()));
    tenon_tensor output = {};
    if (tenon_run(context.get(), views.data(), static_cast<int32_t>(views.size()), &output, 1) !=
        TENON_OK)
      return tenon_last_error();
    return std::string(static_cast<const char *>(output.data), output.bytes);
  }
};

TEST_P(SmallStacksTest, ResultsAreThoseOfLargeStacks) {
  Model model = compile(GetParam().text);
  ASSERT_TRUE(model);
  EXPECT_GE(tenon_model_scratch_size(model.get(), kWidth), kWidth * GetParam().scratchBytes);
  std::vector<HostTensor> inputs = makeInputs();
  tenon_context_options alone = {};
  alone.threads = 1;
  std::string expected = run(model.get(), alone, inputs), found;
  int launches = 0;
  tenon_context_options options = {};
  options.parallel_for = runTasks;
  options.parallel_for_user = &launches;
  options.parallel_for_width = kWidth;
  SmallThread([&] { found = run(model.get(), options, inputs); });
  EXPECT_GT(launches, 0);
  EXPECT_GE(expected.size(), 32u);
  EXPECT_TRUE(found == expected) << found.substr(0, 200);
}

// Rows of 4 KiB fall into the same sets of the cache: input is packed, and the weights, which a run
// gives.
constexpr char kProduct[] = R"(
  func.func @main(%x: tensor<256x1024xf32>, %w: tensor<1024x256xf32>) -> tensor<256x256xf32> {
    %0 = tenon.matmul %x, %w : (tensor<256x1024xf32>, tensor<1024x256xf32>) -> tensor<256x256xf32>
    return %0 : tensor<256x256xf32>
  })";

constexpr char kConvolution[] = R"(
  func.func @main(%x: tensor<1x18x18x1024xf32>, %w: tensor<1x1x1024x256xf32>) -> tensor<1x18x18x256xf32> {
    %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
       : (tensor<1x18x18x1024xf32>, tensor<1x1x1024x256xf32>) -> tensor<1x18x18x256xf32>
    return %0 : tensor<1x18x18x256xf32>
  })";

constexpr char kWinograd[] = R"(
  func.func @main(%x: tensor<1x34x34x64xf32>) -> tensor<1x32x32x64xf32> {
    %w = tenon.constant dense<0.01> : tensor<3x3x64x64xf32>
    %0 = tenon.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1}
       : (tensor<1x34x34x64xf32>, tensor<3x3x64x64xf32>) -> tensor<1x32x32x64xf32>
    return %0 : tensor<1x32x32x64xf32>
  })";

constexpr char kAttention[] = R"(
  func.func @main(%q: tensor<1x4x300x64xf32>, %k: tensor<1x4x2000x64xf32>,
                  %v: tensor<1x4x2000x64xf32>) -> tensor<1x4x300x64xf32> {
    %0 = tenon.attention %q, %k, %v {scale = 1.25e-1}
       : (tensor<1x4x300x64xf32>, tensor<1x4x2000x64xf32>, tensor<1x4x2000x64xf32>)
      -> tensor<1x4x300x64xf32>
    return %0 : tensor<1x4x300x64xf32>
  })";

constexpr char kLibrary[] = R"(
  func.func @main(%x: tensor<8x120x120xf32>) -> tensor<8xf32> {
    %0 = tenon.det %x : (tensor<8x120x120xf32>) -> tensor<8xf32>
    return %0 : tensor<8xf32>
  })";

constexpr char kUnknownDepth[] = R"(
  func.func @main(%x: tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>,
                  %w: tensor<?x256xf32, affine_map<()[s0, s1] -> (s1, 256)>>)
      -> tensor<?x256xf32, affine_map<()[s0, s1] -> (s0, 256)>>
      attributes {tenon.symbols = ["rows", "depth"]} {
    %0 = tenon.matmul %x, %w : (tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>,
                                tensor<?x256xf32, affine_map<()[s0, s1] -> (s1, 256)>>)
      -> tensor<?x256xf32, affine_map<()[s0, s1] -> (s0, 256)>>
    return %0 : tensor<?x256xf32, affine_map<()[s0, s1] -> (s0, 256)>>
  })";

constexpr char kUnknownLibrary[] = R"(
  func.func @main(%x: tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0, s1, s1)>>)
      -> tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>
      attributes {tenon.symbols = ["matrices", "size"]} {
    %0 = tenon.det %x : (tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0, s1, s1)>>)
      -> tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>
    return %0 : tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>
  })";

const Case kCases[] = {
    {"product", kProduct, {{256, 1024}, {1024, 256}}, kStackBytes},
    {"convolution", kConvolution, {{1, 18, 18, 1024}, {1, 1, 1024, 256}}, kStackBytes},
    {"winograd", kWinograd, {{1, 34, 34, 64}}, kStackBytes},
    {"attention", kAttention, {{1, 4, 300, 64}, {1, 4, 2000, 64}, {1, 4, 2000, 64}}, kStackBytes},
    {"library", kLibrary, {{8, 120, 120}}, kStackBytes},
    {"unknownDepth", kUnknownDepth, {{200, 1000}, {1000, 256}}, 0},
    {"unknownLibrary", kUnknownLibrary, {{8, 120, 120}}, 0},
};

INSTANTIATE_TEST_SUITE_P(Programs, SmallStacksTest, ::testing::ValuesIn(kCases),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
