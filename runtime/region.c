/* Memory for buffers whose size is known only at run time.
 *
 * A block belongs to a size class (eight classes per power of two) and, when released, waits in its
 * class's list for the next request of that class. All blocks are back in the lists when a run
 * ends, so a run that repeats the requests of the one before finds every block it needs and never
 * reaches malloc. Runs with ever new shapes (a growing sequence) leave blocks behind that nobody
 * asks for again: after a run that took new memory, blocks unused for several runs are given up.
 *
 * Blocks are cut from slabs, and a slab is freed when all its blocks are given up. The first slabs
 * hold one block each. From HUGE_FROM bytes on slabs consist of huge pages: the system takes 2 us
 * to hand out 4 KiB (on a virtual machine), 220 us for 2 MiB, which was half the time of many
 * models' first run.
 *
 * Only the thread that runs the model calls this: no locks. */
#include "runtime/internal.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, HUGE_FROM = 448 << 10, RUNS_KEPT = 8 };

struct tn_slab {
  int64_t blocks; /* that are not given up */
};

struct tn_block {
  tn_block *next, *prev; /* in the live list; free lists use next only */
  tn_slab *slab;         /* NULL: the caller's workspace */
  uint64_t epoch;        /* the last run that used it */
  int32_t size_class;
};

/* Keeps the data behind it aligned. */
typedef union header {
  tn_block block;
  tn_slab slab;
  char bytes[TN_ALIGNMENT];
} header;

void *tn_alloc(size_t bytes) {
  bool huge = bytes >= HUGE_FROM;
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
  if (surplus && begin < (uintptr_t)surplus + bytes)
    region->rest = (tn_rest){NULL, (char *)begin, surplus + bytes};
}

static size_t room(const tn_rest *rest) { return (size_t)(rest->end - rest->begin); }

/* A slab with room for a block of so many bytes; its rest is NULL without memory. */
static tn_rest new_slab(tn_region *region, size_t bytes) {
  size_t size = bytes + sizeof(header);
  region->taken += size;
  if (region->taken >= HUGE_FROM)
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  header *slab = tn_alloc(size);
  if (!slab)
    return (tn_rest){0};
  slab->slab.blocks = 0;
  return (tn_rest){&slab->slab, (char *)(slab + 1), (char *)slab + size};
}

static tn_block *new_block(tn_region *region, int c) {
  size_t bytes = class_units(c) * TN_ALIGNMENT + sizeof(header);
  bool fits = bytes <= room(&region->rest);
  tn_rest rest = fits ? region->rest : new_slab(region, bytes);
  if (!rest.begin)
    return NULL;
  tn_block *block = (tn_block *)rest.begin;
  rest.begin += bytes;
  region->grew = true;
  block->size_class = c;
  block->slab = rest.slab;
  if (block->slab)
    ++block->slab->blocks;
  // The larger rest is kept; the other one is lost until its slab is freed.
  if (fits || room(&rest) > room(&region->rest))
    region->rest = rest;
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

/* The block is in no list any more. */
static void give_up(tn_region *region, tn_block *block) {
  tn_slab *slab = block->slab;
  if (--slab->blocks)
    return;
  if (slab == region->rest.slab)
    region->rest = (tn_rest){0};
  free(slab);
}

/* Gives up the cached blocks that runs have not used since `epoch`. */
static void drop_unused(tn_region *region, uint64_t epoch) {
  for (int c = 0; c < TN_NUM_CLASSES; ++c)
    for (tn_block **link = &region->cached[c]; *link;) {
      tn_block *block = *link;
      if (!block->slab || block->epoch >= epoch) {
        link = &block->next;
        continue;
      }
      *link = block->next;
      give_up(region, block);
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
