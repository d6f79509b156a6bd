/* What the hand-written models share: they implement runtime/abi.h as compiled ones do. */
#include "runtime/abi.h"

#include <stddef.h>
#include <stdint.h>

enum { FLOAT = 1, INT64 = 7 };

#ifndef MODEL_ABI_VERSION
#define MODEL_ABI_VERSION TENON_ABI_VERSION
#endif
#ifndef MODEL_MAGIC
#define MODEL_MAGIC TENON_MAGIC
#endif
#ifndef MODEL_FEATURES
#define MODEL_FEATURES NULL
#endif

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
