// Kernels of a few lines of PTX, run through the driver's entry points.
#ifndef TENON_TEST_UNIT_SIMULATOR_SIMULATORTEST_H
#define TENON_TEST_UNIT_SIMULATOR_SIMULATORTEST_H

#include "lib/CudaSimulator/Driver/Api.h"
#include "lib/CudaSimulator/Simulator.h"
#include "gtest/gtest.h"
#include <bit>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

// The entry points that tests call, as cuda.h declares them but for the names of types.
extern "C" {
int cuInit(unsigned);
int cuDriverGetVersion(int *);
int cuDeviceGet(int *, int);
int cuDeviceGetAttribute(int *, int, int);
int cuDevicePrimaryCtxRetain(void **, int);
int cuDevicePrimaryCtxRelease_v2(int);
int cuCtxSetCurrent(void *);
int cuCtxSynchronize();
int cuModuleLoadDataEx(void **, const void *, unsigned, int *, void **);
int cuModuleUnload(void *);
int cuModuleGetFunction(void **, void *, const char *);
int cuModuleGetGlobal_v2(unsigned long long *, size_t *, void *, const char *);
int cuFuncSetAttribute(void *, int, int);
int cuFuncGetAttribute(int *, int, void *);
int cuMemAlloc_v2(unsigned long long *, size_t);
int cuMemFree_v2(unsigned long long);
int cuMemAllocAsync(unsigned long long *, size_t, void *);
int cuMemFreeAsync(unsigned long long, void *);
int cuMemHostAlloc(void **, size_t, unsigned);
int cuMemFreeHost(void *);
int cuMemcpyHtoD_v2(unsigned long long, const void *, size_t);
int cuMemcpyDtoH_v2(void *, unsigned long long, size_t);
int cuMemcpyHtoDAsync_v2(unsigned long long, const void *, size_t, void *);
int cuMemcpyDtoHAsync_v2(void *, unsigned long long, size_t, void *);
int cuMemsetD8_v2(unsigned long long, unsigned char, size_t);
int cuMemsetD32Async(unsigned long long, unsigned, size_t, void *);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                   void *, void **, void **);
int cuLaunchKernelEx(const tenon::sim::LaunchConfig *, void *, void **, void **);
int cuStreamCreate(void **, unsigned);
int cuStreamDestroy_v2(void *);
int cuStreamSynchronize(void *);
int cuStreamWaitEvent(void *, void *, unsigned);
int cuStreamBeginCapture_v2(void *, int);
int cuStreamEndCapture(void *, void **);
int cuEventCreate(void **, unsigned);
int cuEventRecord(void *, void *);
int cuEventQuery(void *);
int cuEventDestroy_v2(void *);
int cuGraphInstantiateWithFlags(void **, void *, unsigned long long);
int cuGraphLaunch(void *, void *);
int cuGraphExecDestroy(void *);
int cuGraphDestroy(void *);
int cuGetProcAddress_v2(const char *, void **, int, uint64_t, int *);
int cuGetErrorName(int, const char **);
int cuPointerGetAttribute(void *, int, unsigned long long);
int cuMemAllocManaged();
}

namespace tenon::sim {

/// Starts the simulator anew for a chip, with a context that is current.
class SimulatorTest : public ::testing::Test {
protected:
  void SetUp() override { start("sm_80"); }
  void TearDown() override {
    tenon_cuda_sim_reset();
    unsetenv("TENON_CUDA_SIM");
  }

  void start(const char *chip) {
    tenon_cuda_sim_reset();
    setenv("TENON_CUDA_SIM", chip, 1);
    target = chip;
    void *context = nullptr;
    ASSERT_EQ(cuInit(0), 0);
    ASSERT_EQ(cuDevicePrimaryCtxRetain(&context, 0), 0);
    ASSERT_EQ(cuCtxSetCurrent(context), 0);
  }

  /// Loads a module of statements after the header; the JIT's error log is kept in `log`.
  int loadText(const std::string &text, void **module) {
    char buffer[1024] = "";
    int options[] = {5, 6};
    void *values[] = {buffer, reinterpret_cast<void *>(sizeof buffer)};
    int result = cuModuleLoadDataEx(module, text.c_str(), 2, options, values);
    log = buffer;
    return result;
  }
  std::string header() const {
    return ".version " + version + "\n.target " + target + "\n.address_size 64\n";
  }

  /// A kernel "k" with 64-bit parameters p0, p1, … and registers of every kind: its statements.
  std::string kernel(const std::string &body, unsigned parameters = 2,
                     const std::string &declarations = "") const {
    std::string text = header() + declarations + "\n.visible .entry k(";
    for (unsigned i = 0; i < parameters; ++i)
      text += std::string(i ? ", " : "") + ".param .u64 p" + std::to_string(i);
    text += ") {\n.reg .pred %p<8>; .reg .b16 %h<32>; .reg .b32 %r<160>; .reg .f32 %f<160>; "
            ".reg .b64 %d<32>; .reg .f64 %g<16>;\n";
    // %d0, %d1, … are the parameters; %r0 is the thread.
    for (unsigned i = 0; i < parameters; ++i)
      text += "ld.param.u64 %d" + std::to_string(i) + ", [p" + std::to_string(i) + "];\n";
    return text + "mov.u32 %r0, %tid.x;\n" + body + "\nret;\n}\n";
  }

  void load(const std::string &text) {
    void *module = nullptr;
    ASSERT_EQ(loadText(text, &module), 0) << log << "\n" << text;
    ASSERT_EQ(cuModuleGetFunction(&function, module, "k"), 0);
  }

  /// Runs the loaded kernel and waits; the result is that of the synchronisation.
  int launch(std::vector<unsigned long long> arguments, unsigned threads = 32, unsigned blocks = 1,
             unsigned shared = 0) {
    std::vector<void *> pointers;
    for (auto &argument : arguments)
      pointers.push_back(&argument);
    int result = cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, shared, nullptr,
                                pointers.data(), nullptr);
    return result ? result : cuCtxSynchronize();
  }

  template <typename T> unsigned long long upload(const std::vector<T> &values) {
    unsigned long long address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, values.size() * sizeof(T)), 0);
    EXPECT_EQ(cuMemcpyHtoD_v2(address, values.data(), values.size() * sizeof(T)), 0);
    return address;
  }
  unsigned long long allocate(size_t bytes) {
    unsigned long long address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, bytes), 0);
    return address;
  }
  template <typename T> std::vector<T> download(unsigned long long address, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cuMemcpyDtoH_v2(values.data(), address, count * sizeof(T)), 0);
    return values;
  }

  /// Runs statements that compute a result of type R for each of the lanes from `inputs`, the
  /// elements of one array per operand. Operands are in %r1.. (32 bits) or %d10.. (64 bits), the
  /// result in %r9 or %d19.
  template <typename R, typename T>
  std::vector<R> compute(const std::string &statements, const std::vector<std::vector<T>> &inputs) {
    unsigned count = static_cast<unsigned>(inputs.size());
    bool wide = sizeof(T) == 8;
    std::string body;
    std::vector<unsigned long long> arguments{allocate(32 * sizeof(R))};
    for (unsigned i = 0; i < count; ++i) {
      std::string n = std::to_string(i + 1);
      arguments.push_back(upload(inputs[i]));
      body += "mad.wide.u32 %d30, %r0, " + std::to_string(sizeof(T)) + ", %d" + n + ";\n";
      body += sizeof(T) == 2 ? "ld.global.b16 %h" + n + ", [%d30];\n"
              : wide         ? "ld.global.b64 %d" + std::to_string(10 + i) + ", [%d30];\n"
                             : "ld.global.b32 %r" + n + ", [%d30];\n";
    }
    body += statements + "\nmad.wide.u32 %d30, %r0, " + std::to_string(sizeof(R)) + ", %d0;\n";
    body += sizeof(R) == 2   ? "st.global.b16 [%d30], %h9;\n"
            : sizeof(R) == 8 ? "st.global.b64 [%d30], %d19;\n"
                             : "st.global.b32 [%d30], %r9;\n";
    load(kernel(body, count + 1));
    EXPECT_EQ(launch(arguments, static_cast<unsigned>(inputs[0].size())), 0)
        << tenon_cuda_sim_last_fault();
    return download<R>(arguments[0], inputs[0].size());
  }

  std::string fault() const { return tenon_cuda_sim_last_fault(); }

  std::string target, log, version = "8.0";
  void *function = nullptr;
};

/// Whether a text holds another; for messages.
#define EXPECT_HAS(text, part)                                                                     \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "no '" << part << "' in: " << text

} // namespace tenon::sim

#endif
