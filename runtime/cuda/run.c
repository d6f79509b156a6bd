/* A run on a GPU: inputs go there, kernels and copies follow one another in the context's stream,
 * outputs come back. Launches return at once; errors of a kernel appear where the run next waits,
 * and are told with the kernel that was launched last. */
#include "runtime/cuda/objects.h"

#include <stdio.h>

/* Tensors begin at multiples of so many bytes for kernels. */
static const uintptr_t ALIGNMENT = 64;

static tenon_context *context_of(tenon_exec *exec) { return (tenon_context *)exec; }

static tn_cu_pointer address(const void *pointer) { return (uintptr_t)pointer; }

/* "kernel 'k' (node 'n')". */
static const char *describe_kernel(const tenon_context *context, int64_t kernel, char *text,
                                   size_t size) {
  const tenon_kernel_desc *desc = &context->model->variant->kernels[kernel];
  if (desc->nodes && *desc->nodes)
    snprintf(text, size, "kernel '%s' (node '%s')", desc->name, desc->nodes);
  else
    snprintf(text, size, "kernel '%s'", desc->name);
  return text;
}

/* What a wait has found. */
static tenon_status fail_launches(tenon_context *context, tn_cu_result result) {
  const struct tn_device_context *own = context->device;
  const char *model = context->model->desc->name;
  char text[160];
  if (!own->launches)
    return tn_cu_fail(context->model->device, result, "model '%s'", model);
  describe_kernel(context, own->last_kernel, text, sizeof text);
  return tn_cu_fail(context->model->device, result, "model '%s': %s%s failed", model, text,
                    own->launches > 1 ? " or one that was launched before it" : "");
}

static tenon_status wait(tenon_context *context) {
  struct tn_device_context *own = context->device;
  tn_cu_result result = context->model->device->driver->wait(own->stream);
  tenon_status status = result ? fail_launches(context, result) : TENON_OK;
  own->launches = 0;
  own->pending = false;
  return status;
}

/* ---- Services */

/* Parameters behind the arguments. The driver copies them when it is called. */
static tenon_status add_maps(const tenon_context *context, const tenon_kernel_desc *desc,
                             void *const *args, tn_cu_tensor_map *maps) {
  tenon_status status = TENON_OK;
  for (int32_t i = 0; i < desc->num_maps && !status; ++i) {
    status = tn_cu_make_map(context, &desc->maps[i], args, &maps[i]);
    context->device->parameters[desc->num_args + i] = &maps[i];
  }
  return status;
}

/* With the parameters of the context. Where a kernel waits by itself for the one before, and the
 * driver knows of it, it may begin early (programmatic dependent launch). */
static tn_cu_result call_launch(const tenon_context *context, int64_t kernel, unsigned blocks) {
  const struct tn_device_context *own = context->device;
  const struct tn_device_model *device = context->model->device;
  const tn_cu_driver *driver = device->driver;
  const tenon_kernel_desc *desc = &context->model->variant->kernels[kernel];
  unsigned threads = (unsigned)desc->block_threads, shared = (unsigned)desc->launch_shared_bytes;
  if (!desc->waits || !driver->launch_with || driver->driver_version < TN_CU_OVERLAP_VERSION)
    return driver->launch(device->functions[kernel], blocks, 1, 1, threads, 1, 1, shared,
                          own->stream, own->parameters, NULL);
  tn_cu_launch_attribute overlap = {.id = TN_CU_OVERLAP, .value = {1}};
  tn_cu_launch config = {.grid = {blocks, 1, 1},
                         .block = {threads, 1, 1},
                         .shared_bytes = shared,
                         .stream = own->stream,
                         .attributes = &overlap,
                         .num_attributes = 1};
  return driver->launch_with(&config, device->functions[kernel], own->parameters, NULL);
}

static tenon_status launch(tenon_context *context, int64_t kernel, void *const *args,
                           int64_t blocks) {
  struct tn_device_context *own = context->device;
  const tenon_kernel_desc *desc = &context->model->variant->kernels[kernel];
  for (int32_t i = 0; i < desc->num_args; ++i)
    own->parameters[i] = (void *)&args[i];
  tn_cu_tensor_map maps[TENON_KERNEL_MAPS];
  tenon_status status = add_maps(context, desc, args, maps);
  if (status)
    return status;
  unsigned grid = blocks < 1 ? 1 : blocks > INT32_MAX ? INT32_MAX : (unsigned)blocks;
  tn_cu_result result = call_launch(context, kernel, grid);
  own->last_kernel = kernel;
  ++own->launches;
  return result ? fail_launches(context, result) : TENON_OK;
}

static void cuda_launch(tenon_exec *exec, int64_t kernel, void *const *args, int64_t max_tasks) {
  tenon_context *context = context_of(exec);
  if (context->status)
    return; // what it would read is not there
  if (context->model->variant->kernels[kernel].kind == TENON_KERNEL_FUNCTION) {
    context->device->saw_host = true;
    return tn_launch_function(exec, kernel, args, max_tasks);
  }
  int64_t begin = context->profiling ? tn_now() : 0;
  tenon_status status = launch(context, kernel, args, max_tasks);
  if (!status && (context->profiling || context->device->waits))
    status = wait(context);
  if (status)
    tn_run_failed(context, status);
  if (context->profiling) {
    int64_t end = tn_now();
    tn_profile_task(context->profile, 0, kernel, begin, end);
    tn_profile_launch(context->profile, kernel, begin, end);
  }
}

static void *cuda_alloc(tenon_exec *exec, int64_t bytes) {
  tenon_context *context = context_of(exec);
  tn_cu_pointer block = 0;
  tenon_status status = context->status;
  if (!status)
    status = tn_cu_block_alloc(context, bytes, &block);
  if (status)
    tn_run_failed(context, status);
  return (void *)(uintptr_t)block;
}

static void cuda_release(tenon_exec *exec, void *block) {
  tn_cu_block_release(context_of(exec), address(block));
}

/* Whether an output goes to a buffer of the context on the device, which the caller may have from
 * an earlier run. */
static bool is_own(const tenon_context *context, int32_t index) {
  const struct tn_device_context *own = context->device;
  const tenon_tensor *caller = tn_caller_output(context, index);
  tn_cu_pointer data = address(caller->data);
  return caller->memory != TENON_DEVICE_MEMORY || !data || data == own->outputs[index].data ||
         data == own->others[index].data;
}

static bool is_aligned(const void *data) { return (uintptr_t)data % ALIGNMENT == 0; }

tn_cu_pointer tn_cu_output_address(const tenon_context *context, int32_t index) {
  const void *data = tn_caller_output(context, index)->data;
  return is_own(context, index) || !is_aligned(data) ? context->device->outputs[index].data
                                                     : address(data);
}

static void *own_output(tenon_context *context, int32_t index, size_t bytes) {
  tn_cu_buffer *buffer = &context->device->outputs[index];
  tenon_tensor *caller = tn_caller_output(context, index);
  // The caller's structure must not keep a pointer to what is gone if this run fails.
  bool is_kept = caller->memory == TENON_DEVICE_MEMORY && address(caller->data) == buffer->data;
  if (is_kept && bytes > buffer->bytes)
    caller->data = NULL;
  tenon_status status = tn_cu_reserve(context, buffer, bytes, "an output");
  if (status)
    tn_run_failed(context, status);
  return status ? NULL : (void *)(uintptr_t)buffer->data;
}

/* Where the device computes what the caller wants in its memory. */
static void *device_output(tenon_context *context, int32_t index, const int64_t *dims) {
  tn_output *output = &context->outputs[index];
  if (!tn_size_output(context, index, dims))
    return NULL;
  output->run_bytes = output->bytes;
  if (is_own(context, index))
    return tn_set_output(context, index, own_output(context, index, output->bytes));
  void *data = tn_set_output(context, index, tn_callers_buffer(context, index, dims));
  if (!data || is_aligned(data))
    return data;
  output->run_data = data;
  return own_output(context, index, output->bytes);
}

/* The caller's memory of the host, or the context's, waits for what the device computes. */
void *tn_cu_output(tenon_context *context, int32_t index, const int64_t *dims) {
  if (context->status)
    return NULL;
  if (tn_caller_output(context, index)->memory == TENON_DEVICE_MEMORY)
    return device_output(context, index, dims);
  if (!tn_host_output(&context->exec, index, dims))
    return NULL;
  return own_output(context, index, context->outputs[index].run_bytes);
}

static void *cuda_output(tenon_exec *exec, int32_t index, const int64_t *dims) {
  return tn_cu_output(context_of(exec), index, dims);
}

static tn_cu_result copy(const struct tn_device_context *own, const tn_cu_driver *driver,
                         int32_t direction, void *to, const void *from, size_t bytes) {
  switch (direction) {
  case TENON_TRANSFER_TO_HOST:
    return driver->to_host(to, address(from), bytes, own->stream);
  case TENON_TRANSFER_TO_DEVICE:
    return driver->to_device(address(to), from, bytes, own->stream);
  default:
    return driver->on_device(address(to), address(from), bytes, own->stream);
  }
}

static tenon_status do_transfer(tenon_context *context, int32_t direction, void *to,
                                const void *from, int64_t bytes) {
  struct tn_device_model *device = context->model->device;
  if (!bytes)
    return TENON_OK;
  if (direction != TENON_TRANSFER_ON_DEVICE)
    context->device->saw_host = true;
  tn_cu_result result = copy(context->device, device->driver, direction, to, from, (size_t)bytes);
  if (result)
    return tn_cu_fail(device, result, "model '%s': a copy of %lld bytes",
                      context->model->desc->name, (long long)bytes);
  return direction == TENON_TRANSFER_ON_DEVICE ? TENON_OK : wait(context);
}

static int32_t cuda_transfer(tenon_exec *exec, int32_t direction, void *to, const void *from,
                             int64_t bytes) {
  tenon_context *context = context_of(exec);
  tenon_status status = context->status;
  if (!status)
    status = do_transfer(context, direction, to, from, bytes);
  if (!status)
    return TENON_EXEC_OK;
  tn_run_failed(context, status);
  return TENON_EXEC_DEVICE_ERROR;
}

static void *host_alloc(tenon_exec *exec, int64_t bytes) {
  tenon_context *context = context_of(exec);
  void *memory = tn_region_alloc(&context->region, bytes);
  if (!memory)
    tn_run_failed(context, tn_fail(TENON_OUT_OF_MEMORY, "model '%s': no memory for %lld bytes",
                                   context->model->desc->name, (long long)bytes));
  return memory;
}

static void host_release(tenon_exec *exec, void *block) {
  tn_region_release(&context_of(exec)->region, block);
}

void tn_cu_install_services(tenon_exec *exec) {
  exec->launch = cuda_launch;
  exec->alloc = cuda_alloc;
  exec->release = cuda_release;
  exec->output = cuda_output;
  exec->transfer = cuda_transfer;
  exec->host_alloc = host_alloc;
  exec->host_release = host_release;
}

/* ---- Begin and end */

/* An input in the device's memory stays where it is if kernels can read it there. */
static tenon_status bring_input(tenon_context *context, int32_t index) {
  struct tn_device_context *own = context->device;
  struct tn_device_model *device = context->model->device;
  void *data = context->input_data[index];
  size_t bytes = context->input_bytes[index];
  bool is_there = tn_caller_input(context, index)->memory == TENON_DEVICE_MEMORY;
  own->input_pointers[index] = data;
  if (is_there && is_aligned(data))
    return TENON_OK;
  tenon_status status = tn_cu_reserve(context, &own->inputs[index], bytes, "an input");
  if (status)
    return status;
  tn_cu_pointer place = own->inputs[index].data;
  own->input_pointers[index] = (void *)(uintptr_t)place;
  tn_cu_result result = TN_CU_SUCCESS;
  if (bytes && is_there)
    result = device->driver->on_device(place, address(data), bytes, own->stream);
  else if (bytes)
    result = device->driver->to_device(place, data, bytes, own->stream);
  return result
             ? tn_cu_fail(device, result, "model '%s': input %d '%s'", context->model->desc->name,
                          index, context->model->desc->inputs[index].name)
             : TENON_OK;
}

static bool has_memory_there(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  for (int32_t i = 0; i < desc->num_inputs; ++i)
    if (tn_caller_input(context, i)->memory == TENON_DEVICE_MEMORY)
      return true;
  for (int32_t i = 0; i < desc->num_outputs; ++i)
    if (tn_caller_output(context, i)->memory == TENON_DEVICE_MEMORY &&
        tn_caller_output(context, i)->data)
      return true;
  return false;
}

/* What the caller's memory on the device holds is in the making in the default stream, which the
 * context's own knows nothing of. */
static tenon_status await_caller(const tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  if (!context->device->owns_stream || !has_memory_there(context))
    return TENON_OK;
  tn_cu_result result = device->driver->wait(NULL);
  return result ? tn_cu_fail(device, result, "model '%s': what is in the default stream",
                             context->model->desc->name)
                : TENON_OK;
}

static tenon_status bring_inputs(tenon_context *context) {
  tenon_status status = await_caller(context);
  for (int32_t i = 0; i < context->model->desc->num_inputs && !status; ++i)
    status = bring_input(context, i);
  return status;
}

/* An output that the caller feeds back stays as it is while the next one is computed. */
static void take_turns(const tenon_context *context) {
  struct tn_device_context *own = context->device;
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    tn_cu_buffer buffer = own->outputs[i];
    if (!tn_is_input(context, (void *)(uintptr_t)buffer.data, buffer.bytes))
      continue;
    own->outputs[i] = own->others[i];
    own->others[i] = buffer;
  }
}

tenon_status tn_cu_begin(tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  tenon_status status = tn_cu_enter(device, context->model->desc->name);
  if (status)
    return status;
  context->device->launches = 0;
  context->device->saw_host = false;
  take_turns(context);
  status = bring_inputs(context);
  if (status)
    tn_cu_leave(device);
  return status;
}

static tn_cu_result bring_output(const tenon_context *context, int32_t index) {
  const struct tn_device_context *own = context->device;
  const tn_cu_driver *driver = context->model->device->driver;
  const tn_output *output = &context->outputs[index];
  if (!output->run_data || !output->run_bytes)
    return TN_CU_SUCCESS;
  tn_cu_pointer computed = own->outputs[index].data;
  return tn_caller_output(context, index)->memory == TENON_DEVICE_MEMORY
             ? driver->on_device(address(output->run_data), computed, output->run_bytes,
                                 own->stream)
             : driver->to_host(output->run_data, computed, output->run_bytes, own->stream);
}

static tenon_status bring_outputs(tenon_context *context) {
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    tn_cu_result result = bring_output(context, i);
    if (result)
      return tn_cu_fail(context->model->device, result, "model '%s': output %d '%s'",
                        context->model->desc->name, i, context->model->desc->outputs[i].name);
  }
  return TENON_OK;
}

/* Whether the caller has to see the device's work itself, in the stream that is its own. */
static bool may_leave(const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  bool stays = !context->device->owns_stream && !context->device->saw_host;
  for (int32_t i = 0; i < desc->num_inputs && stays; ++i)
    stays = tn_caller_input(context, i)->memory == TENON_DEVICE_MEMORY;
  for (int32_t i = 0; i < desc->num_outputs && stays; ++i)
    stays = tn_caller_output(context, i)->memory == TENON_DEVICE_MEMORY;
  return stays;
}

// Where memory of the host was read or written it waits: the caller may do with that what it likes
// when the run is over.
tenon_status tn_cu_end(tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  tenon_status status = context->status;
  if (!status)
    status = bring_outputs(context);
  if (status)
    device->driver->wait(context->device->stream); // the first failure says more than what follows
  else if (may_leave(context))
    context->device->pending = true;
  else
    status = wait(context);
  tn_cu_blocks_end_run(context);
  tn_cu_leave(device);
  return status;
}
