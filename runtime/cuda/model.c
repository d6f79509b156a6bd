/* Models on a GPU: whether it can run them, their code and their weights. */
#include "runtime/cuda/objects.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Errors */

/* Errors after which every call of the device's context fails: memory that cannot be corrected, and
 * what kernels do that they must not. */
static bool is_sticky(tn_cu_result result) {
  static const tn_cu_result sticky[] = {214, 700, 702, 710, 714, 715, 716, 717, 718, 719};
  for (size_t i = 0; i < sizeof sticky / sizeof *sticky; ++i)
    if (result == sticky[i])
      return true;
  return false;
}

tenon_status tn_cu_fail(struct tn_device_model *device, tn_cu_result result, const char *format,
                        ...) {
  char what[256], text[160];
  va_list values;
  va_start(values, format);
  vsnprintf(what, sizeof what, format, values);
  va_end(values);
  if (is_sticky(result))
    device->lost = result;
  tenon_status status = result == TN_CU_OUT_OF_MEMORY ? TENON_OUT_OF_MEMORY : TENON_DEVICE_ERROR;
  return tn_fail(status, "%s: %s", what, tn_cu_describe(device->driver, result, text, sizeof text));
}

tenon_status tn_cu_enter(struct tn_device_model *device, const char *model) {
  tn_cu_result lost = device->lost;
  char text[160];
  if (lost)
    return tn_fail(TENON_DEVICE_ERROR,
                   "model '%s': the GPU is lost to this process since an earlier error: %s", model,
                   tn_cu_describe(device->driver, lost, text, sizeof text));
  tn_cu_result result = device->driver->push(device->context);
  return result ? tn_cu_fail(device, result, "model '%s': the GPU's context", model) : TENON_OK;
}

void tn_cu_leave(struct tn_device_model *device) {
  tn_cu_context popped;
  device->driver->pop(&popped);
}

/* ---- What there must be */

/* "sm_80", "sm_90a", "ptx70", "tensor_maps". */
static bool knows(const char *feature) {
  return !strncmp(feature, "sm_", 3) || !strncmp(feature, "ptx", 3) ||
         !strcmp(feature, "tensor_maps");
}

/* The version of CUDA that came with a version of PTX, both times 10: four more (7.0 with 11.0),
 * but for those of the last releases of CUDA 12. */
static int cuda_of_ptx(int ptx) { return ptx >= 86 && ptx < 90 ? ptx + 41 : ptx + 40; }

static bool has(const char *feature, char *text, size_t size) {
  const char *why;
  const tn_cu_driver *driver = tn_cu_open(&why);
  if (!driver) {
    snprintf(text, size, "%s", why);
    return false;
  }
  if (!strcmp(feature, "tensor_maps")) {
    snprintf(text, size, "the driver has no cuTensorMapEncodeTiled and cuTensorMapEncodeIm2col");
    return driver->encode_tiled && driver->encode_im2col;
  }
  char *end;
  if (!strncmp(feature, "ptx", 3)) {
    int cuda = cuda_of_ptx((int)strtol(feature + 3, &end, 10));
    snprintf(text, size, "the driver is for CUDA %d.%d, but must be for %d.%d",
             driver->driver_version / 1000, driver->driver_version % 1000 / 10, cuda / 10,
             cuda % 10);
    return driver->driver_version >= cuda * 100;
  }
  long wanted = strtol(feature + 3, &end, 10);
  int found = 10 * driver->major + driver->minor;
  snprintf(text, size, "the GPU is sm_%d", found);
  return *end ? found == wanted : found >= wanted;
}

/* ---- Loading */

/* The machine code, if it is for this GPU. */
static bool load_binary(struct tn_device_model *device, const tenon_variant_desc *variant) {
  if (variant->binary && !device->driver->load(&device->module, variant->binary, 0, NULL, NULL))
    return true;
  device->module = NULL;
  return false;
}

static tenon_status load_text(struct tn_device_model *device, const tenon_model *model) {
  const tenon_variant_desc *variant = model->variant;
  const char *name = model->desc->name;
  char log[2048] = "";
  int options[] = {TN_CU_JIT_ERROR_LOG, TN_CU_JIT_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  tn_cu_result result = device->driver->load(&device->module, variant->code, 2, options, values);
  if (result) {
    device->module = NULL;
    tn_cu_fail(device, result, "model '%s': the driver cannot compile the code for %s", name,
               variant->target);
    char why[256];
    snprintf(why, sizeof why, "%s", tenon_last_error());
    return tn_fail(TENON_DEVICE_ERROR, "%s%s%s", why, *log ? "\n" : "", log);
  }
  return TENON_OK;
}

static tenon_status load_code(struct tn_device_model *device, const tenon_model *model) {
  const tenon_variant_desc *variant = model->variant;
  const char *name = model->desc->name;
  tenon_status status = load_binary(device, variant) ? TENON_OK : load_text(device, model);
  if (status)
    return status;
  for (int64_t i = 0; i < variant->num_kernels; ++i) {
    const tenon_kernel_desc *kernel = &variant->kernels[i];
    if (kernel->kind != TENON_KERNEL_CUDA)
      continue;
    if (kernel->num_args + kernel->num_maps > device->most_parameters)
      device->most_parameters = kernel->num_args + kernel->num_maps;
    device->uses_maps |= kernel->num_maps > 0;
    tn_cu_result result =
        device->driver->function(&device->functions[i], device->module, kernel->entry);
    if (!result && kernel->launch_shared_bytes)
      result = device->driver->set_attribute(device->functions[i], TN_CU_FUNCTION_SHARED_BYTES,
                                             kernel->launch_shared_bytes);
    if (result)
      return tn_cu_fail(device, result, "model '%s': kernel '%s' of the code for %s", name,
                        kernel->name, variant->target);
  }
  return TENON_OK;
}

/* Through pinned memory, which the device reads by itself: while it does, the next part is read
 * from the file. */
static tn_cu_result upload(const tn_cu_driver *driver, tn_cu_pointer to, const unsigned char *from,
                           size_t bytes) {
  enum { PARTS = 2 };
  const size_t most = (size_t)4 << 20;
  size_t part = bytes < most ? bytes : most;
  unsigned char *staging = NULL;
  tn_cu_result result = driver->allocate_pinned((void **)&staging, PARTS * part);
  if (result)
    return result;
  for (size_t done = 0, number = 0; !result && done < bytes; done += part, ++number) {
    size_t count = bytes - done < part ? bytes - done : part;
    unsigned char *place = staging + number % PARTS * part;
    if (number >= PARTS) // both parts before it are there
      result = driver->wait(NULL);
    memcpy(place, from + done, count);
    if (!result)
      result = driver->to_device(to + done, place, count, NULL);
  }
  tn_cu_result last = driver->wait(NULL);
  driver->free_pinned(staging);
  return result ? result : last;
}

static tenon_status load_weights(struct tn_device_model *device, const tenon_model *model) {
  const tenon_variant_desc *variant = model->variant;
  size_t bytes = (size_t)variant->weights_bytes;
  if (!bytes)
    return TENON_OK;
  tn_cu_result result = device->driver->allocate(&device->weights, bytes);
  if (result)
    return tn_cu_fail(device, result, "model '%s': no %zu bytes on the GPU for its weights",
                      model->desc->name, bytes);
  result = upload(device->driver, device->weights, variant->weights, bytes);
  return result ? tn_cu_fail(device, result, "model '%s': its weights", model->desc->name)
                : TENON_OK;
}

static tenon_status load(tenon_model *model) {
  const char *why;
  struct tn_device_model *device = calloc(1, sizeof *device);
  if (!device)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for model '%s'", model->desc->name);
  model->device = device;
  device->driver = tn_cu_open(&why);
  device->functions = calloc((size_t)model->variant->num_kernels + 1, sizeof *device->functions);
  if (!device->functions)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for model '%s'", model->desc->name);
  tn_cu_result result = device->driver->retain(&device->context, device->driver->first_device);
  if (result) {
    device->context = NULL;
    return tn_cu_fail(device, result, "model '%s': the GPU's context", model->desc->name);
  }
  tenon_status status = tn_cu_enter(device, model->desc->name);
  if (status)
    return status;
  if (model->variant->code)
    status = load_code(device, model);
  if (!status)
    status = load_weights(device, model);
  tn_cu_leave(device);
  return status;
}

static void unload(tenon_model *model) {
  struct tn_device_model *device = model->device;
  if (!device)
    return;
  if (device->context) {
    // Also after an error that the context is lost by: the driver then only forgets.
    if (!device->driver->push(device->context)) {
      if (device->weights)
        device->driver->free(device->weights);
      if (device->module)
        device->driver->unload(device->module);
      tn_cu_leave(device);
    }
    device->driver->release(device->driver->first_device);
  }
  free(device->functions);
  free(device);
  model->device = NULL;
}

const tn_device_kind tn_cuda = {
    .knows = knows,
    .has = has,
    .load = load,
    .unload = unload,
    .open = tn_cu_open_context,
    .close = tn_cu_close_context,
    .begin = tn_cu_begin,
    .run = tn_cu_run,
    .end = tn_cu_end,
};
