/* Tensor maps: what a kernel's copies of boxes of a tensor go by. The driver writes them for an
 * address and sizes; a context keeps those that it made last, since most addresses are the same in
 * every run. Graphs have copies of their own. */
#include "runtime/cuda/objects.h"

#include <string.h>

/* Of the driver's enumerations. */
enum {
  INTERLEAVE_NONE = 0,
  SWIZZLE_NONE = 0,
  SWIZZLE_32_BYTES = 1,
  SWIZZLE_64_BYTES = 2,
  SWIZZLE_128_BYTES = 3,
  PROMOTION_256_BYTES = 3, /* the least that the second cache reads */
  FILL_ZEROS = 0,
  LEAST_STRIDE = 16 /* in bytes */
};

static uint64_t evaluate(const tenon_size_desc *size, void *const *args) {
  uint64_t value = (uint64_t)size->factor;
  for (uint64_t rest = size->values; rest; rest &= rest - 1)
    value *= (uint64_t)(intptr_t)args[__builtin_ctzll(rest)];
  return value;
}

/* Nothing is read of a tensor without elements, but the driver takes no such sizes. */
static struct tn_cu_map_key make_key(const tenon_tensor_map_desc *desc, void *const *args) {
  struct tn_cu_map_key key;
  memset(&key, 0, sizeof key); // keys are compared as bytes
  key.desc = desc;
  key.address = (uintptr_t)args[desc->arg] + (uint64_t)desc->offset;
  for (int64_t i = 0; i < desc->rank; ++i) {
    uint64_t size = evaluate(&desc->sizes[i], args);
    key.sizes[i] = size ? size : 1;
    uint64_t stride = i ? evaluate(&desc->strides[i - 1], args) : 0;
    if (i)
      key.strides[i - 1] = stride ? stride : LEAST_STRIDE;
  }
  return key;
}

static tn_cu_made_map *place_of(const tenon_context *context, const struct tn_cu_map_key *key) {
  uint64_t hash = 0, words[sizeof *key / sizeof(uint64_t)];
  memcpy(words, key, sizeof words);
  for (size_t i = 0; i < sizeof words / sizeof *words; ++i)
    hash = (hash ^ words[i] ^ words[i] >> 29) * UINT64_C(0x9e3779b97f4a7c15);
  return &context->device->maps[(hash >> 32) % TN_CU_MAPS];
}

static int swizzle_of(int64_t row_bytes) {
  return row_bytes == 128  ? SWIZZLE_128_BYTES
         : row_bytes == 64 ? SWIZZLE_64_BYTES
         : row_bytes == 32 ? SWIZZLE_32_BYTES
                           : SWIZZLE_NONE;
}

static tn_cu_result encode(const tn_cu_driver *driver, const struct tn_cu_map_key *key,
                           tn_cu_tensor_map *map) {
  const tenon_tensor_map_desc *desc = key->desc;
  void *address = (void *)(uintptr_t)key->address;
  int type = (int)desc->type, swizzle = swizzle_of(desc->row_bytes);
  uint32_t rank = (uint32_t)desc->rank, box[TENON_MAP_RANK], steps[TENON_MAP_RANK];
  for (int i = 0; i < TENON_MAP_RANK; ++i) {
    box[i] = (uint32_t)desc->box[i];
    steps[i] = (uint32_t)desc->steps[i];
  }
  if (!desc->is_im2col)
    return driver->encode_tiled(map, type, rank, address, key->sizes, key->strides, box, steps,
                                INTERLEAVE_NONE, swizzle, PROMOTION_256_BYTES, FILL_ZEROS);
  int lower[TENON_MAP_SPATIAL_RANK] = {0}, upper[TENON_MAP_SPATIAL_RANK];
  for (int i = 0; i < TENON_MAP_SPATIAL_RANK; ++i)
    upper[i] = -(int)desc->reach[i];
  return driver->encode_im2col(map, type, rank, address, key->sizes, key->strides, lower, upper,
                               box[0], box[1], steps, INTERLEAVE_NONE, swizzle, PROMOTION_256_BYTES,
                               FILL_ZEROS);
}

tenon_status tn_cu_make_map(const tenon_context *context, const tenon_tensor_map_desc *desc,
                            void *const *args, tn_cu_tensor_map *map) {
  struct tn_device_model *device = context->model->device;
  struct tn_cu_map_key key = make_key(desc, args);
  tn_cu_made_map *made = place_of(context, &key);
  if (memcmp(&made->key, &key, sizeof key)) {
    tn_cu_result result = encode(device->driver, &key, &made->map);
    if (result) {
      made->key.desc = NULL;
      return tn_cu_fail(device, result, "model '%s': the map of a tensor for the GPU's copies",
                        context->model->desc->name);
    }
    made->key = key;
  }
  *map = made->map;
  return TENON_OK;
}
