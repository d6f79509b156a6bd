/* Loading a model: check the file, map it, read the descriptor, choose the code for this CPU.
 * What the caller may ask about the model is prepared here once, so that queries are plain reads.
 */
#include "runtime/checksum.h"
#include "runtime/device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether there is what a variant asks for; if not, `why` says what is in the way, or nothing. */
static bool has(const tn_device_kind *device, const char *feature, char *why, size_t size) {
  why[0] = 0;
  if (device && device->knows(feature))
    return device->has(feature, why, size);
  return tn_cpu_has(feature) && tn_cpu_enable(feature);
}

static bool supports(const tenon_variant_desc *variant) {
  bool known;
  const tn_device_kind *device = tn_device_of(variant, &known);
  char why[512];
  if (!known)
    return false;
  for (const char *const *feature = variant->features; *feature; ++feature)
    if (!has(device, *feature, why, sizeof why))
      return false;
  return true;
}

/* The features that a variant misses here. */
static size_t describe_features(const tenon_variant_desc *variant, const tn_device_kind *device,
                                char *text, size_t size) {
  size_t used = 0;
  const char *separator = " needs ";
  char why[512];
  for (const char *const *f = variant->features; *f && used < size; ++f) {
    if (has(device, *f, why, sizeof why))
      continue;
    used += (size_t)snprintf(text + used, size - used, *why ? "%s%s (%s)" : "%s%s%s", separator, *f,
                             why);
    separator = ", ";
  }
  return used;
}

/* "cpu:x86-64-v4 needs avx512f, avx512bw; cpu:x86-64-v3 needs avx2": what each variant misses. */
static void describe_missing(const tenon_model_desc *desc, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int32_t i = 0; i < desc->num_variants && used < size; ++i) {
    const tenon_variant_desc *variant = &desc->variants[i];
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "; " : "", variant->target);
    if (used >= size)
      return;
    bool known;
    const tn_device_kind *device = tn_device_of(variant, &known);
    if (known)
      used += describe_features(variant, device, text + used, size - used);
    else
      used +=
          (size_t)snprintf(text + used, size - used, " needs a device of kind %d", variant->device);
  }
}

static tenon_status choose_variant(tenon_model *model) {
  const tenon_model_desc *desc = model->desc;
  for (int32_t i = 0; i < desc->num_variants && !model->variant; ++i)
    if (supports(&desc->variants[i]))
      model->variant = &desc->variants[i];
  if (model->variant)
    return TENON_OK;
  char missing[1024];
  describe_missing(desc, missing, sizeof missing);
  bool only_cpus = true;
  for (int32_t i = 0; i < desc->num_variants; ++i)
    only_cpus &= desc->variants[i].device == TENON_DEVICE_CPU;
  return tn_fail(TENON_UNSUPPORTED_CPU, "model '%s' cannot run on this %s: %s", desc->name,
                 only_cpus ? "CPU" : "machine", missing);
}

/* Of what is a tensor in a run. */
static int64_t total_rank(const tenon_tensor_desc *tensors, int32_t count) {
  int64_t total = 0;
  for (int32_t i = 0; i < count; ++i)
    total += tn_rank(&tensors[i]);
  return total;
}

/* Of all tensors, those inside of others, too. */
static int64_t total_described(const tenon_tensor_desc *tensors, int32_t count) {
  int64_t total = 0;
  for (int32_t i = 0; i < count; ++i)
    total += tensors[i].rank < 0 ? 0 : tensors[i].rank;
  return total;
}

static tenon_dim_info *describe(const tenon_model_desc *desc, const tenon_tensor_desc *tensors,
                                int32_t count, tenon_tensor_info *infos, tenon_dim_info *dims) {
  for (int32_t i = 0; i < count; ++i) {
    infos[i].name = tensors[i].name;
    infos[i].dtype = tensors[i].dtype;
    infos[i].rank = tensors[i].rank;
    infos[i].dims = dims;
    infos[i].kinds = tensors[i].kinds;
    infos[i].num_kinds = tensors[i].num_kinds;
    infos[i].key_dtype = tensors[i].key_dtype;
    infos[i].keys = tensors[i].keys;
    infos[i].num_keys = tensors[i].num_keys;
    for (int32_t d = 0; d < tensors[i].rank; ++d, ++dims) {
      const tenon_dim_desc *dim = &tensors[i].dims[d];
      bool named = dim->value < 0 && dim->symbol >= 0 && dim->symbol < desc->num_symbols;
      dims->value = dim->value;
      dims->symbol = named ? desc->symbols[dim->symbol] : NULL;
    }
  }
  return dims;
}

/* One block holds all signatures: the tensors, then their dimensions. */
static tenon_status describe_signature(tenon_model *model) {
  const tenon_model_desc *desc = model->desc;
  size_t tensors = (size_t)desc->num_inputs + (size_t)desc->num_outputs;
  model->total_input_dims = total_rank(desc->inputs, desc->num_inputs);
  model->total_output_dims = total_rank(desc->outputs, desc->num_outputs);
  size_t dims = (size_t)(total_described(desc->inputs, desc->num_inputs) +
                         total_described(desc->outputs, desc->num_outputs));
  model->infos = malloc(tensors * sizeof(tenon_tensor_info) + dims * sizeof(tenon_dim_info) + 1);
  if (!model->infos)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for model '%s'", desc->name);
  tenon_dim_info *next = (tenon_dim_info *)(model->infos + tensors);
  next = describe(desc, desc->inputs, desc->num_inputs, model->infos, next);
  describe(desc, desc->outputs, desc->num_outputs, model->infos + desc->num_inputs, next);
  return TENON_OK;
}

static tenon_status load_on_device(tenon_model *model) {
  bool known;
  const tn_device_kind *device = tn_device_of(model->variant, &known);
  return device ? device->load(model) : TENON_OK;
}

/* Takes over `library`, also when it fails. */
static tenon_status make_model(const tenon_model_desc *desc, void *library, const char *origin,
                               tenon_model **result) {
  tenon_model *model = calloc(1, sizeof *model);
  tenon_status status = TENON_OK;
  if (!model) {
    if (library)
      dlclose(library);
    return tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory for the model", origin);
  }
  model->library = library;
  status = tn_read_desc(desc, origin, &model->chunks, &model->desc);
  if (!status)
    status = choose_variant(model);
  if (!status)
    status = describe_signature(model);
  if (!status)
    status = tn_make_string_table(model->desc, &model->strings);
  if (!status)
    status = load_on_device(model);
  if (status)
    tenon_model_free(model);
  else
    *result = model;
  return status;
}

static tenon_status load(const char *path, tenon_model **model) {
  uint64_t checksum = 0;
  tenon_status status = tn_check_library(path, "tenon_model", &checksum);
  if (status)
    return status;

  void *library = NULL;
  status = tn_open_library(path, &library);
  if (status)
    return status;
  const tenon_model_desc *desc = dlsym(library, "tenon_model");
  if (!desc) {
    dlclose(library);
    return tn_fail(TENON_INVALID_MODEL, "%s: not a Tenon model: no symbol 'tenon_model'", path);
  }
  status = make_model(desc, library, path, model);
  if (!status)
    (*model)->code_checksum = checksum;
  return status;
}

tenon_status tenon_model_load(const char *path, tenon_model **model) {
  return tenon_model_load_with(path, NULL, model);
}

tenon_status tenon_model_load_with(const char *path, const tenon_load_options *options,
                                   tenon_model **model) {
  if (!path || !model)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_model_load: %s is null", path ? "model" : "path");
  tenon_model *loaded = NULL;
  tenon_status status = load(path, &loaded);
  if (!status && options && options->check_weights)
    status = tenon_model_check_weights(loaded);
  if (status)
    tenon_model_free(loaded);
  else
    *model = loaded;
  return status;
}

tenon_status tenon_model_from_desc(const tenon_model_desc *desc, tenon_model **model) {
  if (!desc || !model)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_model_from_desc: %s is null",
                   desc ? "model" : "desc");
  return make_model(desc, NULL, "linked model", model);
}

tenon_status tenon_model_check_weights(const tenon_model *model) {
  const tenon_variant_desc *variant = model->variant;
  if (!variant->weights_bytes)
    return TENON_OK;
  uint64_t value = tn_checksum_of(variant->weights, (size_t)variant->weights_bytes);
  if (value == model->desc->weights_checksum)
    return TENON_OK;
  return tn_fail(TENON_INVALID_MODEL,
                 "model '%s' is damaged: its weights have the checksum %016llx, not %016llx",
                 model->desc->name, (unsigned long long)value,
                 (unsigned long long)model->desc->weights_checksum);
}

void tenon_model_free(tenon_model *model) {
  if (!model)
    return;
  bool known;
  const tn_device_kind *device = model->variant ? tn_device_of(model->variant, &known) : NULL;
  if (device)
    device->unload(model);
  free(model->infos);
  tn_free_string_table(model->strings);
  tn_free_chunks(model->chunks);
  if (model->library)
    dlclose(model->library);
  free(model);
}

const char *tenon_model_name(const tenon_model *model) { return model->desc->name; }
const char *tenon_model_target(const tenon_model *model) { return model->variant->target; }
int32_t tenon_model_has_device(const tenon_model *model) { return model->device != NULL; }
const char *tenon_model_compiler_version(const tenon_model *model) {
  return model->desc->compiler_version;
}
uint64_t tenon_model_checksum(const tenon_model *model) { return model->desc->checksum; }
uint64_t tenon_model_code_checksum(const tenon_model *model) { return model->code_checksum; }
uint64_t tenon_model_weights_checksum(const tenon_model *model) {
  return model->desc->weights_checksum;
}
int32_t tenon_model_num_inputs(const tenon_model *model) { return model->desc->num_inputs; }
int32_t tenon_model_num_outputs(const tenon_model *model) { return model->desc->num_outputs; }

const tenon_tensor_info *tenon_model_input(const tenon_model *model, int32_t index) {
  return index >= 0 && index < model->desc->num_inputs ? &model->infos[index] : NULL;
}

const tenon_tensor_info *tenon_model_output(const tenon_model *model, int32_t index) {
  return index >= 0 && index < model->desc->num_outputs
             ? &model->infos[model->desc->num_inputs + index]
             : NULL;
}

static int32_t find(const tenon_tensor_info *infos, int32_t count, const char *name) {
  for (int32_t i = 0; i < count; ++i)
    if (strcmp(infos[i].name, name) == 0)
      return i;
  return -1;
}

int32_t tenon_model_find_input(const tenon_model *model, const char *name) {
  return find(model->infos, model->desc->num_inputs, name);
}

int32_t tenon_model_find_output(const tenon_model *model, const char *name) {
  return find(model->infos + model->desc->num_inputs, model->desc->num_outputs, name);
}

int32_t tenon_model_num_states(const tenon_model *model) { return model->desc->num_states; }

tenon_status tenon_model_state(const tenon_model *model, int32_t index, tenon_state_info *info) {
  if (index < 0 || index >= model->desc->num_states)
    return tn_fail(TENON_INVALID_ARGUMENT, "no state %d: model '%s' has %d", index,
                   model->desc->name, model->desc->num_states);
  const tenon_state_desc *state = &model->desc->states[index];
  *info = (tenon_state_info){state->input, state->output};
  return TENON_OK;
}

int64_t tenon_model_num_kernels(const tenon_model *model) { return model->variant->num_kernels; }

tenon_status tenon_model_kernel(const tenon_model *model, int64_t index, tenon_kernel_info *info) {
  if (index < 0 || index >= model->variant->num_kernels)
    return tn_fail(TENON_INVALID_ARGUMENT, "no kernel %lld: model '%s' has %lld", (long long)index,
                   model->desc->name, (long long)model->variant->num_kernels);
  const tenon_kernel_desc *kernel = &model->variant->kernels[index];
  *info = (tenon_kernel_info){kernel->name, kernel->nodes ? kernel->nodes : "", kernel->flops,
                              kernel->bytes};
  return TENON_OK;
}

const char *tenon_model_kernel_precision(const tenon_model *model, int64_t index) {
  if (index < 0 || index >= model->variant->num_kernels)
    return NULL;
  const char *precision = model->variant->kernels[index].precision;
  return precision ? precision : "";
}

tenon_status tenon_model_kernel_usage(const tenon_model *model, int64_t index,
                                      tenon_kernel_usage *usage) {
  if (index < 0 || index >= model->variant->num_kernels)
    return tn_fail(TENON_INVALID_ARGUMENT, "model '%s' has no kernel %lld", model->desc->name,
                   (long long)index);
  const tenon_kernel_desc *kernel = &model->variant->kernels[index];
  *usage = (tenon_kernel_usage){kernel->block_threads, kernel->registers, kernel->spilled_bytes,
                                kernel->shared_bytes, kernel->resident_blocks};
  return TENON_OK;
}

size_t tn_host_arena(const tenon_model *model) {
  return model->device ? 0 : (size_t)model->variant->arena_bytes;
}

size_t tenon_model_workspace_size(const tenon_model *model) {
  // The caller's memory may begin anywhere: room to align the arena.
  size_t arena = tn_host_arena(model);
  return arena ? arena + TN_ALIGNMENT - 1 : 0;
}

size_t tenon_model_scratch_size(const tenon_model *model, int32_t threads) {
  int64_t most = 0;
  for (int64_t i = 0; i < model->variant->num_kernels; ++i) {
    const tenon_kernel_desc *kernel = &model->variant->kernels[i];
    int64_t tasks = kernel->max_tasks && kernel->max_tasks < threads ? kernel->max_tasks : threads;
    int64_t bytes;
    if (__builtin_mul_overflow(kernel->scratch_bytes, tasks, &bytes))
      return SIZE_MAX;
    most = bytes > most ? bytes : most;
  }
  return (size_t)most;
}

size_t tenon_model_weights_size(const tenon_model *model) {
  return (size_t)model->variant->weights_bytes;
}
