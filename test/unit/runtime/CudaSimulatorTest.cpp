// A compiled model on the simulated GPU: runs that repeat, memory and streams of the caller's, and
// every call of the driver failing in turn.

#include "lib/CudaSimulator/Simulator.h"
#include "test/unit/runtime/Helpers.h"

#include <dlfcn.h>
#include <filesystem>

namespace tenon::test {
namespace {

/// The simulated driver: what a caller of the runtime has of a GPU, and what only a simulator
/// tells.
struct Simulator {
  template <typename F> F *find(const char *name) const {
    void *symbol = dlsym(library, name);
    EXPECT_NE(symbol, nullptr) << name;
    return reinterpret_cast<F *>(symbol);
  }
  template <typename... A> int call(const char *name, A... arguments) const {
    return find<int(A...)>(name)(arguments...);
  }

  void *library = dlopen(TEST_SIMULATOR, RTLD_NOW | RTLD_LOCAL);
};

/// Memory of the device, of which the primary context is current as long as it lives.
class DeviceMemory {
public:
  DeviceMemory(const Simulator &driver, size_t bytes) : driver(driver), bytes(bytes) {
    void *context = nullptr;
    EXPECT_EQ(driver.call("cuInit", 0u), 0);
    EXPECT_EQ(driver.call("cuDevicePrimaryCtxRetain", &context, 0), 0);
    EXPECT_EQ(driver.call("cuCtxPushCurrent_v2", context), 0);
    EXPECT_EQ(driver.call("cuMemAlloc_v2", &address, bytes), 0);
  }
  ~DeviceMemory() {
    void *context = nullptr;
    EXPECT_EQ(driver.call("cuMemFree_v2", address), 0);
    EXPECT_EQ(driver.call("cuCtxPopCurrent_v2", &context), 0);
    EXPECT_EQ(driver.call("cuDevicePrimaryCtxRelease_v2", 0), 0);
  }
  void *at(size_t offset) const { return reinterpret_cast<void *>(address + offset); }
  void write(size_t offset, const void *data, size_t count) const {
    EXPECT_EQ(driver.call("cuMemcpyHtoD_v2", address + offset, data, count), 0);
  }

  const Simulator &driver;
  const size_t bytes;

private:
  uint64_t address = 0;
};

template <typename T>
std::vector<T> readDevice(const Simulator &driver, const void *data, size_t count) {
  std::vector<T> result(count);
  EXPECT_EQ(driver.call("cuMemcpyDtoH_v2", static_cast<void *>(result.data()),
                        reinterpret_cast<uint64_t>(data), count * sizeof(T)),
            0);
  return result;
}

/// Images in the device's memory, at a distance from what is aligned, and outputs in buffers there.
struct DeviceDigits {
  DeviceDigits(const Simulator &driver, Digits &host, size_t offset)
      : memory(driver, host.pixels.size() + offset) {
    memory.write(offset, host.pixels.data(), host.pixels.size());
    input = {TENON_UINT8,        4, host.dims.data(),    memory.at(offset),
             host.pixels.size(), 0, TENON_DEVICE_MEMORY, 0};
    for (tenon_tensor &output : outputs)
      output.memory = TENON_DEVICE_MEMORY;
  }
  void expect(const Digits &host) const {
    EXPECT_EQ(readDevice<int64_t>(memory.driver, outputs[0].data, host.digits.size()), host.digits);
    EXPECT_EQ(readDevice<float>(memory.driver, outputs[1].data, host.probabilities.size()),
              host.probabilities);
  }

  DeviceMemory memory;
  tenon_tensor input = {}, outputs[2] = {};
};

class CudaSimulatorTest : public testing::Test {
protected:
  static void SetUpTestSuite() { setenv("TENON_CUDA_DRIVER", TEST_SIMULATOR, 1); }

  uint64_t calls() const { return driver.find<uint64_t()>("tenon_cuda_sim_calls")(); }

  /// What `host` gives in a run of its own, of a context of its own.
  static void expectLikeFirst(Digits &host, const Model &model) {
    Digits fresh(host.dims[0]);
    ASSERT_EQ(fresh.run(createContext(model, 1).get()), TENON_OK) << tenon_last_error();
    EXPECT_EQ(host.digits, fresh.digits);
    EXPECT_EQ(host.probabilities, fresh.probabilities);
  }

  Simulator driver;
};

// From the third run on all launches are one call of the driver; a run of other sizes in between
// makes buffers grow, after which addresses are others.
TEST_F(CudaSimulatorTest, RepeatsRunsAsGraphs) {
  Model model = load("digits-cuda");
  Context context = createContext(model, 1);
  uint64_t perRun[4];
  for (int round = 0; round < 2; ++round) {
    Digits small(3);
    for (uint64_t &count : perRun) {
      small = Digits(3);
      uint64_t before = calls();
      ASSERT_EQ(small.run(context.get()), TENON_OK) << tenon_last_error();
      count = calls() - before;
    }
    EXPECT_LT(perRun[3], perRun[0]);
    EXPECT_EQ(perRun[3], perRun[2]);
    expectLikeFirst(small, model);
    Digits large(7);
    ASSERT_EQ(large.run(context.get()), TENON_OK) << tenon_last_error();
    expectLikeFirst(large, model);
  }
}

// Many sizes: of graphs the last few are kept.
TEST_F(CudaSimulatorTest, ForgetsGraphs) {
  Model model = load("digits-cuda");
  Context context = createContext(model, 1);
  for (int64_t count = 10; count > 0; --count)
    for (int run = 0; run < 3; ++run) {
      Digits digits(count);
      ASSERT_EQ(digits.run(context.get()), TENON_OK) << tenon_last_error();
      if (run == 2 && count % 3 == 0)
        expectLikeFirst(digits, model);
    }
}

// Inputs are read where they are, or copied on the device where kernels cannot read them; outputs
// stay there.
TEST_F(CudaSimulatorTest, TakesMemoryOfTheDevice) {
  Model model = load("digits-cuda");
  Context context = createContext(model, 1);
  Digits expected(5);
  ASSERT_EQ(expected.run(createContext(model, 1).get()), TENON_OK) << tenon_last_error();
  for (size_t offset : {0, 1}) {
    DeviceDigits device(driver, expected, offset);
    for (int run = 0; run < 4; ++run) {
      ASSERT_EQ(tenon_run(context.get(), &device.input, 1, device.outputs, 2), TENON_OK)
          << tenon_last_error();
      device.expect(expected);
    }
  }
}

// Outputs go to the caller's memory, also where kernels cannot write them directly.
TEST_F(CudaSimulatorTest, WritesMemoryOfTheDevice) {
  Model model = load("digits-cuda");
  Context context = createContext(model, 1);
  Digits expected(5);
  ASSERT_EQ(expected.run(createContext(model, 1).get()), TENON_OK) << tenon_last_error();
  for (size_t offset : {0, 4}) {
    DeviceDigits device(driver, expected, 0);
    DeviceMemory results(driver, 4096);
    device.outputs[0].data = results.at(0);
    device.outputs[0].capacity = 40;
    device.outputs[1].data = results.at(1024 + offset);
    device.outputs[1].capacity = 200;
    ASSERT_EQ(tenon_run(context.get(), &device.input, 1, device.outputs, 2), TENON_OK)
        << tenon_last_error();
    EXPECT_EQ(device.outputs[1].data, results.at(1024 + offset));
    device.expect(expected);
    device.outputs[0].capacity = 39;
    EXPECT_EQ(tenon_run(context.get(), &device.input, 1, device.outputs, 2),
              TENON_BUFFER_TOO_SMALL);
  }
}

// In a stream of the caller's a run is over when the caller waits for it.
TEST_F(CudaSimulatorTest, RunsInTheCallersStream) {
  Model model = load("digits-cuda");
  Digits expected(5);
  ASSERT_EQ(expected.run(createContext(model, 1).get()), TENON_OK) << tenon_last_error();
  DeviceDigits device(driver, expected, 0);
  tenon_context_options options = {};
  options.threads = 1;
  ASSERT_EQ(driver.call("cuStreamCreate", &options.stream, 1u), 0);
  {
    Context context = createContext(model, options);
    for (int run = 0; run < 4; ++run) {
      ASSERT_EQ(tenon_run(context.get(), &device.input, 1, device.outputs, 2), TENON_OK)
          << tenon_last_error();
      if (run == 0) // later ones are one operation, which the query itself brings about
        EXPECT_EQ(driver.call("cuStreamQuery", options.stream), 600) << "it was waited for";
      ASSERT_EQ(driver.call("cuStreamSynchronize", options.stream), 0);
      device.expect(expected);
    }
    Digits host(5);
    ASSERT_EQ(host.run(context.get()), TENON_OK) << tenon_last_error();
    EXPECT_EQ(host.digits, expected.digits);
  }
  EXPECT_EQ(driver.call("cuStreamDestroy_v2", options.stream), 0);
}

TEST_F(CudaSimulatorTest, RefusesMemoryThatIsNone) {
  Model model = load("digits-cuda");
  Context context = createContext(model, 1);
  Digits host(1);
  tenon_tensor input = {TENON_UINT8, 4, host.dims.data(), host.pixels.data(), 64, 0, 2, 0};
  tenon_tensor outputs[2] = {};
  EXPECT_EQ(tenon_run(context.get(), &input, 1, outputs, 2), TENON_INVALID_ARGUMENT);
  EXPECT_STREQ(tenon_last_error(), "input 0 'image': memory is 2, which is no tenon_memory");
  Model other = load("digits");
  Context processor = createContext(other, 1);
  input.memory = TENON_DEVICE_MEMORY;
  EXPECT_EQ(tenon_run(processor.get(), &input, 1, outputs, 2), TENON_INVALID_ARGUMENT);
  EXPECT_NE(
      std::string(tenon_last_error()).find("'image' is in a device's memory, the model is for"),
      std::string::npos)
      << tenon_last_error();
}

/// Loads and runs as often as there are ways of running, and frees everything.
tenon_status useModel() {
  tenon_model *model = nullptr;
  tenon_context *context = nullptr;
  tenon_status status = tenon_model_load(modelPath("digits-cuda").c_str(), &model);
  if (!status)
    status = tenon_context_create(model, nullptr, &context);
  for (int64_t count : {1, 1, 1, 2}) {
    Digits digits(count);
    if (!status)
      status = digits.run(context);
  }
  tenon_context_free(context);
  tenon_model_free(model);
  return status;
}

// Call number TENON_TEST_FAILS of the driver fails. Run by the next test, in processes of their
// own, since the driver is opened once. It prints "done" if there was no such call.
TEST_F(CudaSimulatorTest, DISABLED_CallFails) {
  uint64_t number = std::stoull(getenv("TENON_TEST_FAILS"));
  driver.find<void(uint64_t, int)>("tenon_cuda_sim_fail_call")(number, 999);
  tenon_status status = useModel();
  if (calls() < number)
    std::puts("done");
  if (!status)
    return; // what failed was to give something back: there is no other way to do so
  EXPECT_STREQ(driver.find<const char *()>("tenon_cuda_sim_leaks")(), "");
  EXPECT_STRNE(tenon_last_error(), "");
  EXPECT_TRUE(status == TENON_DEVICE_ERROR || status == TENON_UNSUPPORTED_CPU)
      << tenon_last_error();
}

// Whatever call of the driver fails, a status says so, and all is given back.
TEST_F(CudaSimulatorTest, GivesEverythingBackWhateverFails) {
  const std::string command = std::filesystem::read_symlink("/proc/self/exe").string() +
                              " --gtest_also_run_disabled_tests --gtest_brief=1"
                              " --gtest_filter='*DISABLED_CallFails' 2>&1";
  std::string output;
  int number = 0;
  while (output.find("done") == std::string::npos && number < 500) {
    setenv("TENON_TEST_FAILS", std::to_string(++number).c_str(), 1);
    FILE *process = popen(command.c_str(), "r");
    ASSERT_NE(process, nullptr);
    char part[256];
    output.clear();
    for (size_t count; (count = fread(part, 1, sizeof part, process)) > 0;)
      output.append(part, count);
    EXPECT_EQ(pclose(process), 0) << "call " << number << ": " << output;
  }
  EXPECT_GT(number, 50);
  EXPECT_LT(number, 500);
}

} // namespace
} // namespace tenon::test
