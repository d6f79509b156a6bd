/* A model and a context on a GPU. */
#ifndef TENON_RUNTIME_CUDA_OBJECTS_H
#define TENON_RUNTIME_CUDA_OBJECTS_H

#include "runtime/cuda/driver.h"
#include "runtime/device.h"

/* Of a model: what all its contexts share. */
struct tn_device_model {
  const tn_cu_driver *driver;
  tn_cu_context context; /* the device's primary one; NULL if it was not had */
  tn_cu_module module;
  tn_cu_function *functions; /* by number of the kernel; NULL for functions of the host */
  tn_cu_pointer weights;
  int32_t most_parameters; /* of a kernel */
  bool uses_maps;          /* some kernel has tensor maps */
  /* After some errors the device's context is of no use any more, for the whole process. */
  _Atomic(tn_cu_result) lost;
};

/* Memory of the device that grows. */
typedef struct tn_cu_buffer {
  tn_cu_pointer data;
  size_t bytes;
} tn_cu_buffer;

/* A block whose size only a run tells. */
typedef struct tn_cu_block {
  tn_cu_buffer buffer;
  bool used;
  uint64_t epoch;  /* the last run that used it */
  uint32_t graphs; /* that use it, a bit for each place in the table */
} tn_cu_block;

/* What a tensor map is made of, and that. */
typedef struct tn_cu_made_map {
  struct tn_cu_map_key {
    const tenon_tensor_map_desc *desc; /* NULL: none */
    tn_cu_pointer address;
    uint64_t sizes[TENON_MAP_RANK], strides[TENON_MAP_RANK - 1];
  } key;
  tn_cu_tensor_map map;
} tn_cu_made_map;

/* Places for them in a context. */
enum { TN_CU_MAPS = 256 };

/* What a run of certain sizes does: a bit in tn_cu_block.graphs for each. */
enum { TN_CU_GRAPHS = 8 };

/* Of a run with certain sizes and addresses: whether the host need not see any of it, and then its
 * launches as a graph of the driver's (graph.c). */
typedef struct tn_cu_repeat {
  enum { TN_CU_UNUSED, TN_CU_RUN_ONCE, TN_CU_ONLY_STEPS, TN_CU_CAPTURED } state;
  tn_cu_graph_exec graph; /* NULL unless captured */
  int64_t *key;           /* what must be equal */
  int64_t *dims;          /* of the outputs, concatenated */
  int64_t last_kernel, launches;
  uint64_t epoch; /* the last run that did it */
} tn_cu_repeat;

struct tn_device_context {
  tn_cu_stream stream;
  bool owns_stream;
  tn_cu_buffer arena;
  /* The outputs that callers feed back take turns with the others. */
  tn_cu_buffer *inputs, *outputs, *others;
  void **input_pointers; /* as compiled code reads them */
  void **parameters;     /* of the launch in progress */
  tn_cu_made_map *maps;  /* by what they were made of; NULL if no kernel has any */
  tn_cu_block *blocks;
  size_t num_blocks, max_blocks;
  uint64_t epoch;
  int64_t last_kernel, launches; /* of this run, since the last wait */
  bool waits;                    /* for each launch, so that errors name their kernel */
  bool saw_host;                 /* in this run the host has read, written or computed something */
  bool pending;                  /* work of this run or an earlier one was not waited for */
  tn_cu_repeat repeats[TN_CU_GRAPHS];
  tn_cu_repeat *capturing; /* the one that this run's launches go to */
};

/* memory.c. All calls are made while the device's context is current. */

/* Makes room; what the buffer held is lost if it grows, and so are graphs. */
tenon_status tn_cu_reserve(const tenon_context *context, tn_cu_buffer *buffer, size_t bytes,
                           const char *what);
void tn_cu_free(const struct tn_device_model *device, tn_cu_buffer *buffer);
/* Waits for work that earlier runs have left in the stream, before what it uses goes. */
void tn_cu_settle(const tenon_context *context);
/* A block for run-time sized memory. */
tenon_status tn_cu_block_alloc(tenon_context *context, int64_t bytes, tn_cu_pointer *block);
void tn_cu_block_release(tenon_context *context, tn_cu_pointer pointer);
/* All blocks are free again, and those that no run has used for a while go. */
void tn_cu_blocks_end_run(tenon_context *context);

/* model.c */

/* Records what an entry point of the driver said; `what` tells what for. */
tenon_status tn_cu_fail(struct tn_device_model *device, tn_cu_result result, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));
/* Makes the device's context current in this thread, or records why not. */
tenon_status tn_cu_enter(struct tn_device_model *device, const char *model);
void tn_cu_leave(struct tn_device_model *device);

/* maps.c */

/* Writes the tensor map of a launch with these arguments. */
tenon_status tn_cu_make_map(const tenon_context *context, const tenon_tensor_map_desc *desc,
                            void *const *args, tn_cu_tensor_map *map);

/* graph.c */

/* Does what the compiled code does: by calling it, or all launches at once. */
int32_t tn_cu_run(tenon_context *context);
/* Forgets all graphs: addresses have changed, or the context ends. */
void tn_cu_forget_graphs(const tenon_context *context);

/* context.c and run.c: what `tn_cuda` has of contexts. */
tenon_status tn_cu_open_context(tenon_context *context);
void tn_cu_close_context(tenon_context *context);
tenon_status tn_cu_begin(tenon_context *context);
tenon_status tn_cu_end(tenon_context *context);
/* Where an output will be computed, as far as that is known before its dimensions are. */
tn_cu_pointer tn_cu_output_address(const tenon_context *context, int32_t index);
/* The memory of an output, whose dimensions are now known; NULL: the run has failed. */
void *tn_cu_output(tenon_context *context, int32_t index, const int64_t *dims);
/* Sets the services that compiled code calls. */
void tn_cu_install_services(tenon_exec *exec);

#endif
