/* Reads a model's descriptor into memory of the runtime's own.
 *
 * Of two sides of one version, one may know more fields than the other (abi.h). So each structure
 * is copied as far as both know it, and what the model does not say is zero: the rest of the
 * runtime sees its own structures, in arrays that it steps through as C does. Strings, code and
 * weights stay where they are.
 *
 * What no compiler writes is refused: of a file it would be a forged checksum, of a linked model
 * damage. */
#include "runtime/device.h"

#include <stdlib.h>
#include <string.h>

/* No model comes near these; sums of them do not overflow. */
static const int32_t MAX_RANK = 1 << 16;
static const int64_t MAX_BYTES = INT64_C(1) << 56;
static const uint32_t MAX_ELEMENT = 1 << 12;
static const int32_t MAX_ARGUMENTS = 1 << 16;
static const int32_t MAX_THREADS = 1024;
static const int32_t MAX_SHARED_BYTES = 1 << 20;
static const int64_t MAX_STRINGS = INT64_C(1) << 31;

struct tn_chunk {
  tn_chunk *next;
  uint64_t data[];
};

void tn_free_chunks(tn_chunk *chunks) {
  while (chunks) {
    tn_chunk *next = chunks->next;
    free(chunks);
    chunks = next;
  }
}

tenon_status tn_wrong_version(const char *origin, uint32_t version) {
  return tn_fail(TENON_WRONG_VERSION,
                 "%s: compiled for version %u of the runtime interface; this runtime has %d",
                 origin, version, TENON_ABI_VERSION);
}

/* A copy in the making. */
typedef struct reader {
  const char *origin;
  tenon_model_desc *desc; /* its arrays become copies one by one */
  tn_chunk **chunks;
  tenon_status status; /* the first failure */
} reader;

static void damaged(reader *r, const char *what, int64_t value) {
  if (!r->status)
    r->status =
        tn_fail(TENON_INVALID_MODEL, "%s: damaged: %s is %lld", r->origin, what, (long long)value);
}

/* Zeros; NULL if there is no memory. */
static void *take(reader *r, size_t bytes) {
  tn_chunk *chunk = calloc(1, sizeof *chunk + bytes);
  if (!chunk) {
    r->status = tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory for its description", r->origin);
    return NULL;
  }
  chunk->next = *r->chunks;
  *r->chunks = chunk;
  return chunk->data;
}

/* Elements of `size` bytes as ones of `known` bytes. NULL if there are none, or after a failure. */
static void *copy_array(reader *r, const void *elements, int64_t count, uint32_t size,
                        size_t known) {
  if (r->status || !count)
    return NULL;
  if (!size || size % 8 || size > MAX_ELEMENT) {
    damaged(r, "the size of an element", size);
    return NULL;
  }
  char *copy = take(r, (size_t)count * known);
  for (int64_t i = 0; copy && i < count; ++i)
    memcpy(copy + (size_t)i * known, (const char *)elements + (size_t)i * size,
           size < known ? size : known);
  return copy;
}

static void read_dims(reader *r, tenon_tensor_desc *tensor) {
  tenon_dim_desc *dims =
      copy_array(r, tensor->dims, tensor->rank, r->desc->dim_size, sizeof *tensor->dims);
  tensor->dims = dims;
  for (int32_t d = 0; d < tensor->rank && !r->status; ++d) {
    if (dims[d].value < -1)
      damaged(r, "a dimension of a tensor", dims[d].value);
    if (dims[d].symbol < -1 || dims[d].symbol >= r->desc->num_symbols)
      damaged(r, "the symbol of a dimension", dims[d].symbol);
  }
}

/* What is around a tensor: an optional, then a sequence, then a map, of which each may be missing.
 */
static void check_kinds(reader *r, const tenon_tensor_desc *tensor) {
  static const int32_t places[] = {
      [TENON_KIND_OPTIONAL] = 1, [TENON_KIND_SEQUENCE] = 2, [TENON_KIND_MAP] = 3};
  if (tensor->num_kinds < 0 || tensor->num_kinds > 3 || (tensor->num_kinds && !tensor->kinds))
    damaged(r, "the number of kinds of a value", tensor->num_kinds);
  int32_t place = 0;
  for (int32_t i = 0; i < tensor->num_kinds && !r->status; ++i) {
    int32_t kind = tensor->kinds[i];
    bool is_known = kind >= TENON_KIND_SEQUENCE && kind <= TENON_KIND_MAP;
    if (!is_known || places[kind] <= place) {
      damaged(r, "the kind of a value", kind);
      return;
    }
    place = places[kind];
  }
  bool has_keys = place == places[TENON_KIND_MAP];
  bool is_known = tensor->key_dtype == TENON_INT64 || tensor->key_dtype == TENON_STRING;
  if (tensor->num_kinds && tenon_dtype_bits(tensor->dtype) % 8)
    damaged(r, "the element type of a value", tensor->dtype);
  if (has_keys ? !is_known : tensor->key_dtype != 0)
    damaged(r, "the type of keys", tensor->key_dtype);
}

static void check_table(reader *r, const tenon_tensor_desc *table) {
  if (table->num_keys < 0 || table->dims[1].value != table->num_keys ||
      (table->num_keys && !table->keys))
    damaged(r, "the number of keys", table->num_keys);
  const tenon_string *names = table->keys;
  for (int64_t i = 0; i < table->num_keys && !r->status; ++i)
    if (table->key_dtype == TENON_STRING && (!names[i].data || (int64_t)names[i].bytes < 0))
      damaged(r, "a key", i);
}

static const tenon_tensor_desc *read_tensors(reader *r, const tenon_tensor_desc *given,
                                             int32_t count) {
  tenon_tensor_desc *tensors = copy_array(r, given, count, r->desc->tensor_size, sizeof *tensors);
  for (int32_t i = 0; i < count && !r->status; ++i) {
    tenon_tensor_desc *tensor = &tensors[i];
    if (!tensor->name)
      damaged(r, "the name of a tensor", 0);
    if (!tenon_dtype_bits(tensor->dtype) ||
        (tensor->dtype == TENON_STRING && !r->desc->num_strings))
      damaged(r, "the element type of a tensor", tensor->dtype);
    check_kinds(r, tensor);
    int32_t least = tensor->num_kinds ? -1 : 0;
    if (tensor->rank < least || tensor->rank > MAX_RANK || (tensor->rank > 0 && !tensor->dims))
      damaged(r, "the rank of a tensor", tensor->rank);
    if (tensor->rank > 0)
      read_dims(r, tensor);
    if (!r->status && tn_is_table(tensor))
      check_table(r, tensor);
  }
  return tensors;
}

static bool have_one_shape(const tenon_tensor_desc *a, const tenon_tensor_desc *b) {
  if (a->num_kinds || b->num_kinds || a->dtype != b->dtype || a->rank != b->rank)
    return false;
  for (int32_t d = 0; d < a->rank; ++d)
    if (a->dims[d].value != b->dims[d].value || a->dims[d].symbol != b->dims[d].symbol)
      return false;
  return true;
}

/* After the tensors: a state is an input and an output that may share memory. */
static void read_states(reader *r) {
  const tenon_model_desc *desc = r->desc;
  tenon_state_desc *states =
      copy_array(r, desc->states, desc->num_states, desc->state_size, sizeof *states);
  r->desc->states = states;
  for (int32_t i = 0; i < desc->num_states && !r->status; ++i) {
    if (states[i].input < 0 || states[i].input >= desc->num_inputs)
      damaged(r, "the input of a state", states[i].input);
    else if (states[i].output < 0 || states[i].output >= desc->num_outputs)
      damaged(r, "the output of a state", states[i].output);
    else if (!have_one_shape(&desc->inputs[states[i].input], &desc->outputs[states[i].output]))
      damaged(r, "the input of a state, unlike its output,", states[i].input);
    for (int32_t j = 0; j < i && !r->status; ++j)
      if (states[j].input == states[i].input || states[j].output == states[i].output)
        damaged(r, "the second state of an input or output", i);
  }
}

/* What the driver does not check itself. */
static void check_map(reader *r, const tenon_kernel_desc *kernel,
                      const tenon_tensor_map_desc *map) {
  if (map->arg < 0 || map->arg >= kernel->num_args)
    damaged(r, "the buffer of a tensor map", map->arg);
  if (map->rank < 1 || map->rank > TENON_MAP_RANK)
    damaged(r, "the rank of a tensor map", map->rank);
  uint64_t values = 0;
  for (int64_t i = 0; i < TENON_MAP_RANK; ++i)
    values |= map->sizes[i].values | (i ? map->strides[i - 1].values : 0);
  if (kernel->num_args < 64 && values >> kernel->num_args)
    damaged(r, "an argument of a tensor map", (int64_t)values);
}

static void check_maps(reader *r, const tenon_kernel_desc *kernel) {
  if (kernel->num_maps < 0 || kernel->num_maps > TENON_KERNEL_MAPS ||
      (kernel->num_maps && !kernel->maps))
    damaged(r, "the number of tensor maps of a kernel", kernel->num_maps);
  for (int32_t i = 0; i < kernel->num_maps && !r->status; ++i)
    check_map(r, kernel, &kernel->maps[i]);
}

static void check_device_kernel(reader *r, const tenon_kernel_desc *kernel) {
  if (!kernel->name || !kernel->entry)
    damaged(r, "a pointer of a kernel", 0);
  if (kernel->num_args < 0 || kernel->num_args > MAX_ARGUMENTS)
    damaged(r, "the number of arguments of a kernel", kernel->num_args);
  if (kernel->block_threads < 1 || kernel->block_threads > MAX_THREADS)
    damaged(r, "the number of threads of a block", kernel->block_threads);
  if (kernel->launch_shared_bytes < 0 || kernel->launch_shared_bytes > MAX_SHARED_BYTES)
    damaged(r, "the shared memory of a block", kernel->launch_shared_bytes);
  check_maps(r, kernel);
}

/* Before the tensors. The table stays where it is. */
static void check_strings(reader *r) {
  const tenon_model_desc *desc = r->desc;
  if (desc->num_strings < 0 || desc->num_strings > MAX_STRINGS ||
      (desc->num_strings && (!desc->string_bytes || !desc->string_ends)))
    damaged(r, "the number of strings", desc->num_strings);
  for (int64_t i = 0; i < desc->num_strings && !r->status; ++i)
    if (desc->string_ends[i] < (i ? desc->string_ends[i - 1] : 0) ||
        desc->string_ends[i] > (i ? MAX_BYTES : 0))
      damaged(r, "the end of a string", desc->string_ends[i]);
}

static void read_kernels(reader *r, tenon_variant_desc *variant) {
  tenon_kernel_desc *kernels =
      copy_array(r, variant->kernels, variant->num_kernels, r->desc->kernel_size, sizeof *kernels);
  variant->kernels = kernels;
  for (int64_t i = 0; i < variant->num_kernels && !r->status; ++i) {
    bool is_gpus = kernels[i].kind == TENON_KERNEL_CUDA && variant->device == TENON_DEVICE_CUDA;
    if (is_gpus)
      check_device_kernel(r, &kernels[i]);
    else if (kernels[i].kind != TENON_KERNEL_FUNCTION)
      damaged(r, "the kind of a kernel", kernels[i].kind);
    else if (!kernels[i].fn || !kernels[i].name)
      damaged(r, "a pointer of a kernel", 0);
    if (kernels[i].scratch_bytes < 0 || kernels[i].scratch_bytes > MAX_BYTES ||
        kernels[i].scratch_bytes % TN_ALIGNMENT)
      damaged(r, "the scratch memory of a kernel", kernels[i].scratch_bytes);
    if (kernels[i].max_tasks < 0)
      damaged(r, "the number of tasks of a kernel", kernels[i].max_tasks);
  }
}

static void read_variant(reader *r, tenon_variant_desc *variant) {
  if (!variant->target)
    damaged(r, "a pointer of a variant", 0);
  bool known;
  tn_device_of(variant, &known);
  if (!known)
    return; /* passed over: what else it says is not for this runtime */
  if (!variant->features || !variant->run)
    damaged(r, "a pointer of a variant", 0);
  if (variant->arena_bytes < 0 || variant->arena_bytes > MAX_BYTES)
    damaged(r, "the size of the arena", variant->arena_bytes);
  if (variant->weights_bytes < 0 || variant->weights_bytes > MAX_BYTES ||
      (variant->weights_bytes && !variant->weights))
    damaged(r, "the size of the weights", variant->weights_bytes);
  if (variant->num_kernels < 0 || variant->num_kernels > INT32_MAX ||
      (variant->num_kernels && !variant->kernels))
    damaged(r, "the number of kernels", variant->num_kernels);
  if (variant->code && (variant->code_bytes < 1 || variant->code_bytes > MAX_BYTES ||
                        variant->code[variant->code_bytes - 1]))
    damaged(r, "the size of the code for a device", variant->code_bytes);
  if (variant->binary_bytes < 0 || variant->binary_bytes > MAX_BYTES ||
      (variant->binary_bytes && !variant->binary))
    damaged(r, "the size of the machine code for a device", variant->binary_bytes);
  read_kernels(r, variant);
}

static const tenon_variant_desc *read_variants(reader *r) {
  tenon_variant_desc *variants = copy_array(r, r->desc->variants, r->desc->num_variants,
                                            r->desc->variant_size, sizeof *variants);
  for (int32_t i = 0; i < r->desc->num_variants && !r->status; ++i)
    read_variant(r, &variants[i]);
  return variants;
}

static void read_arrays(reader *r) {
  tenon_model_desc *desc = r->desc;
  if (!desc->name || !desc->compiler_version || !desc->variants ||
      (desc->num_inputs && !desc->inputs) || (desc->num_outputs && !desc->outputs) ||
      (desc->num_symbols && !desc->symbols) || (desc->num_states && !desc->states))
    damaged(r, "a pointer of its descriptor", 0);
  for (int32_t i = 0; i < desc->num_symbols && !r->status; ++i)
    if (!desc->symbols[i])
      damaged(r, "the name of a symbol", 0);
  check_strings(r);
  desc->inputs = read_tensors(r, desc->inputs, desc->num_inputs);
  for (int32_t i = 0; i < desc->num_inputs && !r->status; ++i)
    if (tn_is_table(&desc->inputs[i]))
      damaged(r, "the number of an input that is a table", i);
  desc->outputs = read_tensors(r, desc->outputs, desc->num_outputs);
  read_states(r);
  desc->variants = read_variants(r);
}

/* The fields before the first that may be missing. */
static tenon_status check_head(const tenon_model_desc *given, const char *origin) {
  if (memcmp(given->magic, TENON_MAGIC, sizeof given->magic) != 0)
    return tn_fail(TENON_INVALID_MODEL, "%s: not a Tenon model: its descriptor has another mark",
                   origin);
  if (given->abi_version != TENON_ABI_VERSION)
    return tn_wrong_version(origin, given->abi_version);
  if (given->size < offsetof(tenon_model_desc, name) || given->size % 8)
    return tn_fail(TENON_INVALID_MODEL, "%s: damaged: its descriptor has %u bytes", origin,
                   given->size);
  if (given->exec_size > sizeof(tenon_exec))
    return tn_fail(TENON_WRONG_VERSION,
                   "%s: compiled for a later runtime: it may use %u bytes of tenon_exec; this "
                   "runtime has %zu",
                   origin, given->exec_size, sizeof(tenon_exec));
  return TENON_OK;
}

tenon_status tn_read_desc(const tenon_model_desc *given, const char *origin, tn_chunk **chunks,
                          const tenon_model_desc **result) {
  reader r = {origin, NULL, chunks, check_head(given, origin)};
  if (r.status || !(r.desc = take(&r, sizeof *r.desc)))
    return r.status;
  memcpy(r.desc, given, given->size < sizeof *given ? given->size : sizeof *given);
  if (r.desc->num_inputs < 0 || r.desc->num_outputs < 0 || r.desc->num_symbols < 0 ||
      r.desc->num_variants < 1 || r.desc->num_states < 0 ||
      r.desc->num_states > r.desc->num_inputs || r.desc->num_states > r.desc->num_outputs)
    return tn_fail(TENON_INVALID_MODEL, "%s: damaged: its descriptor has impossible counts",
                   origin);
  read_arrays(&r);
  if (!r.status)
    *result = r.desc;
  return r.status;
}
