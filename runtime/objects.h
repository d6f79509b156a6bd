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
  uint64_t code_checksum;         /* 0 if linked in */
  tn_string_table *strings;       /* NULL if no element is a string */
  struct tn_device_model *device; /* of a device with memory of its own (device.h); else NULL */
};

typedef struct tn_buffer {
  void *data; /* NULL until needed */
  size_t bytes;
} tn_buffer;

typedef struct tn_output {
  tn_buffer buffer, other; /* the context's; the other one while the caller feeds one back */
  int64_t *dims;
  void *data; /* where the current run writes, or the tenon_value; NULL until the model asked */
  size_t bytes;
  /* What compiled code writes: the same, but for elements that are packed when the run ends, and
   * strings, of which it writes handles. */
  void *run_data;
  size_t run_bytes;
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
  void **input_data;   /* what compiled code reads: of tensors; objects of other values */
  size_t *input_bytes;
  void *stream; /* the caller's; NULL: the device makes one */
  int64_t *input_dims;
  int64_t *symbols; /* value by symbol number; -1: not bound */
  int32_t *binders; /* by symbol number: the input that bound it */
  tn_output *outputs;
  /* Of the current run: the first tensor of the caller's, and how far it is to the next. */
  const char *caller_inputs;
  char *caller_outputs;
  size_t caller_stride;
  tenon_status status; /* first failure of the current run */
  tn_profile *profile;
  bool profiling;
  atomic_bool busy;
  pid_t pinned_thread; /* whose CPUs tenon_context_free restores; 0: none */
  void *saved_cpus;    /* cpu_set_t */
  struct tn_device_context *device;
};

/* Sets the services that compiled code calls. */
void tn_install_services(tenon_exec *exec);

/* Keeps the first failure of a run and its message, which begins with the model's name, and returns
 * a code for the compiled code to return. */
int32_t tn_record(tenon_exec *exec, tenon_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- values.c. What makes an object gives NULL without memory, which is recorded. */

void tn_install_value_services(tenon_exec *exec);

/* Bytes of a tensor inside of a run; INT64_MAX if there can be no such tensor. */
int64_t tn_bytes_in_run(int32_t element_bytes, int32_t rank, const int64_t *dims);
/* With elements in `borrowed` memory, or in its own if that is NULL. */
tenon_object *tn_new_tensor(tenon_exec *exec, int32_t element_bytes, int32_t rank,
                            const int64_t *dims, void *borrowed);
/* These take over what they are made of. */
tenon_object *tn_new_sequence(tenon_exec *exec, int64_t length, tenon_object *const *elements);
tenon_object *tn_new_map(tenon_exec *exec, tenon_object *keys, tenon_object *values);

/* ---- images.c: a service */

tenon_object *tn_decode_image(tenon_exec *exec, const void *bytes, int64_t count, int32_t pixels,
                              const char *where);

/* ---- exchange.c */

/* The name of a tenon_kind in a sentence: "a sequence". */
const char *tn_kind_name(int32_t kind);
/* The kind of a value in a signature. */
int32_t tn_kind(const tenon_tensor_desc *desc);

/* The object for an input that is no tensor, after checking it. Elements stay where they are. */
tenon_status tn_take_input(tenon_context *context, int32_t index, const tenon_value *value,
                           tenon_object **object);
/* Whether anything of the value shares memory with [data, data + bytes). */
bool tn_value_overlaps(const tenon_value *value, const void *data, size_t bytes);
bool tn_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes);

/* The bytes of an object as a caller's value, all of it behind one another; SIZE_MAX if too many.
 */
size_t tn_value_bytes(const tenon_tensor_desc *desc, const tenon_object *object);
/* Writes it there, 64-byte aligned, and returns it. `strings` is NULL if it has none. */
const tenon_value *tn_write_value(const tenon_tensor_desc *desc, const tn_strings *strings,
                                  const tenon_object *object, void *memory);
/* A table's tensor as the sequence of maps that it is. */
tenon_value tn_make_table(const tenon_tensor_desc *desc, tenon_tensor tensor);

/* ---- strings.c */

/* The table of a model that has one, to be freed also when this fails. */
tenon_status tn_make_string_table(const tenon_model_desc *desc, tn_string_table **table);
void tn_free_string_table(tn_string_table *table);

/* Gives a context what it needs for strings if its model has a table. */
tenon_status tn_make_strings(tenon_context *context);
void tn_free_strings(tn_strings *strings, int32_t num_inputs);
/* Forgets what the run before the last one added: before the inputs of a run are checked, because
 * strings inside of values become handles then. If the run does not begin after all, the strings
 * of the last one are taken back. */
void tn_strings_take_turns(tn_strings *strings);
void tn_strings_take_back(tn_strings *strings);
/* Makes handles of the inputs that are tensors, which have been checked. */
tenon_status tn_strings_begin_run(tn_strings *strings);
/* Makes pointers of the handles in the outputs that are tensors. */
tenon_status tn_strings_end_run(tn_strings *strings);
/* Makes handles of so many strings; `where` names them in errors. */
tenon_status tn_strings_intern(tn_strings *strings, const tenon_string *from, size_t count,
                               const char *where, int64_t *handles);
/* The strings that handles stand for; empty ones where there is none. */
void tn_strings_show(const tn_strings *strings, const int64_t *handles, size_t count,
                     tenon_string *to);

#endif
