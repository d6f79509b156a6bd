/* What the runtime's files share, as far as it can be tested alone; objects.h has the rest. Public
 * names begin with tenon_, these with tn_.
 *
 * status.c  errors        dtype.c    element types      elf.c     checks a file before dlopen
 * seal.c    damage        checksum.c XXH64              library.c dlopen
 * model.c   load, query   features.c what the CPU has   cpus.c    which CPUs to use
 * descriptor.c reads and checks what a model says
 * context.c create, free  run.c      one run            region.c  run-time sized memory
 * pool.c    threads       profile.c  recording, traces     strings.c handles of strings
 * values.c  sequences and the like in a run              exchange.c to and from the caller
 * outputs.c where outputs of a run are                   packed.c  elements of less than a byte
 * images.c  pictures
 * device.c  which devices there are; cuda/ GPUs */
#ifndef TENON_RUNTIME_INTERNAL_H
#define TENON_RUNTIME_INTERNAL_H

#include "runtime/abi.h"
#include "tenon/runtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TN_ALIGNMENT = 64 };

/* ---- Signatures */

/* Whether it is a sequence of maps that the compiled code computes as one tensor. */
static inline bool tn_is_table(const tenon_tensor_desc *desc) {
  return desc->num_kinds && desc->kinds[desc->num_kinds - 1] == TENON_KIND_MAP && desc->rank == 2;
}
/* Whether it is a tensor for the compiled code. */
static inline bool tn_is_tensor(const tenon_tensor_desc *desc) {
  return !desc->num_kinds || tn_is_table(desc);
}
/* Its dimensions in a run. */
static inline int32_t tn_rank(const tenon_tensor_desc *desc) {
  return tn_is_tensor(desc) ? desc->rank : 0;
}

/* ---- status.c */

/* Records the message for tenon_last_error and returns `status`. */
tenon_status tn_fail(tenon_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Elements of a tensor whose bytes are known to fit. */
static inline int64_t tn_count(int32_t rank, const int64_t *dims) {
  int64_t count = 1;
  for (int32_t i = 0; i < rank; ++i)
    if (!dims[i])
      return 0;
  for (int32_t i = 0; i < rank; ++i)
    count *= dims[i];
  return count;
}

/* ---- packed.c */

/* Whether elements lie packed in a caller's memory. */
static inline bool tn_is_packed(int32_t dtype) { return tenon_dtype_bits(dtype) % 8 != 0; }
/* `count` elements to bytes, and back; bits of the last byte behind them are zeros. */
void tn_unpack(int32_t dtype, int64_t count, const void *packed, void *elements);
void tn_pack(int32_t dtype, int64_t count, const void *elements, void *packed);

/* ---- elf.c */

/* Checks that the file is an undamaged shared library for this machine that exports `symbol`;
 * weights are not looked at. Gives the checksum of all else. */
tenon_status tn_check_library(const char *path, const char *symbol, uint64_t *checksum);

/* ---- library.c */

/* Maps the shared library that is at `path` now, whatever was there when the path was loaded
 * before. The caller closes it with dlclose. */
tenon_status tn_open_library(const char *path, void **library);

/* ---- descriptor.c */

/* Memory of a descriptor's copy; a list. */
typedef struct tn_chunk tn_chunk;

/* Refuses a model that was compiled for another version of runtime/abi.h. */
tenon_status tn_wrong_version(const char *origin, uint32_t version);
/* Checks a descriptor and copies it with its arrays, in the form that this runtime knows. The
 * copy's memory joins `chunks`, also when this fails. */
tenon_status tn_read_desc(const tenon_model_desc *given, const char *origin, tn_chunk **chunks,
                          const tenon_model_desc **desc);
void tn_free_chunks(tn_chunk *chunks);

/* ---- features.c */

/* Whether the CPU and the operating system offer a feature, by LLVM's name. */
bool tn_cpu_has(const char *feature);
/* Asks the system for what must be asked for before use (AMX tiles); false if refused. */
bool tn_cpu_enable(const char *feature);

/* ---- cpus.c */

/* The CPUs that the process was allowed to use when this was first called, one of each core first,
 * then their hyper-threads. Returns how many there are; `cores`, if not NULL, how many cores. */
int tn_cpus(const int **cpus, int *cores);
/* One thread per core, but not more than the process's CPU quota. */
int tn_default_threads(void);

/* ---- region.c: blocks whose size is known only at run time */

typedef struct tn_block tn_block;
typedef struct tn_slab tn_slab;

/* What is left of a slab, or of the caller's workspace, which is none. */
typedef struct tn_rest {
  tn_slab *slab;
  char *begin, *end;
} tn_rest;

enum { TN_NUM_CLASSES = 8 * 58 };

typedef struct tn_region {
  tn_block *cached[TN_NUM_CLASSES]; /* free blocks by size class */
  tn_block *live;                   /* doubly linked: all blocks handed out */
  tn_rest rest;                     /* where new blocks are cut from */
  size_t taken;                     /* from the system, ever */
  uint64_t epoch;                   /* number of the run */
  bool grew;                        /* the current run took new memory */
} tn_region;

void tn_region_init(tn_region *region, char *surplus, size_t bytes);
void *tn_region_alloc(tn_region *region, int64_t bytes);
void tn_region_release(tn_region *region, void *block);
void tn_region_end_run(tn_region *region);
void tn_region_free(tn_region *region);

/* 64-byte aligned memory; from 448 KiB on whole huge pages, if the system has them. */
void *tn_alloc(size_t bytes);

/* ---- pool.c */

typedef struct tn_pool tn_pool;

/* A task as the pool sees it; `worker` is 0 for the thread that called tn_pool_run. */
typedef void (*tn_task_fn)(void *data, int64_t task, int worker);

/* `cpus`, if not NULL, are the CPUs to pin workers 1.. to. NULL when threads cannot be made. */
tn_pool *tn_pool_create(int threads, const int *cpus);
void tn_pool_free(tn_pool *pool);
/* Runs fn for tasks 0..tasks-1, tasks <= threads, and waits. */
void tn_pool_run(tn_pool *pool, tn_task_fn fn, void *data, int64_t tasks);
/* Say how many threads are about to compute in the process: pools spin less when cores are short.
 */
void tn_pool_begin_run(tn_pool *pool);
void tn_pool_end_run(tn_pool *pool);

/* Default rounding and denormal handling for the thread, so that results do not depend on which
 * thread computes; returns what tn_fp_leave restores. */
unsigned tn_fp_enter(void);
void tn_fp_leave(unsigned saved);

/* ---- profile.c */

typedef struct tn_profile tn_profile;

int64_t tn_now(void);
void tn_profile_task(tn_profile *profile, int lane, int64_t kernel, int64_t begin, int64_t end);
void tn_profile_launch(tn_profile *profile, int64_t kernel, int64_t begin, int64_t end);
void tn_profile_run(tn_profile *profile, int64_t begin, int64_t end);
void tn_profile_free(tn_profile *profile);

#ifdef __cplusplus
}
#endif
#endif
