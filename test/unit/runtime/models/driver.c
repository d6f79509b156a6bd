/* A driver of a GPU that the tests control: memory is the host's, and a kernel a function here. It
 * counts what is not given back, and fails where a test says so. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* What a test reads and writes. */
EXPORT struct {
  int live;            /* blocks, modules, streams and retained contexts */
  int current;         /* contexts that are pushed and not popped */
  int fail_allocation; /* the number of the call that has no memory; 0: none */
  int fail_load;       /* nonzero: code is refused, with a log */
  int fail_launch;     /* nonzero: what a wait after the next launch says */
  int allocations, launches;
  int pending, sticky;
} fake_driver;

enum { OUT_OF_MEMORY = 2, INVALID_PTX = 218, NOT_FOUND = 500, NOT_SUPPORTED = 801 };

EXPORT int cuInit(unsigned flags) { return flags; }
EXPORT int cuDriverGetVersion(int *version) { return *version = 12040, 0; }
EXPORT int cuDeviceGetCount(int *count) { return *count = 1, 0; }
EXPORT int cuDeviceGet(int *device, int number) { return *device = number, 0; }
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? 8 : 6; /* sm_86 */
  return device;
}
EXPORT int cuDevicePrimaryCtxRetain(void **context, int device) {
  ++fake_driver.live;
  return *context = &fake_driver, device;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int device) { return --fake_driver.live, device; }
EXPORT int cuCtxPushCurrent_v2(void *context) { return ++fake_driver.current, !context; }
EXPORT int cuCtxPopCurrent_v2(void **context) {
  return *context = &fake_driver, --fake_driver.current, 0;
}

EXPORT int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options,
                              void **values) {
  if (fake_driver.fail_load) {
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == 5)
        strcpy(values[i], "ptxas fatal: no such instruction");
    return INVALID_PTX;
  }
  ++fake_driver.live;
  return *module = (void *)image, 0;
}
EXPORT int cuModuleUnload(void *module) { return --fake_driver.live, !module; }
EXPORT int cuModuleGetFunction(void **function, void *module, const char *name) {
  return *function = module, strcmp(name, "tenon_double") ? NOT_FOUND : 0;
}
EXPORT int cuFuncSetAttribute(void *function, int attribute, int value) {
  return !function || attribute != 8 || value < 0;
}

EXPORT int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  if (++fake_driver.allocations == fake_driver.fail_allocation)
    return OUT_OF_MEMORY;
  ++fake_driver.live;
  return *address = (uint64_t)(uintptr_t)malloc(bytes), 0;
}
EXPORT int cuMemFree_v2(uint64_t address) {
  free((void *)(uintptr_t)address);
  return --fake_driver.live, fake_driver.sticky;
}

EXPORT int cuMemAllocHost_v2(void **memory, size_t bytes) {
  ++fake_driver.live;
  return *memory = malloc(bytes), 0;
}
EXPORT int cuMemFreeHost(void *memory) {
  free(memory);
  return --fake_driver.live, 0;
}

static int copy(void *to, const void *from, size_t bytes) {
  if (!fake_driver.sticky)
    memcpy(to, from, bytes);
  return fake_driver.sticky;
}
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
  return copy((void *)(uintptr_t)to, from, bytes);
}
EXPORT int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
  return copy(to, (const void *)(uintptr_t)from, bytes);
}
EXPORT int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
  return copy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes);
}

EXPORT int cuStreamCreate(void **stream, unsigned flags) {
  ++fake_driver.live;
  return *stream = &fake_driver, flags != 1;
}
EXPORT int cuStreamDestroy_v2(void *stream) { return --fake_driver.live, !stream; }
/* No test with this driver repeats a run that could be a graph. */
EXPORT int cuStreamBeginCapture_v2(void *stream, int mode) { return NOT_SUPPORTED; }
EXPORT int cuStreamEndCapture(void *stream, void **graph) { return NOT_SUPPORTED; }
EXPORT int cuGraphInstantiate_v2(void **exec, void *graph, void *node, char *log, size_t bytes) {
  return NOT_SUPPORTED;
}
EXPORT int cuGraphDestroy(void *graph) { return NOT_SUPPORTED; }
EXPORT int cuGraphLaunch(void *exec, void *stream) { return NOT_SUPPORTED; }
EXPORT int cuGraphExecDestroy(void *exec) { return NOT_SUPPORTED; }

EXPORT int cuStreamSynchronize(void *stream) {
  if (fake_driver.pending)
    fake_driver.sticky = fake_driver.pending;
  fake_driver.pending = 0;
  return fake_driver.sticky;
}

/* out[i] = 2 in[i] for i < n, in blocks of 32. */
EXPORT int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned threads,
                          unsigned threads_y, unsigned threads_z, unsigned shared, void *stream,
                          void **parameters, void **extra) {
  const float *in = *(const float **)parameters[0];
  float *out = *(float **)parameters[1];
  int64_t n = *(int64_t *)parameters[2];
  ++fake_driver.launches;
  fake_driver.pending = fake_driver.fail_launch;
  for (int64_t i = 0; i < n && i < (int64_t)x * threads; ++i)
    out[i] = 2 * in[i];
  return fake_driver.sticky;
}

EXPORT int cuGetErrorName(int result, const char **name) {
  *name = result == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER";
  return 0;
}
EXPORT int cuGetErrorString(int result, const char **text) { return *text = "in words", 0; }
