/* Memory for buffers whose size is known only at run time.
 *
 * A block belongs to a size class (eight classes per power of two) and, when released, waits in its
 * class's list for the next request of that class. All blocks are back in the lists when a run
 * ends, so a run that repeats the requests of the one before finds every block it needs and never
 * reaches malloc. Runs with ever new shapes (a growing sequence) leave blocks behind that nobody
 * asks for again: after a run that took new memory, blocks unused for several runs are freed.
 *
 * Only the thread that runs the model calls this: no locks. */
#include "runtime/internal.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, RUNS_KEPT = 8 };

struct tn_block {
  tn_block *next, *prev; /* in the live list; free lists use next only */
  uint64_t epoch;        /* the last run that used it */
  int32_t size_class;
  bool from_surplus; /* part of the caller's workspace: never freed */
};

/* Keeps the data behind it aligned. */
typedef union header {
  tn_block block;
  char bytes[TN_ALIGNMENT];
} header;

void *tn_alloc(size_t bytes) {
  bool huge = bytes >= 2 * (size_t)HUGE_PAGE;
  size_t alignment = huge ? (size_t)HUGE_PAGE : (size_t)TN_ALIGNMENT;
  if (bytes > PTRDIFF_MAX - alignment)
    return NULL;
  size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void *memory = aligned_alloc(alignment, rounded ? rounded : alignment);
  if (memory && huge)
    madvise(memory, rounded, MADV_HUGEPAGE); // Only advice: it is fine if there are none.
  return memory;
}

/* Sizes are counted in units of 64 bytes. Up to 8 units every size has its class; beyond, the class
 * is made of the exponent and the three bits below the leading one of units - 1, so that a block is
 * at most 1/8 larger than asked for. */
static int size_class(uint64_t units) {
  if (units <= 8)
    return (int)units - 1;
  int exponent = 60 - __builtin_clzll(units - 1);
  return 8 * exponent + (int)((units - 1) >> exponent);
}

static uint64_t class_units(int c) {
  return c < 8 ? (uint64_t)c + 1 : ((uint64_t)(c % 8) + 9) << (c / 8 - 1);
}

void tn_region_init(tn_region *region, char *surplus, size_t bytes) {
  uintptr_t begin = ((uintptr_t)surplus + TN_ALIGNMENT - 1) / TN_ALIGNMENT * TN_ALIGNMENT;
  *region = (tn_region){0};
  if (surplus && begin < (uintptr_t)surplus + bytes) {
    region->surplus = (char *)begin;
    region->surplus_end = surplus + bytes;
  }
}

static tn_block *new_block(tn_region *region, int c) {
  size_t bytes = class_units(c) * TN_ALIGNMENT + sizeof(header);
  tn_block *block;
  if (bytes <= (size_t)(region->surplus_end - region->surplus)) {
    block = (tn_block *)region->surplus;
    region->surplus += bytes;
    block->from_surplus = true;
  } else {
    block = tn_alloc(bytes);
    if (!block)
      return NULL;
    block->from_surplus = false;
  }
  region->grew = true;
  block->size_class = c;
  return block;
}

void *tn_region_alloc(tn_region *region, int64_t bytes) {
  if (bytes < 0 || bytes > PTRDIFF_MAX / 2)
    return NULL;
  uint64_t units = ((uint64_t)bytes + TN_ALIGNMENT - 1) / TN_ALIGNMENT;
  int c = size_class(units ? units : 1);
  tn_block *block = region->cached[c];
  if (block)
    region->cached[c] = block->next;
  else
    block = new_block(region, c);
  if (!block)
    return NULL;
  block->epoch = region->epoch;
  block->prev = NULL;
  block->next = region->live;
  if (block->next)
    block->next->prev = block;
  region->live = block;
  return (header *)block + 1;
}

void tn_region_release(tn_region *region, void *memory) {
  if (!memory)
    return;
  tn_block *block = &((header *)memory - 1)->block;
  if (block->prev)
    block->prev->next = block->next;
  else
    region->live = block->next;
  if (block->next)
    block->next->prev = block->prev;
  block->next = region->cached[block->size_class];
  region->cached[block->size_class] = block;
}

/* Frees the cached blocks that runs have not used since `epoch`. */
static void drop_unused(tn_region *region, uint64_t epoch) {
  for (int c = 0; c < TN_NUM_CLASSES; ++c)
    for (tn_block **link = &region->cached[c]; *link;) {
      tn_block *block = *link;
      if (block->from_surplus || block->epoch >= epoch) {
        link = &block->next;
        continue;
      }
      *link = block->next;
      free(block);
    }
}

void tn_region_end_run(tn_region *region) {
  while (region->live)
    tn_region_release(region, (header *)region->live + 1);
  if (region->grew && region->epoch >= RUNS_KEPT)
    drop_unused(region, region->epoch - RUNS_KEPT);
  region->grew = false;
  ++region->epoch;
}

void tn_region_free(tn_region *region) {
  tn_region_end_run(region);
  drop_unused(region, UINT64_MAX);
}
