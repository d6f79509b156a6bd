/* Memory of a GPU. What runs repeat is kept: buffers of inputs and outputs only grow, and blocks
 * whose size a run tells wait for the next run that asks for as much. */
#include "runtime/cuda/objects.h"

#include <stdlib.h>

/* The driver has no memory of no bytes, and programs need an address. */
static const size_t LEAST = 256;
static const uint64_t RUNS_KEPT = 8;

void tn_cu_free(const struct tn_device_model *device, tn_cu_buffer *buffer) {
  if (buffer->data)
    device->driver->free(buffer->data);
  *buffer = (tn_cu_buffer){0};
}

void tn_cu_settle(const tenon_context *context) {
  struct tn_device_context *own = context->device;
  if (own->pending)
    context->model->device->driver->wait(own->stream);
  own->pending = false;
}

tenon_status tn_cu_reserve(const tenon_context *context, tn_cu_buffer *buffer, size_t bytes,
                           const char *what) {
  struct tn_device_model *device = context->model->device;
  if (bytes < LEAST)
    bytes = LEAST;
  if (bytes <= buffer->bytes)
    return TENON_OK;
  // By a quarter at least, so that what grows with every run seldom allocates.
  size_t enough = buffer->bytes + buffer->bytes / 4;
  size_t wanted = bytes > enough ? bytes : enough;
  if (buffer->data) {
    tn_cu_settle(context);
    tn_cu_forget_graphs(context);
  }
  tn_cu_free(device, buffer);
  tn_cu_result result = device->driver->allocate(&buffer->data, wanted);
  if (result)
    return tn_cu_fail(device, result, "model '%s': no %zu bytes on the GPU for %s",
                      context->model->desc->name, wanted, what);
  buffer->bytes = wanted;
  return TENON_OK;
}

/* The smallest free block that is not much too large; NULL if there is none. */
static tn_cu_block *find_free(const struct tn_device_context *own, size_t bytes) {
  tn_cu_block *best = NULL;
  for (size_t i = 0; i < own->num_blocks; ++i) {
    tn_cu_block *block = &own->blocks[i];
    size_t has = block->buffer.bytes;
    if (!block->used && has >= bytes && has / 2 <= bytes && (!best || has < best->buffer.bytes))
      best = block;
  }
  return best;
}

/* Room in the table; NULL without memory. */
static tn_cu_block *new_block(struct tn_device_context *own) {
  if (own->num_blocks == own->max_blocks) {
    size_t count = own->max_blocks ? 2 * own->max_blocks : 16;
    tn_cu_block *blocks = realloc(own->blocks, count * sizeof *blocks);
    if (!blocks)
      return NULL;
    own->blocks = blocks;
    own->max_blocks = count;
  }
  own->blocks[own->num_blocks] = (tn_cu_block){0};
  return &own->blocks[own->num_blocks];
}

tenon_status tn_cu_block_alloc(tenon_context *context, int64_t bytes, tn_cu_pointer *result) {
  struct tn_device_context *own = context->device;
  size_t wanted = bytes > (int64_t)LEAST ? (size_t)bytes : LEAST;
  tn_cu_block *block = find_free(own, wanted);
  if (!block) {
    block = new_block(own);
    if (!block)
      return tn_fail(TENON_OUT_OF_MEMORY, "model '%s': no memory for a table",
                     context->model->desc->name);
    tenon_status status = tn_cu_reserve(context, &block->buffer, wanted, "a tensor");
    if (status)
      return status;
    ++own->num_blocks;
  }
  block->used = true;
  block->epoch = own->epoch;
  if (own->capturing)
    block->graphs |= 1u << (own->capturing - own->repeats);
  *result = block->buffer.data;
  return TENON_OK;
}

/* Kernels that are launched may still use it: the next ones run after them, in one stream. */
void tn_cu_block_release(tenon_context *context, tn_cu_pointer pointer) {
  struct tn_device_context *own = context->device;
  for (size_t i = 0; i < own->num_blocks; ++i)
    if (own->blocks[i].buffer.data == pointer)
      own->blocks[i].used = false;
}

void tn_cu_blocks_end_run(tenon_context *context) {
  struct tn_device_context *own = context->device;
  size_t kept = 0;
  for (size_t i = 0; i < own->num_blocks; ++i) {
    tn_cu_block block = own->blocks[i];
    block.used = false;
    if (block.graphs || own->epoch - block.epoch <= RUNS_KEPT) {
      own->blocks[kept++] = block;
      continue;
    }
    tn_cu_settle(context);
    tn_cu_free(context->model->device, &block.buffer);
  }
  own->num_blocks = kept;
  ++own->epoch;
}
