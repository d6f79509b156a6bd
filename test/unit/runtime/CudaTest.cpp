// Models on a GPU, with a driver that the test controls (models/driver.c): what is brought where,
// errors in the driver's words with the kernel's name, and nothing left behind by any of them.

#include "test/unit/runtime/Helpers.h"

#include <dlfcn.h>

namespace tenon::test {
namespace {

/// Laid out as `fake_driver` in models/driver.c.
struct FakeDriver {
  int live, current, failAllocation, failLoad, failLaunch, allocations, launches, pending, sticky;
};

std::string runError(tenon_context *context, const Floats &input) {
  tenon_tensor in = input, out = {};
  return tenon_run(context, &in, 1, &out, 1) == TENON_DEVICE_ERROR ? tenon_last_error() : "none";
}

std::string loadError(const std::string &name, tenon_status expected) {
  tenon_model *model = nullptr;
  EXPECT_EQ(tenon_model_load(modelPath(name).c_str(), &model), expected);
  EXPECT_EQ(model, nullptr);
  return tenon_last_error();
}

class CudaTest : public testing::Test {
protected:
  static void SetUpTestSuite() { setenv("TENON_CUDA_DRIVER", TEST_DRIVER, 1); }

  void SetUp() override {
    library = dlopen(TEST_DRIVER, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    driver = static_cast<FakeDriver *>(dlsym(library, "fake_driver"));
    *driver = {};
  }
  // Whatever a test did, all is given back when its model is gone.
  void TearDown() override {
    EXPECT_EQ(driver->live, 0);
    EXPECT_EQ(driver->current, 0);
    dlclose(library);
  }

  void *library = nullptr;
  FakeDriver *driver = nullptr;
};

// Inputs and weights get to the device and back, a kernel of the host computes in between, and
// further runs of the same length allocate nothing on the device.
TEST_F(CudaTest, RunsKernelsOnBothSides) {
  Model model = load("gpu");
  EXPECT_STREQ(tenon_model_target(model.get()), "cuda:sm_80");
  EXPECT_EQ(tenon_model_workspace_size(model.get()), 0u);
  Context context = createContext(model, 2);
  Floats input = {{1, 2, 3, 4, 5}, {5}};
  int allocations = 0;
  for (int i = 0; i < 3; ++i) {
    tenon_tensor in = input, out = {};
    ASSERT_EQ(tenon_run(context.get(), &in, 1, &out, 1), TENON_OK) << tenon_last_error();
    const float expected[] = {3, 6, 9, 12, 11};
    for (int j = 0; j < 5; ++j)
      EXPECT_EQ(static_cast<float *>(out.data)[j], expected[j]);
    if (i == 1)
      allocations = driver->allocations;
  }
  EXPECT_EQ(driver->allocations, allocations);
  EXPECT_EQ(driver->launches, 3);
}

// Of no elements, too, and written to the caller's memory.
TEST_F(CudaTest, TakesTensorsWithoutElements) {
  Model model = load("gpu");
  Context context = createContext(model, 1);
  Floats input = {{}, {0}};
  tenon_tensor in = input, out = {};
  EXPECT_EQ(tenon_run(context.get(), &in, 1, &out, 1), TENON_OK) << tenon_last_error();
  EXPECT_EQ(out.bytes, 0u);
}

// Each allocation in turn finds no memory: loading, creating or running fails, and says for what.
TEST_F(CudaTest, SaysForWhatThereIsNoMemory) {
  for (int failing = 1; failing <= 5; ++failing) {
    *driver = {};
    driver->failAllocation = failing;
    tenon_model *model = nullptr;
    tenon_status status = tenon_model_load(modelPath("gpu").c_str(), &model);
    Model owner(model);
    tenon_context *context = nullptr;
    if (!status)
      status = tenon_context_create(model, nullptr, &context);
    Context contextOwner(context);
    Floats input = {{1, 2}, {2}};
    tenon_tensor in = input, out = {};
    if (!status)
      status = tenon_run(context, &in, 1, &out, 1);
    EXPECT_EQ(status, TENON_OUT_OF_MEMORY) << failing;
    EXPECT_NE(std::string(tenon_last_error()).find("bytes on the GPU for"), std::string::npos)
        << tenon_last_error();
    contextOwner.reset();
    owner.reset();
    EXPECT_EQ(driver->live, 0) << failing;
  }
}

// Code that the driver refuses is an error with the driver's log.
TEST_F(CudaTest, ShowsTheLogOfRefusedCode) {
  driver->failLoad = 1;
  EXPECT_EQ(loadError("gpu", TENON_DEVICE_ERROR),
            "model 'gpu': the driver cannot compile the code for cuda:sm_80: CUDA_ERROR_OTHER (in "
            "words)\nptxas fatal: no such instruction");
}

TEST_F(CudaTest, NamesAKernelThatTheCodeLacks) {
  EXPECT_EQ(
      loadError("gpu-entry", TENON_DEVICE_ERROR),
      "model 'gpu': kernel 'double_0' of the code for cuda:sm_80: CUDA_ERROR_OTHER (in words)");
}

TEST_F(CudaTest, SaysWhichArchitectureIsThere) {
  EXPECT_EQ(loadError("gpu-sm-90a", TENON_UNSUPPORTED_CPU),
            "model 'gpu' cannot run on this machine: cuda:sm_90a needs sm_90a (the GPU is sm_86)");
}

// The driver of this test is older than tensor maps are.
TEST_F(CudaTest, SaysThatADriverMakesNoTensorMaps) {
  EXPECT_EQ(loadError("gpu-maps", TENON_UNSUPPORTED_CPU),
            "model 'gpu' cannot run on this machine: cuda:sm_80 needs tensor_maps (the driver has "
            "no cuTensorMapEncodeTiled and cuTensorMapEncodeIm2col)");
}

// A fault is told with its kernel, and what runs later in the process says that the GPU is lost.
TEST_F(CudaTest, NamesTheKernelOfAFault) {
  Model model = load("gpu");
  Context context = createContext(model, 1);
  Floats input = {{1, 2}, {2}};
  driver->failLaunch = 700;
  EXPECT_EQ(runError(context.get(), input),
            "model 'gpu': kernel 'double_0' (node 'twice') failed: CUDA_ERROR_ILLEGAL_ADDRESS (in "
            "words)");
  EXPECT_EQ(runError(context.get(), input),
            "model 'gpu': the GPU is lost to this process since an earlier error: "
            "CUDA_ERROR_ILLEGAL_ADDRESS (in words)");
}

} // namespace
} // namespace tenon::test
