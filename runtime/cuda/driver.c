/* Opens the driver (see the header). */
#include "runtime/cuda/driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  pthread_once_t once;
  tn_cu_driver driver;
  char problem[512]; /* empty: there is none */
} the = {.once = PTHREAD_ONCE_INIT};

#define PROBLEM(...) snprintf(the.problem, sizeof the.problem, __VA_ARGS__)

const char *tn_cu_describe(const tn_cu_driver *driver, tn_cu_result result, char *text,
                           size_t size) {
  const char *name = NULL, *words = NULL;
  if (driver->error_name(result, &name) || !name)
    name = "an unknown error";
  if (driver->error_text(result, &words) || !words)
    snprintf(text, size, "%s (%d)", name, result);
  else
    snprintf(text, size, "%s (%s)", name, words);
  return text;
}

/* False, and a problem, if the library lacks one. */
static bool find_functions(void *library, const char *path) {
  const struct {
    const char *symbol;
    size_t offset;
    bool may_miss;
  } wanted[] = {
#define TN_CU_ENTRY(symbol, name, parameters) {#symbol, offsetof(tn_cu_driver, name), false},
      TN_CU_FUNCTIONS(TN_CU_ENTRY)
#undef TN_CU_ENTRY
#define TN_CU_ENTRY(symbol, name, parameters) {#symbol, offsetof(tn_cu_driver, name), true},
          TN_CU_NEWER_FUNCTIONS(TN_CU_ENTRY)
#undef TN_CU_ENTRY
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
    void *function = dlsym(library, wanted[i].symbol);
    if (!function && !wanted[i].may_miss) {
      PROBLEM("%s has no %s: it is too old, or no driver of CUDA", path, wanted[i].symbol);
      return false;
    }
    memcpy((char *)&the.driver + wanted[i].offset, &function, sizeof function);
  }
  return true;
}

static bool succeeded(tn_cu_result result, const char *path, const char *what) {
  char text[160];
  if (result)
    PROBLEM("%s: %s gives %s", path, what, tn_cu_describe(&the.driver, result, text, sizeof text));
  return !result;
}

static bool find_device(const char *path) {
  tn_cu_driver *d = &the.driver;
  int devices = 0;
  if (!succeeded(d->init(0), path, "cuInit") ||
      !succeeded(d->version(&d->driver_version), path, "cuDriverGetVersion") ||
      !succeeded(d->count(&devices), path, "cuDeviceGetCount"))
    return false;
  if (devices < 1) {
    PROBLEM("%s finds no GPU", path);
    return false;
  }
  return succeeded(d->device(&d->first_device, 0), path, "cuDeviceGet") &&
         succeeded(d->attribute(&d->major, TN_CU_ATTRIBUTE_MAJOR, d->first_device), path,
                   "cuDeviceGetAttribute") &&
         succeeded(d->attribute(&d->minor, TN_CU_ATTRIBUTE_MINOR, d->first_device), path,
                   "cuDeviceGetAttribute");
}

static void open_driver(void) {
  const char *path = getenv("TENON_CUDA_DRIVER");
  if (!path || !*path)
    path = "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    PROBLEM("there is no driver: %s", dlerror());
  else if (!find_functions(library, path) || !find_device(path))
    dlclose(library);
}

const tn_cu_driver *tn_cu_open(const char **why) {
  pthread_once(&the.once, open_driver);
  *why = the.problem;
  return *the.problem ? NULL : &the.driver;
}
