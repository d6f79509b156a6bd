/* Reads and writes NumPy's .npy files, version 1 to 3, little-endian, C order. */
#ifndef TENON_LIB_TARGET_RUNNER_NPY_H
#define TENON_LIB_TARGET_RUNNER_NPY_H

#include "tenon/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NPY_MAX_RANK = 32 };

typedef struct npy_array {
  int32_t dtype;
  int32_t rank;
  int64_t dims[NPY_MAX_RANK];
  size_t bytes;
  void *data; /* freed by the caller */
} npy_array;

/* NULL, or what is wrong. */
const char *npy_read(const char *path, npy_array *array);
const char *npy_write(const char *path, const tenon_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif
