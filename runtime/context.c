/* Contexts: everything a run needs is made here, once, so that runs need not allocate. */
#include "runtime/device.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static tenon_status check_options(const tenon_model *model, const tenon_context_options *o) {
  if (o->threads < 0 || o->threads > 1024)
    return tn_fail(TENON_INVALID_ARGUMENT, "options: threads is %d, not 0..1024", o->threads);
  if (o->pin_first < 0)
    return tn_fail(TENON_INVALID_ARGUMENT, "options: pin_first is %d", o->pin_first);
  if (o->parallel_for && o->parallel_for_width < 1)
    return tn_fail(TENON_INVALID_ARGUMENT, "options: parallel_for_width is %d with a parallel_for",
                   o->parallel_for_width);
  if (o->parallel_for && (o->threads || o->pin_threads))
    return tn_fail(TENON_INVALID_ARGUMENT,
                   "options: threads and pin_threads cannot be combined with parallel_for");
  if (o->stream && !tenon_model_has_device(model))
    return tn_fail(TENON_INVALID_ARGUMENT, "options: stream is for models on a GPU, '%s' is for %s",
                   model->desc->name, model->variant->target);
  size_t needed = tenon_model_workspace_size(model);
  if (o->workspace && o->workspace_size < needed)
    return tn_fail(TENON_BUFFER_TOO_SMALL, "options: workspace has %zu bytes, model '%s' needs %zu",
                   o->workspace_size, model->desc->name, needed);
  return TENON_OK;
}

static tenon_status no_memory(const tenon_context *context, const char *what) {
  return tn_fail(TENON_OUT_OF_MEMORY, "no memory for %s of a context of model '%s'", what,
                 context->model->desc->name);
}

static char *align(char *pointer) {
  uintptr_t misaligned = (uintptr_t)pointer % TN_ALIGNMENT;
  return misaligned ? pointer + TN_ALIGNMENT - misaligned : pointer;
}

static tenon_status make_scratch(tenon_context *context, size_t bytes) {
  if (!bytes)
    return TENON_OK;
  context->own_scratch = tn_alloc(bytes);
  context->exec.scratch = context->own_scratch;
  return context->own_scratch ? TENON_OK : no_memory(context, "scratch memory");
}

/* The caller's workspace serves the arena first, then scratch memory if that fits; the rest is for
 * run-time sized blocks. */
static tenon_status make_workspace(tenon_context *context, const tenon_context_options *options) {
  size_t arena = tn_host_arena(context->model);
  size_t scratch = tenon_model_scratch_size(context->model, (int32_t)context->exec.threads);
  if (!options->workspace) {
    tn_region_init(&context->region, NULL, 0);
    context->own_arena = tn_alloc(arena);
    context->exec.arena = context->own_arena;
    return context->own_arena ? make_scratch(context, scratch)
                              : no_memory(context, "the workspace");
  }
  char *begin = options->workspace, *end = begin + options->workspace_size;
  context->exec.arena = align(begin);
  char *surplus = arena ? context->exec.arena + arena : begin;
  char *aligned = align(surplus);
  if (scratch && aligned < end && scratch <= (size_t)(end - aligned)) {
    context->exec.scratch = aligned;
    surplus = aligned + scratch;
    scratch = 0;
  }
  tn_region_init(&context->region, surplus, surplus < end ? (size_t)(end - surplus) : 0);
  return make_scratch(context, scratch);
}

/* Per-run tables, in one block: wide elements first. */
static tenon_status make_tables(tenon_context *context) {
  const tenon_model_desc *desc = context->model->desc;
  size_t inputs = (size_t)desc->num_inputs, outputs = (size_t)desc->num_outputs;
  size_t symbols = (size_t)desc->num_symbols;
  size_t input_dims = (size_t)context->model->total_input_dims;
  size_t output_dims = (size_t)context->model->total_output_dims;
  context->outputs =
      calloc(1, outputs * sizeof(tn_output) + inputs * (sizeof(void *) + sizeof(size_t)) +
                    (input_dims + output_dims + symbols) * sizeof(int64_t) +
                    symbols * sizeof(int32_t) + 1);
  if (!context->outputs)
    return no_memory(context, "the tables");
  context->input_data = (void **)(context->outputs + outputs);
  context->input_bytes = (size_t *)(context->input_data + inputs);
  context->input_dims = (int64_t *)(context->input_bytes + inputs);
  int64_t *dims = context->input_dims + input_dims;
  for (size_t i = 0; i < outputs; ++i) {
    context->outputs[i].dims = dims;
    dims += tn_rank(&desc->outputs[i]);
  }
  context->symbols = dims;
  context->binders = (int32_t *)(context->symbols + symbols);
  return TENON_OK;
}

/* The creating thread is worker 0: it is pinned as well, and remembers where it was allowed. */
static tenon_status pin_caller(tenon_context *context, int cpu) {
  cpu_set_t *saved = malloc(sizeof *saved);
  if (!saved)
    return no_memory(context, "the CPU set");
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_getaffinity(0, sizeof *saved, saved) || sched_setaffinity(0, sizeof set, &set)) {
    free(saved);
    return tn_fail(TENON_INVALID_ARGUMENT, "options: pin_threads: CPU %d is refused", cpu);
  }
  context->saved_cpus = saved;
  context->pinned_thread = gettid();
  return TENON_OK;
}

static tenon_status make_threads(tenon_context *context, const tenon_context_options *options) {
  if (options->parallel_for) {
    context->parallel_for = options->parallel_for;
    context->parallel_for_user = options->parallel_for_user;
    context->exec.threads = options->parallel_for_width;
    return TENON_OK;
  }
  int threads = options->threads ? options->threads : tn_default_threads();
  context->exec.threads = threads;
  if (!options->pin_threads) {
    context->pool = tn_pool_create(threads, NULL);
  } else {
    const int *cpus;
    int available = tn_cpus(&cpus, NULL);
    int *chosen = malloc((size_t)threads * sizeof *chosen);
    if (!chosen)
      return no_memory(context, "the CPU list");
    for (int i = 0; i < threads; ++i)
      chosen[i] = cpus[(options->pin_first + i) % available];
    tenon_status status = pin_caller(context, chosen[0]);
    if (!status)
      context->pool = tn_pool_create(threads, chosen);
    free(chosen);
    if (status)
      return status;
  }
  if (!context->pool)
    return tn_fail(TENON_OUT_OF_MEMORY, "cannot create %d threads", threads);
  return TENON_OK;
}

tenon_status tenon_context_create(const tenon_model *model, const tenon_context_options *options,
                                  tenon_context **result) {
  static const tenon_context_options defaults;
  if (!model || !result)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_context_create: %s is null",
                   model ? "context" : "model");
  if (!options)
    options = &defaults;
  tenon_status status = check_options(model, options);
  if (status)
    return status;
  tenon_context *context = calloc(1, sizeof *context);
  if (!context)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for a context");
  context->model = model;
  context->stream = options->stream;
  context->exec.weights = model->variant->weights;
  context->exec.host_weights = model->variant->weights;
  status = make_tables(context);
  context->exec.inputs = context->input_data;
  context->exec.input_dims = context->input_dims;
  if (!status)
    status = tn_make_strings(context);
  if (!status)
    status = make_threads(context, options);
  if (!status) /* its size depends on the threads */
    status = make_workspace(context, options);
  tn_install_services(&context->exec);
  bool known;
  const tn_device_kind *device = tn_device_of(model->variant, &known);
  if (!status && device)
    status = device->open(context);
  if (status) {
    tenon_context_free(context);
    return status;
  }
  *result = context;
  return TENON_OK;
}

void tenon_context_free(tenon_context *context) {
  if (!context)
    return;
  bool known;
  const tn_device_kind *device = tn_device_of(context->model->variant, &known);
  if (device)
    device->close(context);
  tn_pool_free(context->pool);
  if (context->pinned_thread && context->pinned_thread == gettid())
    sched_setaffinity(0, sizeof(cpu_set_t), context->saved_cpus);
  free(context->saved_cpus);
  if (context->outputs)
    for (int32_t i = 0; i < context->model->desc->num_outputs; ++i) {
      free(context->outputs[i].buffer.data);
      free(context->outputs[i].other.data);
    }
  free(context->outputs);
  tn_free_strings(context->strings, context->model->desc->num_inputs);
  tn_region_free(&context->region);
  free(context->own_arena);
  free(context->own_scratch);
  tn_profile_free(context->profile);
  free(context);
}

int32_t tenon_context_threads(const tenon_context *context) {
  return (int32_t)context->exec.threads;
}
