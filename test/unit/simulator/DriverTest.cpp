// The driver's own duties: handles, errors, streams, graphs, leaks.

#include "SimulatorTest.h"
#include <dlfcn.h>

namespace tenon::sim {

using Words = std::vector<uint32_t>;

TEST_F(SimulatorTest, FindsEntryPoints) {
  void *entry = nullptr;
  int status = -1;
  EXPECT_EQ(cuGetProcAddress_v2("cuMemAlloc", &entry, 12000, 0, &status), 0);
  EXPECT_EQ(entry, dlsym(RTLD_DEFAULT, "cuMemAlloc_v2"));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(cuGetProcAddress_v2("cuNothing", &entry, 12000, 0, nullptr), NotFound);
  EXPECT_EQ(cuGetProcAddress_v2("cuNothing", &entry, 12000, 0, &status), 0);
  EXPECT_EQ(status, 1);
  EXPECT_EQ(cuMemAllocManaged(), NotSupported);
}

TEST_F(SimulatorTest, SaysWhatChipItIs) {
  struct Case {
    const char *chip;
    int major, minor, shared, clusters;
  };
  for (const Case &chip : {Case{"sm_80", 8, 0, 163 << 10, 0}, Case{"sm_86", 8, 6, 99 << 10, 0},
                           Case{"sm_90a", 9, 0, 227 << 10, 1}}) {
    start(chip.chip);
    int values[4];
    int attributes[] = {75, 76, 97, 120};
    for (int i = 0; i < 4; ++i)
      ASSERT_EQ(cuDeviceGetAttribute(&values[i], attributes[i], 0), 0);
    EXPECT_EQ(values[0], chip.major);
    EXPECT_EQ(values[1], chip.minor);
    EXPECT_EQ(values[2], chip.shared);
    EXPECT_EQ(values[3], chip.clusters);
  }
  int value;
  EXPECT_EQ(cuDeviceGetAttribute(&value, 75, 1), InvalidDevice);
  EXPECT_EQ(cuDeviceGetAttribute(&value, 9999, 0), InvalidValue);
}

TEST_F(SimulatorTest, RefusesWrongCalls) {
  unsigned long long address = 0;
  Words words(4);
  EXPECT_EQ(cuMemAlloc_v2(&address, 0), InvalidValue);
  EXPECT_EQ(cuMemAlloc_v2(nullptr, 4), InvalidValue);
  EXPECT_EQ(cuMemAlloc_v2(&address, 1ull << 60), OutOfMemory);
  EXPECT_EQ(cuMemFree_v2(12345), InvalidValue);
  address = allocate(16);
  EXPECT_EQ(cuMemcpyHtoD_v2(address, words.data(), 17), InvalidValue);
  EXPECT_EQ(cuMemcpyHtoD_v2(address + 16, words.data(), 4), InvalidValue);
  EXPECT_EQ(cuMemFree_v2(address + 4), InvalidValue);
  EXPECT_EQ(cuMemFree_v2(address), 0);
  EXPECT_EQ(cuMemFree_v2(address), InvalidValue);
  EXPECT_EQ(cuStreamSynchronize(&address), InvalidHandle);
  EXPECT_EQ(cuModuleGetFunction(&function, &address, "k"), InvalidHandle);
  load(kernel("st.global.u32 [%d0], 1;", 1, ""));
  void *argument = &address, *none[] = {nullptr};
  EXPECT_EQ(cuLaunchKernel(function, 1, 1, 1, 1025, 1, 1, 0, nullptr, &argument, nullptr),
            InvalidValue);
  EXPECT_EQ(cuLaunchKernel(function, 0, 1, 1, 1, 1, 1, 0, nullptr, &argument, nullptr),
            InvalidValue);
  EXPECT_EQ(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, none, nullptr), InvalidValue);
  EXPECT_EQ(cuLaunchKernel(nullptr, 1, 1, 1, 1, 1, 1, 0, nullptr, &argument, nullptr),
            InvalidHandle);
  const char *name = nullptr;
  EXPECT_EQ(cuGetErrorName(700, &name), 0);
  EXPECT_STREQ(name, "CUDA_ERROR_ILLEGAL_ADDRESS");
  EXPECT_EQ(cuGetErrorName(12345, &name), InvalidValue);
  tenon_cuda_sim_reset();
  EXPECT_EQ(cuMemFree_v2(address), NotInitialized);
  setenv("TENON_CUDA_SIM", "sm_12", 1);
  EXPECT_EQ(cuInit(0), InvalidValue);
}

static const char *const increment =
    "setp.ne.u32 %p1, %r0, 0;\n@%p1 ret;\nld.global.u32 %r1, [%d0];\n"
    "add.u32 %r1, %r1, 1;\nst.global.u32 [%d0], %r1;";

// Work of a stream is done when somebody waits for it, not before.
TEST_F(SimulatorTest, OrdersStreams) {
  void *first = nullptr, *second = nullptr, *event = nullptr, *pinned = nullptr;
  ASSERT_EQ(cuStreamCreate(&first, 1), 0);
  ASSERT_EQ(cuStreamCreate(&second, 1), 0);
  ASSERT_EQ(cuEventCreate(&event, 0), 0);
  ASSERT_EQ(cuMemHostAlloc(&pinned, 4, 0), 0);
  unsigned long long word = allocate(4);
  load(kernel(increment, 1));
  void *arguments[] = {&word};
  auto *host = static_cast<uint32_t *>(pinned);
  *host = 0;
  ASSERT_EQ(cuMemsetD32Async(word, 5, 1, first), 0);
  ASSERT_EQ(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, first, arguments, nullptr), 0);
  ASSERT_EQ(cuEventRecord(event, first), 0);
  ASSERT_EQ(cuStreamWaitEvent(second, event, 0), 0);
  ASSERT_EQ(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, second, arguments, nullptr), 0);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(host, word, 4, second), 0);
  EXPECT_EQ(*host, 0u);
  EXPECT_EQ(cuEventQuery(event), NotReady);
  ASSERT_EQ(cuStreamSynchronize(second), 0);
  EXPECT_EQ(*host, 7u);
  EXPECT_EQ(cuEventQuery(event), 0);
  EXPECT_EQ(cuEventDestroy_v2(event), 0);
  EXPECT_EQ(cuStreamDestroy_v2(first), 0);
  EXPECT_EQ(cuStreamDestroy_v2(second), 0);
  EXPECT_EQ(cuStreamDestroy_v2(second), InvalidHandle);
  EXPECT_EQ(cuMemFreeHost(pinned), 0);
}

TEST_F(SimulatorTest, ReplaysGraphs) {
  void *stream = nullptr, *graph = nullptr, *executable = nullptr;
  ASSERT_EQ(cuStreamCreate(&stream, 1), 0);
  unsigned long long word = upload(Words{10});
  load(kernel(increment, 1));
  void *arguments[] = {&word};
  ASSERT_EQ(cuStreamBeginCapture_v2(stream, 0), 0);
  ASSERT_EQ(cuMemsetD32Async(word, 100, 1, stream), 0);
  for (unsigned i = 0; i < 3; ++i)
    ASSERT_EQ(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, arguments, nullptr), 0);
  ASSERT_EQ(cuStreamEndCapture(stream, &graph), 0);
  EXPECT_EQ(download<uint32_t>(word, 1)[0], 10u) << "nothing runs while it is recorded";
  ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
  for (unsigned i = 0; i < 2; ++i) {
    ASSERT_EQ(cuGraphLaunch(executable, stream), 0);
    ASSERT_EQ(cuStreamSynchronize(stream), 0);
    EXPECT_EQ(download<uint32_t>(word, 1)[0], 103u);
  }
  EXPECT_EQ(cuStreamBeginCapture_v2(stream, 0), 0);
  EXPECT_EQ(cuStreamSynchronize(stream), StreamCaptureUnsupported);
  EXPECT_EQ(cuStreamEndCapture(stream, &graph), StreamCaptureInvalidated);
  EXPECT_EQ(cuGraphExecDestroy(executable), 0);
  EXPECT_EQ(cuGraphExecDestroy(executable), InvalidValue);
}

TEST_F(SimulatorTest, TellsLeaks) {
  EXPECT_STREQ(tenon_cuda_sim_leaks(), "");
  unsigned long long address = allocate(48);
  void *stream = nullptr;
  ASSERT_EQ(cuStreamCreate(&stream, 0), 0);
  EXPECT_HAS(tenon_cuda_sim_leaks(), "device memory of 48 bytes");
  EXPECT_HAS(tenon_cuda_sim_leaks(), "1 stream");
  ASSERT_EQ(cuMemFreeAsync(address, stream), 0);
  ASSERT_EQ(cuStreamDestroy_v2(stream), 0);
  EXPECT_STREQ(tenon_cuda_sim_leaks(), "");
}

// Each call of a short program fails once; none of what it did before may be left.
TEST_F(SimulatorTest, FailsCallsOnRequest) {
  unsigned long long address = 0;
  tenon_cuda_sim_fail_call(2, OutOfMemory);
  EXPECT_EQ(cuMemAlloc_v2(&address, 16), 0);
  EXPECT_EQ(cuMemFree_v2(address), OutOfMemory);
  EXPECT_EQ(cuMemFree_v2(address), 0);
  tenon_cuda_sim_reset();
  setenv("TENON_CUDA_SIM_FAIL_CALL", "3:999", 1);
  void *context = nullptr;
  EXPECT_EQ(cuInit(0), 0);
  int device;
  EXPECT_EQ(cuDeviceGet(&device, 0), 0) << "the first call that counts is after cuInit";
  EXPECT_EQ(cuDevicePrimaryCtxRetain(&context, 0), 999);
  unsetenv("TENON_CUDA_SIM_FAIL_CALL");
}

TEST_F(SimulatorTest, FindsUseAfterFree) {
  unsigned long long word = upload(Words{1});
  load(kernel(increment, 1));
  ASSERT_EQ(cuMemFree_v2(word), 0);
  EXPECT_EQ(launch({word}), IllegalAddressResult);
  EXPECT_HAS(fault(), "bytes into freed memory of 4 bytes");
}

TEST_F(SimulatorTest, DescribesPointers) {
  unsigned long long address = allocate(64), base = 0;
  int type = 0;
  EXPECT_EQ(cuPointerGetAttribute(&type, 2, address + 8), 0);
  EXPECT_EQ(type, MemoryDevice);
  EXPECT_EQ(cuPointerGetAttribute(&base, 11, address + 8), 0);
  EXPECT_EQ(base, address);
  EXPECT_EQ(cuPointerGetAttribute(&type, 2, 4096), InvalidValue);
}

} // namespace tenon::sim
