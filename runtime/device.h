/* Devices with memory of their own: what each kind does for models, contexts and runs. Variants for
 * CPUs have none, and the rest of the runtime is written for them. */
#ifndef TENON_RUNTIME_DEVICE_H
#define TENON_RUNTIME_DEVICE_H

#include "runtime/objects.h"

/* All functions that can fail record a message. */
typedef struct tn_device_kind {
  /* Whether a feature of a variant is this device's to have, and not the host's. */
  bool (*knows)(const char *feature);
  /* Whether it is there; if not, `why` says what is in the way. Any thread. */
  bool (*has)(const char *feature, char *why, size_t size);
  /* Brings code and weights to the device. */
  tenon_status (*load)(tenon_model *model);
  void (*unload)(tenon_model *model);
  /* Makes what a context's runs need, and puts its services into context->exec. */
  tenon_status (*open)(tenon_context *context);
  void (*close)(tenon_context *context);
  /* Brings the inputs of a run to the device. */
  tenon_status (*begin)(tenon_context *context);
  /* Calls the compiled code, or does what that did in an earlier run; returns what it returns. */
  int32_t (*run)(tenon_context *context);
  /* Brings its outputs back, if it was successful, and waits for all that was launched. */
  tenon_status (*end)(tenon_context *context);
} tn_device_kind;

/* That of a variant; NULL for CPUs. Of devices that this runtime does not know `known` is false. */
const tn_device_kind *tn_device_of(const tenon_variant_desc *variant, bool *known);

extern const tn_device_kind tn_cuda;

/* The services that a device's own ones begin with, of the host (run.c, outputs.c). */
void tn_launch_function(tenon_exec *exec, int64_t kernel, void *const *args, int64_t max_tasks);
void *tn_host_output(tenon_exec *exec, int32_t index, const int64_t *dims);
/* What the caller gave. */
const tenon_tensor *tn_caller_input(const tenon_context *context, int32_t index);
tenon_tensor *tn_caller_output(const tenon_context *context, int32_t index);
/* For an output in the device's memory: checks and notes its size. False if the run has failed. */
bool tn_size_output(tenon_context *context, int32_t index, const int64_t *dims);
/* The caller's memory for that output, or NULL if it cannot be written there. */
void *tn_callers_buffer(tenon_context *context, int32_t index, const int64_t *dims);
/* Whether an input shares memory with [data, data + bytes). */
bool tn_is_input(const tenon_context *context, const void *data, size_t bytes);
/* Notes where the output is, which shares memory with no other one; else the run has failed. */
void *tn_set_output(tenon_context *context, int32_t index, void *data);
/* Bytes of the arena that are the host's. */
size_t tn_host_arena(const tenon_model *model);
/* Records a failure of the run, with the message that the thread's last error is; the first one
 * counts. */
void tn_run_failed(tenon_context *context, tenon_status status);

#endif
