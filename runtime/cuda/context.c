/* Contexts on a GPU: a stream, the arena, and tables. */
#include "runtime/cuda/objects.h"

#include <stdlib.h>
#include <string.h>

/* Tables, in one block. */
static tenon_status make_tables(struct tn_device_context *own, const tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  size_t inputs = (size_t)desc->num_inputs, outputs = (size_t)desc->num_outputs;
  size_t parameters = (size_t)context->model->device->most_parameters;
  own->inputs = calloc(1, (inputs + 2 * outputs) * sizeof(tn_cu_buffer) +
                              (inputs + parameters) * sizeof(void *) + 1);
  if (!own->inputs)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for the tables of a context of model '%s'",
                   desc->name);
  own->outputs = own->inputs + inputs;
  own->others = own->outputs + outputs;
  own->input_pointers = (void **)(own->others + outputs);
  own->parameters = own->input_pointers + inputs;
  return TENON_OK;
}

static tenon_status make_maps(struct tn_device_context *own, const tenon_context *context) {
  if (!context->model->device->uses_maps)
    return TENON_OK;
  size_t bytes = TN_CU_MAPS * sizeof *own->maps;
  own->maps = aligned_alloc(_Alignof(tn_cu_made_map), bytes);
  if (!own->maps)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for the tensor maps of a context of model '%s'",
                   context->model->desc->name);
  memset(own->maps, 0, bytes);
  return TENON_OK;
}

static tenon_status make_memory(struct tn_device_context *own, const tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  own->stream = context->stream;
  if (!own->stream) {
    tn_cu_result result = device->driver->new_stream(&own->stream, TN_CU_STREAM_NON_BLOCKING);
    if (result)
      return tn_cu_fail(device, result, "model '%s': a stream of the GPU",
                        context->model->desc->name);
    own->owns_stream = true;
  }
  return tn_cu_reserve(context, &own->arena, (size_t)context->model->variant->arena_bytes,
                       "the workspace");
}

tenon_status tn_cu_open_context(tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  struct tn_device_context *own = calloc(1, sizeof *own);
  if (!own)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for a context");
  context->device = own;
  const char *waits = getenv("TENON_CUDA_WAIT");
  own->waits = waits && *waits;
  tenon_status status = make_tables(own, context);
  if (!status)
    status = make_maps(own, context);
  if (!status)
    status = tn_cu_enter(device, context->model->desc->name);
  if (status)
    return status;
  status = make_memory(own, context);
  tn_cu_leave(device);
  context->exec.arena = (char *)(uintptr_t)own->arena.data;
  context->exec.weights = (const unsigned char *)(uintptr_t)device->weights;
  context->exec.inputs = own->input_pointers;
  tn_cu_install_services(&context->exec);
  return status;
}

static void free_memory(const tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  struct tn_device_context *own = context->device;
  tn_cu_settle(context);
  tn_cu_forget_graphs(context);
  if (own->owns_stream)
    device->driver->end_stream(own->stream);
  tn_cu_free(device, &own->arena);
  for (int32_t i = 0; own->inputs && i < context->model->desc->num_inputs; ++i)
    tn_cu_free(device, &own->inputs[i]);
  for (int32_t i = 0; own->inputs && i < 2 * context->model->desc->num_outputs; ++i)
    tn_cu_free(device, &own->outputs[i]); // and the others behind them
  for (size_t i = 0; i < own->num_blocks; ++i)
    tn_cu_free(device, &own->blocks[i].buffer);
}

void tn_cu_close_context(tenon_context *context) {
  struct tn_device_model *device = context->model->device;
  struct tn_device_context *own = context->device;
  if (!own)
    return;
  // Also after an error that the device is lost by: the driver then only forgets.
  if (!device->driver->push(device->context)) {
    free_memory(context);
    tn_cu_leave(device);
  }
  free(own->inputs);
  free(own->blocks);
  free(own->maps);
  free(own);
  context->device = NULL;
}
