/* What the hand-written models share: they implement runtime/abi.h as compiled ones do. */
#include "runtime/abi.h"

#include <stddef.h>
#include <stdint.h>

enum { FLOAT = 1, INT64 = 7 };

#ifndef MODEL_DEVICE
#define MODEL_DEVICE TENON_DEVICE_CPU
#endif
#ifndef MODEL_MAGIC
#define MODEL_MAGIC TENON_MAGIC
#endif
#ifndef MODEL_FEATURES
#define MODEL_FEATURES NULL
#endif

/* The first fields of a tenon_model_desc. */
#define MODEL_HEAD                                                                                 \
  .magic = MODEL_MAGIC, .abi_version = TENON_ABI_VERSION, .size = sizeof(tenon_model_desc),        \
  .exec_size = sizeof(tenon_exec), .dim_size = sizeof(tenon_dim_desc),                             \
  .tensor_size = sizeof(tenon_tensor_desc), .kernel_size = sizeof(tenon_kernel_desc),              \
  .variant_size = sizeof(tenon_variant_desc), .state_size = sizeof(tenon_state_desc)

/* An element of the kernels. */
#define FUNCTION(function, given_name, given_nodes, ...)                                           \
  {.kind = TENON_KERNEL_FUNCTION,                                                                  \
   .fn = function,                                                                                 \
   .name = given_name,                                                                             \
   .nodes = given_nodes,                                                                           \
   __VA_ARGS__}

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

/* The first and one-past-last element of a share. */
static inline int64_t share(int64_t size, int64_t task, int64_t tasks) {
  return size * task / tasks;
}

/* An object that is linked in has its own symbol. */
#ifndef MODEL_SYMBOL
#define MODEL_SYMBOL tenon_model
#endif
#define MODEL __attribute__((visibility("default"))) const tenon_model_desc MODEL_SYMBOL
