/* One run: check the inputs, bind the symbols, call the compiled code, hand over the outputs; and
 * the services that the compiled code calls meanwhile. */
#include "runtime/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What the caller gave: tensors, or values that have one inside */

const tenon_tensor *tn_caller_input(const tenon_context *context, int32_t index) {
  return (const tenon_tensor *)(context->caller_inputs + (size_t)index * context->caller_stride);
}

tenon_tensor *tn_caller_output(const tenon_context *context, int32_t index) {
  return (tenon_tensor *)(context->caller_outputs + (size_t)index * context->caller_stride);
}

static bool has_values(const tenon_context *context) {
  return context->caller_stride == sizeof(tenon_value);
}

/* The value that a tensor of the caller's is in. */
static const tenon_value *value_of(const tenon_tensor *tensor) {
  return (const tenon_value *)((const char *)tensor - offsetof(tenon_value, tensor));
}

/* ---- Inputs */

/* Room for the dimensions of one tensor in a message; longer ones are cut. */
typedef struct dims_text {
  char text[160];
} dims_text;

static const char *print_dims(dims_text *out, int32_t rank, const int64_t *dims) {
  size_t used = (size_t)snprintf(out->text, sizeof out->text, "[");
  for (int32_t i = 0; i < rank && used < sizeof out->text; ++i)
    used += (size_t)snprintf(out->text + used, sizeof out->text - used, "%s%lld", i ? "," : "",
                             (long long)dims[i]);
  if (used < sizeof out->text)
    snprintf(out->text + used, sizeof out->text - used, "]");
  return out->text;
}

static tenon_status bind_dim(tenon_context *context, int32_t index, int32_t d, int64_t found) {
  const tenon_model_desc *desc = context->model->desc;
  const tenon_tensor_desc *want = &desc->inputs[index];
  const tenon_dim_desc *dim = &want->dims[d];
  if (found < 0)
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s': dimension %d is %lld", index, want->name, d,
                   (long long)found);
  if (dim->value >= 0) {
    if (found == dim->value)
      return TENON_OK;
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s': dimension %d is %lld, expected %lld", index,
                   want->name, d, (long long)found, (long long)dim->value);
  }
  if (dim->symbol < 0 || dim->symbol >= desc->num_symbols)
    return TENON_OK;
  int64_t *bound = &context->symbols[dim->symbol];
  if (*bound < 0) {
    *bound = found;
    context->binders[dim->symbol] = index;
    return TENON_OK;
  }
  if (*bound == found)
    return TENON_OK;
  return tn_fail(TENON_WRONG_SHAPE,
                 "input %d '%s': dimension %d is %lld, but '%s' is %lld in input '%s'", index,
                 want->name, d, (long long)found, desc->symbols[dim->symbol], (long long)*bound,
                 desc->inputs[context->binders[dim->symbol]].name);
}

/* What the host has to look at is in its memory. */
static tenon_status check_memory(const tenon_context *context, const tenon_tensor *have,
                                 const tenon_tensor_desc *want, const char *what, int32_t index) {
  if (have->memory == TENON_HOST_MEMORY)
    return TENON_OK;
  if (have->memory != TENON_DEVICE_MEMORY)
    return tn_fail(TENON_INVALID_ARGUMENT, "%s %d '%s': memory is %d, which is no tenon_memory",
                   what, index, want->name, have->memory);
  if (!context->model->device)
    return tn_fail(TENON_INVALID_ARGUMENT,
                   "%s %d '%s' is in a device's memory, the model is for %s", what, index,
                   want->name, context->model->variant->target);
  if (want->num_kinds || want->dtype == TENON_STRING || tn_is_packed(want->dtype))
    return tn_fail(TENON_INVALID_ARGUMENT,
                   "%s %d '%s' is in the device's memory, where the host cannot read it", what,
                   index, want->name);
  return TENON_OK;
}

/* Checks input `index`, a tensor, and copies its dimensions to `dims`. */
static tenon_status check_tensor(tenon_context *context, int32_t index, const tenon_tensor *have,
                                 int64_t *dims) {
  const tenon_tensor_desc *want = &context->model->desc->inputs[index];
  if (have->dtype != want->dtype)
    return tn_fail(TENON_WRONG_DTYPE, "input %d '%s' is %s, expected %s", index, want->name,
                   tenon_dtype_name(have->dtype), tenon_dtype_name(want->dtype));
  if (have->rank != want->rank)
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s' has %d dimensions, expected %d", index,
                   want->name, have->rank, want->rank);
  if (have->rank && !have->dims)
    return tn_fail(TENON_INVALID_ARGUMENT, "input %d '%s': dims is null", index, want->name);
  tenon_status status = check_memory(context, have, want, "input", index);
  if (status)
    return status;
  for (int32_t d = 0; d < have->rank; ++d) {
    status = bind_dim(context, index, d, have->dims[d]);
    if (status)
      return status;
    dims[d] = have->dims[d];
  }
  int64_t bytes = tenon_tensor_bytes(have->dtype, have->rank, have->dims);
  dims_text text;
  if (bytes < 0)
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s': %s of %s is too large", index, want->name,
                   print_dims(&text, have->rank, have->dims), tenon_dtype_name(have->dtype));
  if (have->bytes != (size_t)bytes)
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s' has %zu bytes, but %s of %s is %lld", index,
                   want->name, have->bytes, print_dims(&text, have->rank, have->dims),
                   tenon_dtype_name(have->dtype), (long long)bytes);
  if (bytes && !have->data)
    return tn_fail(TENON_INVALID_ARGUMENT, "input %d '%s': data is null", index, want->name);
  context->input_data[index] = have->data;
  context->input_bytes[index] = have->bytes;
  return TENON_OK;
}

static tenon_status check_input(tenon_context *context, int32_t index, int64_t *dims) {
  const tenon_tensor_desc *want = &context->model->desc->inputs[index];
  const tenon_tensor *have = tn_caller_input(context, index);
  int32_t kind = has_values(context) ? value_of(have)->kind : TENON_TENSOR;
  if (kind != tn_kind(want))
    return tn_fail(TENON_WRONG_KIND, "input %d '%s' is %s, expected %s", index, want->name,
                   tn_kind_name(kind), tn_kind_name(tn_kind(want)));
  if (kind == TENON_TENSOR)
    return check_tensor(context, index, have, dims);
  tenon_object *object = NULL;
  tenon_status status = tn_take_input(context, index, value_of(have), &object);
  context->input_data[index] = object;
  return status;
}

static tenon_status check_inputs(tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t s = 0; s < desc->num_symbols; ++s)
    context->symbols[s] = -1;
  int64_t *dims = context->input_dims;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    tenon_status status = check_input(context, i, dims);
    if (status)
      return status;
    dims += tn_rank(&desc->inputs[i]);
  }
  return TENON_OK;
}

/* ---- Services */

static tenon_context *context_of(tenon_exec *exec) { return (tenon_context *)exec; }

/* Keeps the first failure and its message: what follows from it says less. */
#define RECORD(context, ...)                                                                       \
  do {                                                                                             \
    if (!(context)->status)                                                                        \
      (context)->status = tn_fail(__VA_ARGS__);                                                    \
  } while (0)

int32_t tn_record(tenon_exec *exec, tenon_status status, const char *format, ...) {
  tenon_context *context = context_of(exec);
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  RECORD(context, status, "model '%s': %s", context->model->desc->name, text);
  return TENON_EXEC_BAD_VALUE;
}

void tn_run_failed(tenon_context *context, tenon_status status) {
  if (!context->status)
    context->status = status;
}

typedef struct launch {
  tenon_context *context;
  const tenon_kernel_desc *kernel;
  void *const *args;
  int64_t tasks;
} launch;

static void run_task(void *data, int64_t task, int worker) {
  const launch *l = data;
  tn_profile *profile = l->context->profiling ? l->context->profile : NULL;
  int64_t begin = profile ? tn_now() : 0;
  l->kernel->fn(l->args, task, l->tasks);
  if (profile)
    tn_profile_task(profile, worker, l->kernel - l->context->model->variant->kernels, begin,
                    tn_now());
}

/* A task in a thread of the caller's. Of threads we only know that each task has one, so profiles
 * have one lane per task. */
static void run_foreign_task(void *data, int64_t task) {
  unsigned saved = tn_fp_enter();
  run_task(data, task, (int)task);
  tn_fp_leave(saved);
}

void tn_launch_function(tenon_exec *exec, int64_t kernel, void *const *args, int64_t max_tasks) {
  tenon_context *context = context_of(exec);
  int64_t tasks = max_tasks < exec->threads ? max_tasks : exec->threads;
  launch l = {context, &context->model->variant->kernels[kernel], args, tasks < 1 ? 1 : tasks};
  int64_t begin = context->profiling ? tn_now() : 0;
  if (l.tasks == 1)
    run_task(&l, 0, 0);
  else if (context->pool)
    tn_pool_run(context->pool, run_task, &l, l.tasks);
  else
    context->parallel_for(context->parallel_for_user, l.tasks, run_foreign_task, &l);
  if (context->profiling)
    tn_profile_launch(context->profile, kernel, begin, tn_now());
}

/* Of the host, whatever device computes. */
static void *host_alloc(tenon_context *context, int64_t bytes) {
  void *memory = tn_region_alloc(&context->region, bytes);
  if (!memory)
    RECORD(context, TENON_OUT_OF_MEMORY, "model '%s': no memory for %lld bytes",
           context->model->desc->name, (long long)bytes);
  return memory;
}

static void *service_alloc(tenon_exec *exec, int64_t bytes) {
  return host_alloc(context_of(exec), bytes);
}

static void service_release(tenon_exec *exec, void *block) {
  tn_region_release(&context_of(exec)->region, block);
}

/* Nothing shares memory with what has no bytes. */
bool tn_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
  uintptr_t first = (uintptr_t)a, second = (uintptr_t)b;
  return a_bytes && b_bytes && first < second + b_bytes && second < first + a_bytes;
}

/* The input that shares memory with [data, data + bytes), other than `except`; -1: none does. */
static int32_t overlapping_input(const tenon_context *context, const void *data, size_t bytes,
                                 int32_t except) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    bool overlaps =
        tn_is_tensor(&desc->inputs[i])
            ? tn_overlap(tn_caller_input(context, i)->data, tn_caller_input(context, i)->bytes,
                         data, bytes)
            : bytes && tn_value_overlaps(value_of(tn_caller_input(context, i)), data, bytes);
    if (i != except && overlaps)
      return i;
  }
  return -1;
}

/* The input whose next value the output is; -1: it is no state. */
static int32_t state_input(const tenon_model_desc *desc, int32_t output) {
  for (int32_t i = 0; i < desc->num_states; ++i)
    if (desc->states[i].output == output)
      return desc->states[i].input;
  return -1;
}

/* The input whose memory a caller's output must not have; -1: there is none. */
static int32_t forbidden_input(const tenon_context *context, int32_t index, const void *data,
                               size_t bytes) {
  int32_t state = state_input(context->model->desc, index);
  bool is_same = state >= 0 && data == tn_caller_input(context, state)->data &&
                 bytes == tn_caller_input(context, state)->bytes;
  return overlapping_input(context, data, bytes, is_same ? state : -1);
}

/* The output of this run that shares memory with what output `index` has got; -1: none does. Each
 * pair is compared when the later one gets its memory. */
static int32_t overlapping_output(const tenon_context *context, int32_t index) {
  const tn_output *output = &context->outputs[index];
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    const tn_output *other = &context->outputs[i];
    if (i != index && other->data &&
        tn_overlap(other->data, other->bytes, output->data, output->bytes))
      return i;
  }
  return -1;
}

/* The caller's structure must not keep a pointer to what is gone if this run fails. */
static void forget_buffer(const tenon_context *context, int32_t index, const tn_buffer *buffer) {
  tenon_tensor *tensor = tn_caller_output(context, index);
  if (tensor->data == buffer->data)
    tensor->data = NULL;
  if (!has_values(context))
    return;
  tenon_value *value = (tenon_value *)value_of(tensor);
  if (tn_overlap(value->elements, sizeof *value, buffer->data, buffer->bytes))
    *value = (tenon_value){.kind = value->kind};
}

/* The context's own buffer. It only grows, and by a quarter at least, so that outputs which become
 * longer with every run (a decoder's cache) seldom allocate. A caller may feed it back as an input
 * of the next run; a second buffer then takes turns with it. */
static void *own_buffer(tenon_context *context, int32_t index, size_t bytes) {
  tn_output *output = &context->outputs[index];
  if (overlapping_input(context, output->buffer.data, output->buffer.bytes, -1) >= 0) {
    tn_buffer other = output->other;
    output->other = output->buffer;
    output->buffer = other;
  }
  tn_buffer *buffer = &output->buffer;
  if (buffer->data && bytes <= buffer->bytes)
    return buffer->data;
  size_t enough = buffer->bytes + buffer->bytes / 4;
  size_t wanted = bytes > enough ? bytes : enough;
  void *memory = tn_alloc(wanted);
  if (!memory)
    return NULL;
  forget_buffer(context, index, buffer);
  free(buffer->data);
  *buffer = (tn_buffer){memory, wanted};
  return memory;
}

/* Whether the output goes to a buffer of the context, which the caller may have from earlier. */
static bool is_own(const tn_output *output, const void *data) {
  return !data || data == output->buffer.data || data == output->other.data;
}

void *tn_callers_buffer(tenon_context *context, int32_t index, const int64_t *dims) {
  size_t bytes = context->outputs[index].bytes;
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  const tenon_tensor *caller = tn_caller_output(context, index);
  dims_text text;
  if (caller->capacity < bytes) {
    RECORD(context, TENON_BUFFER_TOO_SMALL,
           "output %d '%s' has a capacity of %zu bytes, but %s of %s is %zu", index, desc->name,
           caller->capacity, print_dims(&text, desc->rank, dims), tenon_dtype_name(desc->dtype),
           bytes);
    return NULL;
  }
  int32_t input = forbidden_input(context, index, caller->data, bytes);
  if (input >= 0) {
    RECORD(context, TENON_INVALID_ARGUMENT, "output %d '%s' overlaps input %d '%s'", index,
           desc->name, input, context->model->desc->inputs[input].name);
    return NULL;
  }
  return caller->data;
}

/* Where compiled code writes the elements of an output: those that are packed when the run ends to
 * a block of the region. */
static void *place_elements(tenon_context *context, int32_t index) {
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  tn_output *output = &context->outputs[index];
  output->run_data = output->data;
  output->run_bytes = output->bytes;
  if (desc->dtype == TENON_STRING)
    output->run_bytes = (size_t)tn_count(desc->rank, output->dims) * sizeof(int64_t); // handles
  if (output->data && tn_is_packed(desc->dtype)) {
    output->run_bytes = (size_t)tn_count(desc->rank, output->dims);
    output->run_data = host_alloc(context, (int64_t)output->run_bytes);
  }
  return output->run_data;
}

bool tn_size_output(tenon_context *context, int32_t index, const int64_t *dims) {
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  tn_output *output = &context->outputs[index];
  int64_t bytes = tenon_tensor_bytes(desc->dtype, desc->rank, dims);
  if (bytes < 0) {
    dims_text text;
    RECORD(context, TENON_WRONG_SHAPE, "output %d '%s' would be %s of %s", index, desc->name,
           print_dims(&text, desc->rank, dims), tenon_dtype_name(desc->dtype));
    return false;
  }
  for (int32_t d = 0; d < desc->rank; ++d)
    output->dims[d] = dims[d];
  output->bytes = (size_t)bytes;
  return true;
}

bool tn_is_input(const tenon_context *context, const void *data, size_t bytes) {
  return overlapping_input(context, data, bytes, -1) >= 0;
}

void *tn_set_output(tenon_context *context, int32_t index, void *data) {
  tn_output *output = &context->outputs[index];
  output->data = data;
  int32_t other = data ? overlapping_output(context, index) : -1;
  if (other >= 0) {
    const tenon_tensor_desc *outputs = context->model->desc->outputs;
    RECORD(context, TENON_INVALID_ARGUMENT, "output %d '%s' overlaps output %d '%s'", index,
           outputs[index].name, other, outputs[other].name);
    output->data = NULL;
  }
  return output->data;
}

void *tn_host_output(tenon_exec *exec, int32_t index, const int64_t *dims) {
  tenon_context *context = context_of(exec);
  const tn_output *output = &context->outputs[index];
  if (!tn_size_output(context, index, dims))
    return NULL;
  void *data;
  if (is_own(output, tn_caller_output(context, index)->data)) {
    data = own_buffer(context, index, output->bytes);
    if (!data)
      RECORD(context, TENON_OUT_OF_MEMORY, "output %d '%s': no memory for %zu bytes", index,
             context->model->desc->outputs[index].name, output->bytes);
  } else {
    data = tn_callers_buffer(context, index, dims);
  }
  tn_set_output(context, index, data);
  return place_elements(context, index);
}

static int32_t service_output_object(tenon_exec *exec, int32_t index, const tenon_object *object) {
  tenon_context *context = context_of(exec);
  tn_output *output = &context->outputs[index];
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  size_t bytes = tn_value_bytes(desc, object);
  void *memory = own_buffer(context, index, bytes);
  if (!memory)
    return tn_record(exec, TENON_OUT_OF_MEMORY, "output %d '%s': no memory for %zu bytes", index,
                     desc->name, bytes);
  output->data = (void *)tn_write_value(desc, object, memory);
  output->bytes = bytes;
  return TENON_EXEC_OK;
}

static int32_t service_fail(tenon_exec *exec, int32_t code, const char *message) {
  tenon_context *context = context_of(exec);
  tenon_status status = code == TENON_EXEC_OUT_OF_MEMORY ? TENON_OUT_OF_MEMORY
                        : code == TENON_EXEC_BAD_SHAPE   ? TENON_WRONG_SHAPE
                        : code == TENON_EXEC_BAD_VALUE   ? TENON_INVALID_VALUE
                                                         : TENON_INTERNAL_ERROR;
  RECORD(context, status, "model '%s': %s", context->model->desc->name, message);
  return code;
}

static int32_t service_fail_values(tenon_exec *exec, int32_t code, const char *message,
                                   const int64_t *values, int32_t count) {
  char text[512];
  size_t used = 0;
  int32_t next = 0;
  for (; *message && used + 1 < sizeof text; ++message) {
    if (*message != TENON_VALUE_MARK || next >= count) {
      text[used++] = *message;
      continue;
    }
    int length = snprintf(text + used, sizeof text - used, "%lld", (long long)values[next++]);
    used += (size_t)length < sizeof text - used ? (size_t)length : sizeof text - 1 - used;
  }
  text[used] = '\0';
  return service_fail(exec, code, text);
}

void tn_install_services(tenon_exec *exec) {
  exec->launch = tn_launch_function;
  exec->alloc = service_alloc;
  exec->release = service_release;
  exec->output = tn_host_output;
  exec->fail = service_fail;
  exec->fail_values = service_fail_values;
  exec->output_object = service_output_object;
  tn_install_value_services(exec);
}

/* ---- Run */

/* Calls the compiled code, with inputs in place, and turns what it returned and recorded into one
 * status. */
static tenon_status execute(tenon_context *context) {
  const tenon_model *model = context->model;
  for (int32_t i = 0; i < model->desc->num_outputs; ++i)
    context->outputs[i].data = context->outputs[i].run_data = NULL;
  bool known;
  const tn_device_kind *device = tn_device_of(model->variant, &known);
  if (device && (context->status = device->begin(context)))
    return context->status;
  int64_t begin = context->profiling ? tn_now() : 0;
  unsigned saved = tn_fp_enter();
  if (context->pool)
    tn_pool_begin_run(context->pool);
  int32_t code = device ? device->run(context) : model->variant->run(&context->exec);
  if (context->pool)
    tn_pool_end_run(context->pool);
  tn_fp_leave(saved);
  if (device)
    context->status = device->end(context);
  if (context->profiling)
    tn_profile_run(context->profile, begin, tn_now());
  if (code != TENON_EXEC_OK && !context->status)
    service_fail(&context->exec, code, "the run failed without a message");
  for (int32_t i = 0; i < model->desc->num_outputs && !context->status; ++i)
    if (!context->outputs[i].data)
      context->status = tn_fail(TENON_INTERNAL_ERROR, "model '%s' did not write output %d '%s'",
                                model->desc->name, i, model->desc->outputs[i].name);
  return context->status;
}

/* Gives compiled code the elements of packed inputs, each as a byte. */
static tenon_status unpack_inputs(tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_inputs && !context->status; ++i) {
    if (!tn_is_tensor(&desc->inputs[i]) || !tn_is_packed(desc->inputs[i].dtype))
      continue;
    const tenon_tensor *have = tn_caller_input(context, i);
    int64_t count = tn_count(have->rank, have->dims);
    void *elements = host_alloc(context, count);
    if (elements)
      tn_unpack(have->dtype, count, have->data, elements);
    context->input_data[i] = elements;
    context->input_bytes[i] = (size_t)count;
  }
  return context->status;
}

static void pack_outputs(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    const tn_output *output = &context->outputs[i];
    if (tn_is_tensor(&desc->outputs[i]) && tn_is_packed(desc->outputs[i].dtype))
      tn_pack(desc->outputs[i].dtype, tn_count(desc->outputs[i].rank, output->dims),
              output->run_data, output->data);
  }
}

static void hand_over_tensor(const tn_output *output, const tenon_tensor_desc *desc,
                             tenon_tensor *result) {
  result->dtype = desc->dtype;
  result->rank = desc->rank;
  result->dims = output->dims;
  result->data = output->data;
  result->bytes = output->bytes;
}

static void hand_over(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    const tn_output *output = &context->outputs[i];
    tenon_tensor *tensor = tn_caller_output(context, i);
    tenon_value *value = (tenon_value *)value_of(tensor);
    if (!tn_is_tensor(&desc->outputs[i])) {
      *value = *(const tenon_value *)output->data;
      continue;
    }
    hand_over_tensor(output, &desc->outputs[i], tensor);
    if (tn_is_table(&desc->outputs[i]))
      *value = tn_make_table(&desc->outputs[i], *tensor);
    else if (has_values(context))
      *value = (tenon_value){.kind = TENON_TENSOR, .tensor = *tensor};
  }
}

static tenon_status check_counts(const tenon_context *context, const void *inputs,
                                 int32_t num_inputs, const void *outputs, int32_t num_outputs) {
  const tenon_model_desc *desc = context->model->desc;
  if (num_inputs != desc->num_inputs)
    return tn_fail(TENON_INVALID_ARGUMENT, "%d inputs given, model '%s' has %d", num_inputs,
                   desc->name, desc->num_inputs);
  if (num_outputs != desc->num_outputs)
    return tn_fail(TENON_INVALID_ARGUMENT, "%d outputs given, model '%s' has %d", num_outputs,
                   desc->name, desc->num_outputs);
  if ((num_inputs && !inputs) || (num_outputs && !outputs))
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_run: %s is null",
                   num_inputs && !inputs ? "inputs" : "outputs");
  return TENON_OK;
}

/* Inputs are checked by check_input. */
static tenon_status check_outputs(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    tenon_status status = TENON_OK;
    if (tn_is_tensor(&desc->outputs[i]))
      status = check_memory(context, tn_caller_output(context, i), &desc->outputs[i], "output", i);
    if (status)
      return status;
    if (desc->outputs[i].num_kinds && !has_values(context))
      return tn_fail(TENON_WRONG_KIND, "output %d '%s' is %s, not a tensor: call tenon_run_values",
                     i, desc->outputs[i].name, tn_kind_name(tn_kind(&desc->outputs[i])));
  }
  return TENON_OK;
}

/* Structures of `stride` bytes, of which `offset` bytes are in front of the tensor. */
static tenon_status run(tenon_context *context, const void *inputs, int32_t num_inputs,
                        void *outputs, int32_t num_outputs, size_t stride, size_t offset) {
  tenon_status status = check_counts(context, inputs, num_inputs, outputs, num_outputs);
  if (status)
    return status;
  if (atomic_exchange_explicit(&context->busy, true, memory_order_acquire))
    return tn_fail(TENON_CONTEXT_BUSY,
                   "the context is running in another thread; each thread needs its own");
  context->caller_inputs = num_inputs ? (const char *)inputs + offset : NULL;
  context->caller_outputs = num_outputs ? (char *)outputs + offset : NULL;
  context->caller_stride = stride;
  context->status = TENON_OK;
  status = check_outputs(context);
  if (!status)
    status = check_inputs(context);
  if (!status)
    status = unpack_inputs(context);
  if (!status && context->strings)
    status = tn_strings_begin_run(context->strings);
  if (!status)
    status = execute(context);
  if (!status && context->strings)
    status = tn_strings_end_run(context->strings);
  if (!status)
    pack_outputs(context);
  tn_region_end_run(&context->region);
  if (!status)
    hand_over(context);
  atomic_store_explicit(&context->busy, false, memory_order_release);
  return status;
}

tenon_status tenon_run(tenon_context *context, const tenon_tensor *inputs, int32_t num_inputs,
                       tenon_tensor *outputs, int32_t num_outputs) {
  if (!context)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_run: context is null");
  return run(context, inputs, num_inputs, outputs, num_outputs, sizeof *inputs, 0);
}

tenon_status tenon_run_values(tenon_context *context, const tenon_value *inputs, int32_t num_inputs,
                              tenon_value *outputs, int32_t num_outputs) {
  if (!context)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_run_values: context is null");
  return run(context, inputs, num_inputs, outputs, num_outputs, sizeof *inputs,
             offsetof(tenon_value, tensor));
}
