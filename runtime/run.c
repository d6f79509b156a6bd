/* One run: check the inputs, bind the symbols, call the compiled code, hand over the outputs; and
 * the services that the compiled code calls meanwhile. */
#include "runtime/run.h"

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

/* ---- Inputs */

const char *tn_print_dims(tn_dims_text *out, int32_t rank, const int64_t *dims) {
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
  tn_dims_text text;
  if (bytes < 0)
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s': %s of %s is too large", index, want->name,
                   tn_print_dims(&text, have->rank, have->dims), tenon_dtype_name(have->dtype));
  if (have->bytes != (size_t)bytes)
    return tn_fail(TENON_WRONG_SHAPE, "input %d '%s' has %zu bytes, but %s of %s is %lld", index,
                   want->name, have->bytes, tn_print_dims(&text, have->rank, have->dims),
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
  int32_t kind = tn_has_values(context) ? tn_value_of(have)->kind : TENON_TENSOR;
  if (kind != tn_kind(want))
    return tn_fail(TENON_WRONG_KIND, "input %d '%s' is %s, expected %s", index, want->name,
                   tn_kind_name(kind), tn_kind_name(tn_kind(want)));
  if (kind == TENON_TENSOR)
    return check_tensor(context, index, have, dims);
  tenon_object *object = NULL;
  tenon_status status = tn_take_input(context, index, tn_value_of(have), &object);
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

int32_t tn_record(tenon_exec *exec, tenon_status status, const char *format, ...) {
  tenon_context *context = tn_context_of(exec);
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  TN_RECORD(context, status, "model '%s': %s", context->model->desc->name, text);
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
  tenon_context *context = tn_context_of(exec);
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

void *tn_run_alloc(tenon_context *context, int64_t bytes) {
  void *memory = tn_region_alloc(&context->region, bytes);
  if (!memory)
    TN_RECORD(context, TENON_OUT_OF_MEMORY, "model '%s': no memory for %lld bytes",
              context->model->desc->name, (long long)bytes);
  return memory;
}

static void *service_alloc(tenon_exec *exec, int64_t bytes) {
  return tn_run_alloc(tn_context_of(exec), bytes);
}

static void service_release(tenon_exec *exec, void *block) {
  tn_region_release(&tn_context_of(exec)->region, block);
}

static int32_t service_fail(tenon_exec *exec, int32_t code, const char *message) {
  tenon_context *context = tn_context_of(exec);
  tenon_status status = code == TENON_EXEC_OUT_OF_MEMORY ? TENON_OUT_OF_MEMORY
                        : code == TENON_EXEC_BAD_SHAPE   ? TENON_WRONG_SHAPE
                        : code == TENON_EXEC_BAD_VALUE   ? TENON_INVALID_VALUE
                                                         : TENON_INTERNAL_ERROR;
  TN_RECORD(context, status, "model '%s': %s", context->model->desc->name, message);
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
  exec->output_object = tn_output_object;
  exec->decode_image = tn_decode_image;
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
    void *elements = tn_run_alloc(context, count);
    if (elements)
      tn_unpack(have->dtype, count, have->data, elements);
    context->input_data[i] = elements;
    context->input_bytes[i] = (size_t)count;
  }
  return context->status;
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
    if (desc->outputs[i].num_kinds && !tn_has_values(context))
      return tn_fail(TENON_WRONG_KIND, "output %d '%s' is %s, not a tensor: call tenon_run_values",
                     i, desc->outputs[i].name, tn_kind_name(tn_kind(&desc->outputs[i])));
  }
  return TENON_OK;
}

/* Checks what the caller gives, and makes of it what compiled code reads. */
static tenon_status begin(tenon_context *context) {
  if (context->strings)
    tn_strings_take_turns(context->strings);
  tenon_status status = check_outputs(context);
  if (!status)
    status = check_inputs(context);
  if (!status)
    status = unpack_inputs(context);
  if (status && context->strings)
    tn_strings_take_back(context->strings);
  if (!status && context->strings)
    status = tn_strings_begin_run(context->strings);
  return status;
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
  status = begin(context);
  if (!status)
    status = execute(context);
  if (!status && context->strings)
    status = tn_strings_end_run(context->strings);
  if (!status)
    tn_pack_outputs(context);
  tn_region_end_run(&context->region);
  if (!status)
    tn_hand_over(context);
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
