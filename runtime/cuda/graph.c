/* Runs that repeat. The launches of a run depend on the sizes of its inputs and on addresses alone,
 * as long as the host sees nothing of what the device computes. The first run of such a kind shows
 * whether that is so, the second one is captured as a graph of the driver's, and all later ones are
 * one call. Copies of inputs and outputs stand around the graph.
 *
 * Buffers keep their addresses until one has to grow: then all graphs are forgotten. Blocks of
 * run-time sized memory that a graph uses stay until it is forgotten; other runs use them, too,
 * since one run follows another. */
#include "runtime/cuda/objects.h"

#include <stdlib.h>
#include <string.h>

static struct tn_device_model *device_of(const tenon_context *context) {
  return context->model->device;
}

static void forget(const tenon_context *context, tn_cu_repeat *repeat) {
  struct tn_device_context *own = context->device;
  if (repeat->graph)
    device_of(context)->driver->end_graph_exec(repeat->graph);
  for (size_t i = 0; i < own->num_blocks; ++i)
    own->blocks[i].graphs &= ~(1u << (repeat - own->repeats));
  free(repeat->key);
  *repeat = (tn_cu_repeat){0};
}

void tn_cu_forget_graphs(const tenon_context *context) {
  for (int i = 0; i < TN_CU_GRAPHS; ++i)
    forget(context, &context->device->repeats[i]);
}

/* ---- Which run it is */

static size_t key_length(const tenon_context *context) {
  const tenon_model *model = context->model;
  return (size_t)(model->total_input_dims + model->desc->num_inputs + model->desc->num_outputs);
}

/* Sizes, and the addresses of inputs and outputs. */
static void write_key(const tenon_context *context, int64_t *key) {
  const tenon_model *model = context->model;
  size_t dims = (size_t)model->total_input_dims;
  memcpy(key, context->input_dims, dims * sizeof *key);
  key += dims;
  for (int32_t i = 0; i < model->desc->num_inputs; ++i)
    *key++ = (int64_t)(intptr_t)context->device->input_pointers[i];
  for (int32_t i = 0; i < model->desc->num_outputs; ++i)
    *key++ = (int64_t)tn_cu_output_address(context, i);
}

/* The place of this run in the table; a new one, in the place of what was done longest ago, if it
 * is not there. NULL without memory. */
static tn_cu_repeat *find(const tenon_context *context) {
  struct tn_device_context *own = context->device;
  size_t length = key_length(context), outputs = (size_t)context->model->total_output_dims;
  int64_t *key = malloc((length + outputs + 1) * sizeof *key);
  if (!key)
    return NULL;
  write_key(context, key);
  tn_cu_repeat *oldest = own->repeats;
  for (tn_cu_repeat *repeat = own->repeats; repeat < own->repeats + TN_CU_GRAPHS; ++repeat) {
    if (repeat->state != TN_CU_UNUSED && !memcmp(repeat->key, key, length * sizeof *key)) {
      free(key);
      repeat->epoch = own->epoch;
      return repeat;
    }
    if (repeat->state == TN_CU_UNUSED ? oldest->state != TN_CU_UNUSED
                                      : repeat->epoch < oldest->epoch)
      oldest = repeat;
  }
  forget(context, oldest);
  *oldest = (tn_cu_repeat){.key = key, .dims = key + length, .epoch = own->epoch};
  return oldest;
}

/* ---- What is done */

static int32_t call(tenon_context *context) { return context->model->variant->run(&context->exec); }

/* For the first time: shows whether the run can be captured. */
static int32_t observe(tenon_context *context, tn_cu_repeat *repeat) {
  struct tn_device_context *own = context->device;
  int32_t code = call(context);
  if (code || context->status)
    forget(context, repeat);
  if (!repeat->key) // or a buffer has grown
    return code;
  write_key(context, repeat->key); // with the addresses of buffers that are new
  repeat->state = own->saw_host || own->launches < 2 ? TN_CU_ONLY_STEPS : TN_CU_RUN_ONCE;
  return code;
}

/* The launches of a call as a graph; NULL, and the run has failed. */
static tn_cu_graph capture_call(tenon_context *context, tn_cu_repeat *repeat, int32_t *code) {
  struct tn_device_context *own = context->device;
  struct tn_device_model *device = device_of(context);
  tn_cu_graph graph = NULL;
  tn_cu_result result = device->driver->begin_capture(own->stream, TN_CU_CAPTURE_RELAXED);
  if (!result) {
    own->capturing = repeat;
    *code = call(context);
    own->capturing = NULL;
    result = device->driver->end_capture(own->stream, &graph);
  }
  if (result && !context->status)
    tn_run_failed(context, tn_cu_fail(device, result, "model '%s': capturing its launches",
                                      context->model->desc->name));
  return result ? NULL : graph;
}

static int32_t launch_graph(tenon_context *context, const tn_cu_repeat *repeat) {
  struct tn_device_context *own = context->device;
  struct tn_device_model *device = device_of(context);
  own->last_kernel = repeat->last_kernel;
  own->launches = repeat->launches;
  tn_cu_result result = device->driver->launch_graph(repeat->graph, own->stream);
  if (result)
    tn_run_failed(context, tn_cu_fail(device, result, "model '%s': launching its graph",
                                      context->model->desc->name));
  return result ? TENON_EXEC_DEVICE_ERROR : TENON_EXEC_OK;
}

static void keep_dims(const tenon_context *context, int64_t *dims) {
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    size_t rank = (size_t)tn_rank(&context->model->desc->outputs[i]);
    memcpy(dims, context->outputs[i].dims, rank * sizeof *dims);
    dims += rank;
  }
}

/* For the second time. */
static int32_t capture(tenon_context *context, tn_cu_repeat *repeat) {
  struct tn_device_context *own = context->device;
  struct tn_device_model *device = device_of(context);
  int32_t code = TENON_EXEC_DEVICE_ERROR;
  tn_cu_graph graph = capture_call(context, repeat, &code);
  if (graph && repeat->key && !code && !context->status) {
    tn_cu_result result = device->driver->instantiate(&repeat->graph, graph, NULL, NULL, 0);
    if (result) {
      repeat->graph = NULL;
      tn_run_failed(context, tn_cu_fail(device, result, "model '%s': the graph of its launches",
                                        context->model->desc->name));
    }
  }
  if (graph)
    device->driver->end_graph(graph);
  if (!repeat->graph) {
    forget(context, repeat);
    return code ? code : TENON_EXEC_DEVICE_ERROR;
  }
  repeat->state = TN_CU_CAPTURED;
  repeat->last_kernel = own->last_kernel;
  repeat->launches = own->launches;
  keep_dims(context, repeat->dims);
  return launch_graph(context, repeat);
}

static int32_t replay(tenon_context *context, const tn_cu_repeat *repeat) {
  const int64_t *dims = repeat->dims;
  for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
    if (!tn_cu_output(context, i, dims))
      return TENON_EXEC_OUT_OF_MEMORY;
    dims += tn_rank(&context->model->desc->outputs[i]);
  }
  return launch_graph(context, repeat);
}

int32_t tn_cu_run(tenon_context *context) {
  // These want to see each launch.
  bool is_watched = context->profiling || context->device->waits;
  tn_cu_repeat *repeat = is_watched ? NULL : find(context);
  if (!repeat)
    return call(context);
  switch (repeat->state) {
  case TN_CU_UNUSED:
    return observe(context, repeat);
  case TN_CU_RUN_ONCE:
    return capture(context, repeat);
  case TN_CU_CAPTURED:
    return replay(context, repeat);
  default:
    return call(context);
  }
}
