/* One run of a context: what run.c and outputs.c share. */
#ifndef TENON_RUNTIME_RUN_H
#define TENON_RUNTIME_RUN_H

#include "runtime/device.h"

/* Keeps the first failure and its message: what follows from it says less. */
#define TN_RECORD(context, ...)                                                                    \
  do {                                                                                             \
    if (!(context)->status)                                                                        \
      (context)->status = tn_fail(__VA_ARGS__);                                                    \
  } while (0)

static inline tenon_context *tn_context_of(tenon_exec *exec) { return (tenon_context *)exec; }

/* Whether the caller gave values, which may have tensors inside, and not tensors. */
static inline bool tn_has_values(const tenon_context *context) {
  return context->caller_stride == sizeof(tenon_value);
}

/* The value that a tensor of the caller's is in. */
static inline const tenon_value *tn_value_of(const tenon_tensor *tensor) {
  return (const tenon_value *)((const char *)tensor - offsetof(tenon_value, tensor));
}

/* Room for the dimensions of one tensor in a message; longer ones are cut. */
typedef struct tn_dims_text {
  char text[160];
} tn_dims_text;

const char *tn_print_dims(tn_dims_text *out, int32_t rank, const int64_t *dims);

/* Memory of the host until the run ends, whatever device computes; NULL without any, which is
 * recorded. */
void *tn_run_alloc(tenon_context *context, int64_t bytes);

/* ---- outputs.c */

/* The service output_object. */
int32_t tn_output_object(tenon_exec *exec, int32_t index, const tenon_object *object);
/* Packs elements of less than a byte, which compiled code has written one by one. */
void tn_pack_outputs(const tenon_context *context);
/* Describes the outputs in the caller's structures. */
void tn_hand_over(const tenon_context *context);

#endif
