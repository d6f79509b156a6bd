/* One run: check the inputs, bind the symbols, call the compiled code, hand over the outputs; and
 * the services that the compiled code calls meanwhile. */
#include "runtime/objects.h"

#include <stdio.h>
#include <stdlib.h>

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

/* Checks input `index` and copies its dimensions to `dims`. */
static tenon_status check_input(tenon_context *context, int32_t index, const tenon_tensor *have,
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
  for (int32_t d = 0; d < have->rank; ++d) {
    tenon_status status = bind_dim(context, index, d, have->dims[d]);
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

static tenon_status check_inputs(tenon_context *context, const tenon_tensor *inputs) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t s = 0; s < desc->num_symbols; ++s)
    context->symbols[s] = -1;
  int64_t *dims = context->input_dims;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    tenon_status status = check_input(context, i, &inputs[i], dims);
    if (status)
      return status;
    dims += desc->inputs[i].rank;
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

static void service_launch(tenon_exec *exec, int64_t kernel, void *const *args, int64_t max_tasks) {
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

static void *service_alloc(tenon_exec *exec, int64_t bytes) {
  tenon_context *context = context_of(exec);
  void *memory = tn_region_alloc(&context->region, bytes);
  if (!memory)
    RECORD(context, TENON_OUT_OF_MEMORY, "model '%s': no memory for %lld bytes",
           context->model->desc->name, (long long)bytes);
  return memory;
}

static void service_release(tenon_exec *exec, void *block) {
  tn_region_release(&context_of(exec)->region, block);
}

/* Nothing shares memory with what has no bytes. */
static bool overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
  uintptr_t first = (uintptr_t)a, second = (uintptr_t)b;
  return a_bytes && b_bytes && first < second + b_bytes && second < first + a_bytes;
}

/* The input that shares memory with [data, data + bytes), other than `except`; -1: none does. */
static int32_t overlapping_input(const tenon_context *context, const void *data, size_t bytes,
                                 int32_t except) {
  for (int32_t i = 0; i < context->model->desc->num_inputs; ++i)
    if (i != except && overlap(context->input_data[i], context->input_bytes[i], data, bytes))
      return i;
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
  bool is_same =
      state >= 0 && data == context->input_data[state] && bytes == context->input_bytes[state];
  return overlapping_input(context, data, bytes, is_same ? state : -1);
}

/* The output of this run that shares memory with what output `index` has got; -1: none does. Each
 * pair is compared when the later one gets its memory. */
static int32_t overlapping_output(const tenon_context *context, int32_t index) {
  const tn_output *output = &context->outputs[index];
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    const tn_output *other = &context->outputs[i];
    if (i != index && other->data &&
        overlap(other->data, other->bytes, output->data, output->bytes))
      return i;
  }
  return -1;
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
  // The caller's structure must not keep a pointer to what is gone if this run fails.
  if (context->caller_outputs[index].data == buffer->data)
    context->caller_outputs[index].data = NULL;
  free(buffer->data);
  *buffer = (tn_buffer){memory, wanted};
  return memory;
}

/* Whether the output goes to a buffer of the context, which the caller may have from earlier. */
static bool is_own(const tn_output *output, const void *data) {
  return !data || data == output->buffer.data || data == output->other.data;
}

static void *callers_buffer(tenon_context *context, int32_t index, const int64_t *dims,
                            size_t bytes) {
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  const tenon_tensor *caller = &context->caller_outputs[index];
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

static void *service_output(tenon_exec *exec, int32_t index, const int64_t *dims) {
  tenon_context *context = context_of(exec);
  const tenon_tensor_desc *desc = &context->model->desc->outputs[index];
  tn_output *output = &context->outputs[index];
  int64_t bytes = tenon_tensor_bytes(desc->dtype, desc->rank, dims);
  if (bytes < 0) {
    dims_text text;
    RECORD(context, TENON_WRONG_SHAPE, "output %d '%s' would be %s of %s", index, desc->name,
           print_dims(&text, desc->rank, dims), tenon_dtype_name(desc->dtype));
    return NULL;
  }
  for (int32_t d = 0; d < desc->rank; ++d)
    output->dims[d] = dims[d];
  output->bytes = (size_t)bytes;
  if (is_own(output, context->caller_outputs[index].data)) {
    output->data = own_buffer(context, index, (size_t)bytes);
    if (!output->data)
      RECORD(context, TENON_OUT_OF_MEMORY, "output %d '%s': no memory for %lld bytes", index,
             desc->name, (long long)bytes);
  } else {
    output->data = callers_buffer(context, index, dims, (size_t)bytes);
  }
  int32_t other = output->data ? overlapping_output(context, index) : -1;
  if (other >= 0) {
    RECORD(context, TENON_INVALID_ARGUMENT, "output %d '%s' overlaps output %d '%s'", index,
           desc->name, other, context->model->desc->outputs[other].name);
    output->data = NULL;
  }
  return output->data;
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
  exec->launch = service_launch;
  exec->alloc = service_alloc;
  exec->release = service_release;
  exec->output = service_output;
  exec->fail = service_fail;
  exec->fail_values = service_fail_values;
}

/* ---- Run */

/* Calls the compiled code and turns what it returned and recorded into one status. */
static tenon_status execute(tenon_context *context) {
  const tenon_model *model = context->model;
  for (int32_t i = 0; i < model->desc->num_outputs; ++i)
    context->outputs[i].data = NULL;
  context->status = TENON_OK;
  int64_t begin = context->profiling ? tn_now() : 0;
  unsigned saved = tn_fp_enter();
  if (context->pool)
    tn_pool_begin_run(context->pool);
  int32_t code = model->variant->run(&context->exec);
  if (context->pool)
    tn_pool_end_run(context->pool);
  tn_fp_leave(saved);
  tn_region_end_run(&context->region);
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

static void hand_over(tenon_context *context, tenon_tensor *outputs) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    const tn_output *output = &context->outputs[i];
    outputs[i].dtype = desc->outputs[i].dtype;
    outputs[i].rank = desc->outputs[i].rank;
    outputs[i].dims = output->dims;
    outputs[i].data = output->data;
    outputs[i].bytes = output->bytes;
  }
}

static tenon_status check_counts(const tenon_context *context, const tenon_tensor *inputs,
                                 int32_t num_inputs, const tenon_tensor *outputs,
                                 int32_t num_outputs) {
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

tenon_status tenon_run(tenon_context *context, const tenon_tensor *inputs, int32_t num_inputs,
                       tenon_tensor *outputs, int32_t num_outputs) {
  if (!context)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_run: context is null");
  tenon_status status = check_counts(context, inputs, num_inputs, outputs, num_outputs);
  if (status)
    return status;
  if (atomic_exchange_explicit(&context->busy, true, memory_order_acquire))
    return tn_fail(TENON_CONTEXT_BUSY,
                   "the context is running in another thread; each thread needs its own");
  context->caller_outputs = outputs;
  status = check_inputs(context, inputs);
  if (!status && context->strings)
    status = tn_strings_begin_run(context->strings);
  if (!status)
    status = execute(context);
  if (!status && context->strings)
    status = tn_strings_end_run(context->strings);
  if (!status)
    hand_over(context, outputs);
  atomic_store_explicit(&context->busy, false, memory_order_release);
  return status;
}
