/* The objects behind the public API's opaque pointers. */
#ifndef TENON_RUNTIME_OBJECTS_H
#define TENON_RUNTIME_OBJECTS_H

#include "runtime/internal.h"

#include <stdatomic.h>
#include <sys/types.h>

/* The strings that a model knows, and those of a context's runs (strings.c). */
typedef struct tn_string_table tn_string_table;
typedef struct tn_strings tn_strings;

struct tenon_model {
  const tenon_model_desc *desc; /* the runtime's copy */
  const tenon_variant_desc *variant;
  tn_chunk *chunks;         /* where desc lies */
  void *library;            /* from dlopen; NULL if linked in */
  tenon_tensor_info *infos; /* inputs, then outputs */
  int64_t total_input_dims; /* sum of the inputs' ranks */
  int64_t total_output_dims;
  uint64_t code_checksum;   /* 0 if linked in */
  tn_string_table *strings; /* NULL if no element is a string */
};

typedef struct tn_buffer {
  void *data; /* NULL until needed */
  size_t bytes;
} tn_buffer;

typedef struct tn_output {
  tn_buffer buffer, other; /* the context's; the other one while the caller feeds one back */
  int64_t *dims;
  void *data; /* where the current run writes; NULL until the model asked */
  size_t bytes;
} tn_output;

struct tenon_context {
  tenon_exec exec; /* first, so that services get from one to the other */
  const tenon_model *model;
  tn_pool *pool;
  tenon_parallel_for parallel_for;
  void *parallel_for_user;
  tn_region region;
  void *own_arena, *own_scratch;
  tn_strings *strings; /* NULL if no element is a string */
  void **input_data;
  size_t *input_bytes;
  int64_t *input_dims;
  int64_t *symbols; /* value by symbol number; -1: not bound */
  int32_t *binders; /* by symbol number: the input that bound it */
  tn_output *outputs;
  tenon_tensor *caller_outputs; /* of the current run */
  tenon_status status;          /* first failure of the current run */
  tn_profile *profile;
  bool profiling;
  atomic_bool busy;
  pid_t pinned_thread; /* whose CPUs tenon_context_free restores; 0: none */
  void *saved_cpus;    /* cpu_set_t */
};

/* Sets the services that compiled code calls. */
void tn_install_services(tenon_exec *exec);

/* ---- strings.c */

/* The table of a model that has one, to be freed also when this fails. */
tenon_status tn_make_string_table(const tenon_model_desc *desc, tn_string_table **table);
void tn_free_string_table(tn_string_table *table);

/* Gives a context what it needs for strings if its model has a table. */
tenon_status tn_make_strings(tenon_context *context);
void tn_free_strings(tn_strings *strings, int32_t num_inputs);
/* Forgets what the run before the last one added, and makes handles of the inputs, which have been
 * checked. */
tenon_status tn_strings_begin_run(tn_strings *strings);
/* Makes pointers of the handles in the outputs. */
tenon_status tn_strings_end_run(tn_strings *strings);

#endif
