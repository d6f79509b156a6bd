/* The entry points of NVIDIA's driver that the runtime calls. The library is opened when the first
 * model asks for a GPU, and stays: models without GPU code never look for it. Types and numbers are
 * those of the driver's interface, which has no headers here. */
#ifndef TENON_RUNTIME_CUDA_DRIVER_H
#define TENON_RUNTIME_CUDA_DRIVER_H

#include "runtime/internal.h"

typedef int tn_cu_result;
typedef uint64_t tn_cu_pointer; /* an address of the device */
typedef struct tn_cu_context_s *tn_cu_context;
typedef struct tn_cu_module_s *tn_cu_module;
typedef struct tn_cu_function_s *tn_cu_function;
typedef struct tn_cu_stream_s *tn_cu_stream;
typedef struct tn_cu_graph_s *tn_cu_graph;
typedef struct tn_cu_graph_exec_s *tn_cu_graph_exec;
/* A tensor that kernels copy boxes of: a parameter of theirs, which the driver makes. */
typedef struct tn_cu_tensor_map {
  _Alignas(64) uint64_t words[16];
} tn_cu_tensor_map;

enum {
  TN_CU_SUCCESS = 0,
  TN_CU_OUT_OF_MEMORY = 2,
  TN_CU_ATTRIBUTE_MAJOR = 75, /* of the compute capability */
  TN_CU_ATTRIBUTE_MINOR = 76,
  TN_CU_JIT_ERROR_LOG = 5,
  TN_CU_JIT_ERROR_LOG_BYTES = 6,
  TN_CU_STREAM_NON_BLOCKING = 1,
  TN_CU_CAPTURE_RELAXED = 2,      /* the thread may allocate meanwhile */
  TN_CU_FUNCTION_SHARED_BYTES = 8 /* the most that a launch may give a block */
};

/* X(name in the library, name here, parameters) */
#define TN_CU_FUNCTIONS(X)                                                                         \
  X(cuInit, init, (unsigned))                                                                      \
  X(cuDriverGetVersion, version, (int *))                                                          \
  X(cuDeviceGetCount, count, (int *))                                                              \
  X(cuDeviceGet, device, (int *, int))                                                             \
  X(cuDeviceGetAttribute, attribute, (int *, int, int))                                            \
  X(cuDevicePrimaryCtxRetain, retain, (tn_cu_context *, int))                                      \
  X(cuDevicePrimaryCtxRelease_v2, release, (int))                                                  \
  X(cuCtxPushCurrent_v2, push, (tn_cu_context))                                                    \
  X(cuCtxPopCurrent_v2, pop, (tn_cu_context *))                                                    \
  X(cuModuleLoadDataEx, load, (tn_cu_module *, const void *, unsigned, int *, void **))            \
  X(cuModuleUnload, unload, (tn_cu_module))                                                        \
  X(cuModuleGetFunction, function, (tn_cu_function *, tn_cu_module, const char *))                 \
  X(cuFuncSetAttribute, set_attribute, (tn_cu_function, int, int))                                 \
  X(cuMemAlloc_v2, allocate, (tn_cu_pointer *, size_t))                                            \
  X(cuMemFree_v2, free, (tn_cu_pointer))                                                           \
  X(cuMemAllocHost_v2, allocate_pinned, (void **, size_t))                                         \
  X(cuMemFreeHost, free_pinned, (void *))                                                          \
  X(cuMemcpyHtoDAsync_v2, to_device, (tn_cu_pointer, const void *, size_t, tn_cu_stream))          \
  X(cuMemcpyDtoHAsync_v2, to_host, (void *, tn_cu_pointer, size_t, tn_cu_stream))                  \
  X(cuMemcpyDtoDAsync_v2, on_device, (tn_cu_pointer, tn_cu_pointer, size_t, tn_cu_stream))         \
  X(cuStreamCreate, new_stream, (tn_cu_stream *, unsigned))                                        \
  X(cuStreamDestroy_v2, end_stream, (tn_cu_stream))                                                \
  X(cuStreamSynchronize, wait, (tn_cu_stream))                                                     \
  X(cuStreamBeginCapture_v2, begin_capture, (tn_cu_stream, int))                                   \
  X(cuStreamEndCapture, end_capture, (tn_cu_stream, tn_cu_graph *))                                \
  X(cuGraphInstantiate_v2, instantiate, (tn_cu_graph_exec *, tn_cu_graph, void *, char *, size_t)) \
  X(cuGraphDestroy, end_graph, (tn_cu_graph))                                                      \
  X(cuGraphLaunch, launch_graph, (tn_cu_graph_exec, tn_cu_stream))                                 \
  X(cuGraphExecDestroy, end_graph_exec, (tn_cu_graph_exec))                                        \
  X(cuLaunchKernel, launch,                                                                        \
    (tn_cu_function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,         \
     tn_cu_stream, void **, void **))                                                              \
  X(cuGetErrorName, error_name, (tn_cu_result, const char **))                                     \
  X(cuGetErrorString, error_text, (tn_cu_result, const char **))

/* CUlaunchAttribute and CUlaunchConfig. */
typedef struct tn_cu_launch_attribute {
  int id;
  int padding;
  int value[16];
} tn_cu_launch_attribute;
enum { TN_CU_OVERLAP = 6 }; /* CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION */

typedef struct tn_cu_launch {
  unsigned grid[3], block[3];
  unsigned shared_bytes;
  tn_cu_stream stream;
  tn_cu_launch_attribute *attributes;
  unsigned num_attributes;
} tn_cu_launch;

/* Since which driver launches that overlap can be parts of graphs. */
enum { TN_CU_OVERLAP_VERSION = 12030 };

/* The same of what drivers before CUDA 12.0 do not have: NULL there. */
#define TN_CU_NEWER_FUNCTIONS(X)                                                                   \
  X(cuLaunchKernelEx, launch_with, (const tn_cu_launch *, tn_cu_function, void **, void **))       \
  X(cuTensorMapEncodeTiled, encode_tiled,                                                          \
    (tn_cu_tensor_map *, int, uint32_t, void *, const uint64_t *, const uint64_t *,                \
     const uint32_t *, const uint32_t *, int, int, int, int))                                      \
  X(cuTensorMapEncodeIm2col, encode_im2col,                                                        \
    (tn_cu_tensor_map *, int, uint32_t, void *, const uint64_t *, const uint64_t *, const int *,   \
     const int *, uint32_t, uint32_t, const uint32_t *, int, int, int, int))

typedef struct tn_cu_driver {
#define TN_CU_FIELD(symbol, name, parameters) tn_cu_result(*name) parameters;
  TN_CU_FUNCTIONS(TN_CU_FIELD)
  TN_CU_NEWER_FUNCTIONS(TN_CU_FIELD)
#undef TN_CU_FIELD
  int driver_version; /* 1000 * major + 10 * minor of CUDA */
  int major, minor;   /* compute capability of the first device */
  int first_device;
} tn_cu_driver;

/* The driver, with a device; NULL if there is none, and `why` says what is missing. Looks once in a
 * process. The library is libcuda.so.1, or what the environment variable TENON_CUDA_DRIVER says. */
const tn_cu_driver *tn_cu_open(const char **why);

/* "CUDA_ERROR_X (in words)", cut to the buffer. */
const char *tn_cu_describe(const tn_cu_driver *driver, tn_cu_result result, char *text,
                           size_t size);

#endif
