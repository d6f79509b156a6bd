/* The Tenon runtime: loads a compiled model and runs it. C99; no other library is needed.
 *
 * A model is code and weights, immutable and shared. A context is what one run in progress needs: a
 * workspace, threads, output buffers. Any number of threads may use one model, each with a context
 * of its own; one context serves one run at a time.
 *
 *   tenon_model *model;
 *   tenon_context *context;
 *   if (tenon_model_load("resnet50.so", &model) || tenon_context_create(model, NULL, &context))
 *     die(tenon_last_error());
 *   int64_t dims[] = {1, 3, 224, 224};
 *   tenon_tensor input = {TENON_FLOAT, 4, dims, pixels, sizeof pixels, 0, 0, 0};
 *   tenon_tensor output = {0};                         // zeros: the context provides the buffer
 *   if (tenon_run(context, &input, 1, &output, 1))
 *     die(tenon_last_error());
 *   use(output.data, output.rank, output.dims);        // valid until the next run
 *   tenon_context_free(context);
 *   tenon_model_free(model);
 *
 * Every function that can fail returns a tenon_status and leaves its output arguments untouched
 * when it fails; tenon_last_error() then tells what was wrong. Sizes are in bytes, times in
 * nanoseconds. Names and messages are UTF-8, end with a zero byte and belong to the object they
 * come from; strings that are elements of tensors say how long they are (tenon_string). */
#ifndef TENON_RUNTIME_H
#define TENON_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(TENON_RUNTIME_EXPORTS)
#define TENON_API __attribute__((visibility("default")))
#else
#define TENON_API
#endif

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef enum tenon_status {
  TENON_OK = 0,
  TENON_INVALID_ARGUMENT = 1, /* null pointer, wrong number of tensors, contradicting options */
  TENON_FILE_ERROR = 2,       /* the file cannot be opened, read or written */
  TENON_INVALID_MODEL = 3,    /* truncated, damaged, or not a Tenon model */
  TENON_WRONG_VERSION = 4,    /* compiled for another version of the runtime's binary interface */
  TENON_UNSUPPORTED_CPU = 5,  /* this CPU lacks an instruction set the model needs */
  TENON_OUT_OF_MEMORY = 6,
  TENON_WRONG_DTYPE = 7,      /* a tensor's element type is not the model's */
  TENON_WRONG_SHAPE = 8,      /* a tensor's rank, a dimension or its byte size is not the model's */
  TENON_BUFFER_TOO_SMALL = 9, /* a workspace or an output buffer from the caller */
  TENON_INVALID_VALUE = 10,   /* the model met a value it cannot use, e.g. an index out of range */
  TENON_CONTEXT_BUSY = 11,    /* the context is running in another thread */
  TENON_INTERNAL_ERROR = 12,  /* the compiled code broke its contract */
  TENON_WRONG_KIND = 13,      /* a sequence where the model has a tensor, say */
  TENON_DEVICE_ERROR = 14     /* a GPU or its driver failed; the message has the driver's words */
} tenon_status;

/* The constant's name without its prefix, in lower case: "wrong_shape". Never NULL. */
TENON_API const char *tenon_status_name(tenon_status status);

/* What the last failing call of this thread complained about; empty if none failed. Owned by the
 * thread, overwritten by its next failing call. Never NULL. */
TENON_API const char *tenon_last_error(void);

/* The version of this runtime, e.g. "0.1.0". */
TENON_API const char *tenon_runtime_version(void);

/* ---- Tensors --------------------------------------------------------------------------------- */

/* Element types, numbered as ONNX's TensorProto.DataType. */
typedef enum tenon_dtype {
  TENON_UNDEFINED = 0,
  TENON_FLOAT = 1,
  TENON_UINT8 = 2,
  TENON_INT8 = 3,
  TENON_UINT16 = 4,
  TENON_INT16 = 5,
  TENON_INT32 = 6,
  TENON_INT64 = 7,
  TENON_STRING = 8, /* an element is a tenon_string */
  TENON_BOOL = 9,   /* one byte, 0 or 1 */
  TENON_FLOAT16 = 10,
  TENON_DOUBLE = 11,
  TENON_UINT32 = 12,
  TENON_UINT64 = 13,
  TENON_COMPLEX64 = 14,
  TENON_COMPLEX128 = 15,
  TENON_BFLOAT16 = 16,
  TENON_FLOAT8E4M3FN = 17,
  TENON_FLOAT8E4M3FNUZ = 18,
  TENON_FLOAT8E5M2 = 19,
  TENON_FLOAT8E5M2FNUZ = 20,
  TENON_UINT4 = 21, /* 4-bit elements: two in a byte, the first one in the low half */
  TENON_INT4 = 22,
  TENON_FLOAT4E2M1 = 23,
  TENON_FLOAT8E8M0 = 24,
  TENON_UINT2 = 25, /* 2-bit elements: four in a byte, the first one in the lowest bits */
  TENON_INT2 = 26
} tenon_dtype;

/* ONNX's name in lower case, e.g. "float16"; "unknown" for a number that is none. Never NULL. */
TENON_API const char *tenon_dtype_name(int32_t dtype);

/* The bits of one element; 0 for a number that is no element type. */
TENON_API int32_t tenon_dtype_bits(int32_t dtype);

/* The bytes of a dense row-major tensor; -1 if a dimension is negative, the size does not fit or
 * the dtype is unknown. Elements of less than a byte are packed and the last byte is padded. */
TENON_API int64_t tenon_tensor_bytes(int32_t dtype, int32_t rank, const int64_t *dims);

/* An element of type TENON_STRING: bytes of any value, zeros included; where they are text, ONNX
 * has them in UTF-8, which nobody checks. No zero byte follows.
 *
 * Of an input, the caller's bytes are read while tenon_run runs, and not later. Of an output, they
 * are the context's, also where the tenon_string itself lies in the caller's memory: they are valid
 * as long as a buffer of the context would be, until its next run or its end, and may be an input
 * of that next run. A copy takes the bytes one by one. */
typedef struct tenon_string {
  const char *data; /* may be NULL if bytes is 0 */
  size_t bytes;
} tenon_string;

/* Whose memory a tensor's data is in. */
typedef enum tenon_memory {
  TENON_HOST_MEMORY = 0,
  /* That of the device which runs the model's kernels (tenon_model_has_device): an address of the
   * GPU that the model was loaded for, the first one. Not for strings, nor elements of less than a
   * byte, nor in sequences. */
  TENON_DEVICE_MEMORY = 1
} tenon_memory;

/* A dense row-major tensor. The data must be aligned as its elements need, and no more.
 *
 * As an input all fields but `capacity` are given by the caller. As an output:
 *  - data == NULL: the context provides the buffer, valid until its next run or its end. It may be
 *    an input of that next run (a decoder's cache, a recurrent state): nothing is copied.
 *  - data != NULL: the result is written there; `capacity` is what it holds. It may be the memory
 * of an input if both are a state of the model (tenon_model_state), and then exactly: the run
 *    leaves the input's next value there. Any other overlap with an input or another output is
 *    refused with TENON_INVALID_ARGUMENT. Nothing overlaps a tensor of no bytes.
 * `memory` says where the caller's data is, or where the context's buffer shall be. What is in the
 * device's is not copied, if its address is a multiple of 64.
 * In both cases a successful run sets dtype, rank, dims (which the context owns, valid as above),
 * data and bytes. The same structure may be passed again for the next run unchanged. After a failed
 * run the output structures are as before, except that data is NULL where the context's buffer is
 * gone, and the caller's output buffers hold anything. */
typedef struct tenon_tensor {
  int32_t dtype;
  int32_t rank;
  const int64_t *dims; /* may be NULL if rank is 0 */
  void *data;          /* may be NULL if bytes is 0; not written to as an input, but see above */
  size_t bytes;        /* exactly tenon_tensor_bytes(dtype, rank, dims) */
  size_t capacity;     /* outputs only */
  int32_t memory;      /* a tenon_memory */
  int32_t reserved;
} tenon_tensor;

/* ---- Sequences, optionals and maps ------------------------------------------------------------
 */

typedef enum tenon_kind {
  TENON_TENSOR = 0,
  TENON_SEQUENCE = 1,
  TENON_OPTIONAL = 2, /* as a sequence of one element or none */
  TENON_MAP = 3       /* numbers by keys, each once */
} tenon_kind;

/* A value of any kind. Zeros are an output that the context provides. All that it refers to is the
 * caller's for inputs; of an output it is the context's, valid until its next run or its end. An
 * output may be an input of that next run: nothing is copied. */
typedef struct tenon_value tenon_value;
struct tenon_value {
  int32_t kind; /* a tenon_kind */
  int32_t reserved;
  /* Of a sequence its elements, of an optional 0 or 1, of a map its entries. */
  int64_t length;
  /* `length` of them. NULL: there are none, or it is a table: a sequence of maps that have the same
   * keys, those of `keys`, and row i of `tensor`, [length, number of keys], are the values of map
   * i. tenon_value_element reads both forms. Only outputs are tables, which cost no more than their
   * tensor. */
  const tenon_value *elements;
  tenon_tensor tensor; /* a tensor; the values of a map, [length]; of a table */
  /* Of a map, [length], of any order as an input, ascending in an output; of a table. int64 or
   * string. */
  tenon_tensor keys;
};

/* Fills *element with element `index` of a sequence or optional: a view of what belongs to `value`.
 * TENON_INVALID_ARGUMENT if there is none, TENON_WRONG_KIND if it is neither. */
TENON_API tenon_status tenon_value_element(const tenon_value *value, int64_t index,
                                           tenon_value *element);

/* ---- Models ---------------------------------------------------------------------------------- */

typedef struct tenon_model tenon_model;
struct tenon_model_desc;

/* Loads a compiled model (a shared library). The file is checked before it is mapped: a truncated
 * or foreign one gives a status, and so does one that differs from what was compiled in any bit but
 * those of the weights, which may be gigabytes. Checksums find accidents, not intent: load only
 * what you would link. Free the model with tenon_model_free. */
TENON_API tenon_status tenon_model_load(const char *path, tenon_model **model);

/* All zeros are the defaults. */
typedef struct tenon_load_options {
  /* Nonzero: compare the checksum of the weights too, as tenon_model_check_weights does. */
  int32_t check_weights;
} tenon_load_options;

/* options == NULL: the defaults. */
TENON_API tenon_status tenon_model_load_with(const char *path, const tenon_load_options *options,
                                             tenon_model **model);

/* A model that was linked into the program; the header that `tenon compile --emit=obj,header` wrote
 * declares the descriptor. A linker changes code and descriptor, so they are as trusted as the
 * program itself; impossible numbers in the descriptor are refused. */
TENON_API tenon_status tenon_model_from_desc(const struct tenon_model_desc *desc,
                                             tenon_model **model);

/* All its contexts must be freed before. NULL is allowed. */
TENON_API void tenon_model_free(tenon_model *model);

TENON_API const char *tenon_model_name(const tenon_model *model);
/* What the code that was chosen is for: this CPU, e.g. "cpu:x86-64-v4", or a GPU, "cuda:sm_80". */
TENON_API const char *tenon_model_target(const tenon_model *model);
/* Nonzero if a device with memory of its own runs its kernels: a GPU. */
TENON_API int32_t tenon_model_has_device(const tenon_model *model);
TENON_API const char *tenon_model_compiler_version(const tenon_model *model);
/* XXH3-64 of the ONNX file that it was compiled from. */
TENON_API uint64_t tenon_model_checksum(const tenon_model *model);
/* XXH64 of the file but for its weights, compared when it was loaded; 0 of a linked model. */
TENON_API uint64_t tenon_model_code_checksum(const tenon_model *model);
/* XXH64 of the weights, as the compiler wrote it down. */
TENON_API uint64_t tenon_model_weights_checksum(const tenon_model *model);
/* Reads all weights and compares their checksum; TENON_INVALID_MODEL if they are damaged. */
TENON_API tenon_status tenon_model_check_weights(const tenon_model *model);

/* A dimension of a signature. */
typedef struct tenon_dim_info {
  int64_t value;      /* >= 0: the size; -1: known only at run time */
  const char *symbol; /* name of an unknown size: equal names are equal sizes; NULL: has no name */
} tenon_dim_info;

typedef struct tenon_tensor_info {
  const char *name;
  int32_t dtype; /* a tenon_dtype */
  int32_t rank;
  const tenon_dim_info *dims;
  /* What is around the tensor, from the outside in: tenon_kind numbers, e.g. TENON_OPTIONAL and
   * TENON_SEQUENCE; none if it is a tensor. Otherwise dtype, rank and dims are those of the tensors
   * inside, which may all have other sizes where there is no number; rank is -1 if they differ in
   * it. Of maps they are those of a value (rank 0) or, of a table, of its tensor (rank 2). */
  const int32_t *kinds;
  int32_t num_kinds;
  int32_t key_dtype; /* of maps */
  /* Of a table: its keys, int64_t or tenon_string; else NULL. */
  const void *keys;
  int64_t num_keys;
} tenon_tensor_info;

TENON_API int32_t tenon_model_num_inputs(const tenon_model *model);
TENON_API int32_t tenon_model_num_outputs(const tenon_model *model);
/* The model's; NULL if there is no such index. */
TENON_API const tenon_tensor_info *tenon_model_input(const tenon_model *model, int32_t index);
TENON_API const tenon_tensor_info *tenon_model_output(const tenon_model *model, int32_t index);
/* Index of the input or output of that name; -1 if there is none. */
TENON_API int32_t tenon_model_find_input(const tenon_model *model, const char *name);
TENON_API int32_t tenon_model_find_output(const tenon_model *model, const char *name);

/* A state: an input whose next value the run computes, as the model was compiled to know. One
 * memory may serve both: nothing is copied between runs then. They have one type and one shape. */
typedef struct tenon_state_info {
  int32_t input, output; /* indices */
} tenon_state_info;

TENON_API int32_t tenon_model_num_states(const tenon_model *model);
/* Fills *info; TENON_INVALID_ARGUMENT if there is no such index. */
TENON_API tenon_status tenon_model_state(const tenon_model *model, int32_t index,
                                         tenon_state_info *info);

typedef struct tenon_kernel_info {
  const char *name;  /* e.g. "conv_relu_12" */
  const char *nodes; /* the ONNX nodes it computes, comma separated; may be empty */
  int64_t flops;     /* per call; 0 if unknown */
  int64_t bytes;     /* read and written per call; 0 if unknown */
} tenon_kernel_info;

TENON_API int64_t tenon_model_num_kernels(const tenon_model *model);
/* Fills *info, whose strings are the model's; TENON_INVALID_ARGUMENT if there is no such index. */
TENON_API tenon_status tenon_model_kernel(const tenon_model *model, int64_t index,
                                          tenon_kernel_info *info);
/* What a kernel of a GPU takes there, as the assembler said when the model was compiled. */
typedef struct tenon_kernel_usage {
  int32_t block_threads;   /* 0: the host runs it */
  int32_t registers;       /* of a thread; 0: no assembler was asked */
  int32_t spilled_bytes;   /* of a thread: registers that are in memory instead */
  int32_t shared_bytes;    /* of a block */
  int32_t resident_blocks; /* that a multiprocessor holds at a time */
} tenon_kernel_usage;

/* Fills *usage; TENON_INVALID_ARGUMENT if there is no such index. */
TENON_API tenon_status tenon_model_kernel_usage(const tenon_model *model, int64_t index,
                                                tenon_kernel_usage *usage);
/* What a kernel computes with: the element types that it multiplies, "bf16" or, of unequal
 * operands, "f32 x bf16", if it is there for products, else that of its results; empty if the model
 * does not say. NULL if there is no such index. */
TENON_API const char *tenon_model_kernel_precision(const tenon_model *model, int64_t index);

/* Bytes that a caller's workspace must have at least, wherever it begins. What it has beyond serves
 * buffers whose size is known only at run time; if it has too little, those come from malloc. */
TENON_API size_t tenon_model_workspace_size(const tenon_model *model);
/* Bytes of scratch memory for as many threads: what the kernel takes that needs most of it. A
 * context makes it, unless the caller's workspace has room for it beyond its minimum. */
TENON_API size_t tenon_model_scratch_size(const tenon_model *model, int32_t threads);
/* Bytes of constants; they are mapped from the file and shared by all contexts. */
TENON_API size_t tenon_model_weights_size(const tenon_model *model);

/* ---- Contexts -------------------------------------------------------------------------------- */

typedef struct tenon_context tenon_context;

/* Calls body(data, i) once for every i in [0, tasks), in any order, in any threads, and returns
 * when all have returned. Running them one after another is correct. */
typedef void (*tenon_parallel_for)(void *user, int64_t tasks, void (*body)(void *data, int64_t i),
                                   void *data);

/* All zeros are the defaults. */
typedef struct tenon_context_options {
  /* Threads that a run uses, the caller's included. 0: one per core that this process may use, but
   * not more than its CPU quota. Results do not depend on it. */
  int32_t threads;

  /* Nonzero: keep each thread on one CPU. The thread that creates the context is the first one (so
   * run from there); it gets its CPUs back when it frees the context. Best for latency when nothing
   * else runs on the CPUs; harmful where they are shared. */
  int32_t pin_threads;
  /* Where pinning starts, counted in the CPUs that this process may use, so that several pinned
   * contexts can share a machine. */
  int32_t pin_first;

  /* The caller's threads instead of own ones: parallel_for runs up to parallel_for_width tasks at
   * once. `threads` and `pin_threads` must then be 0. */
  tenon_parallel_for parallel_for;
  void *parallel_for_user;
  int32_t parallel_for_width;

  /* The caller's memory, in use until the context is freed; NULL: the context allocates it.
   * At least tenon_model_workspace_size(model) bytes; with tenon_model_scratch_size(model, threads)
   * and 63 more it serves scratch memory, too. */
  void *workspace;
  size_t workspace_size;

  /* For a model on a GPU: the stream (CUstream, cudaStream_t) of the caller's in which runs take
   * their place, of the device's primary context; valid until the context is freed. A run then
   * returns when all of its work is in the stream, if its inputs and outputs are in the device's
   * memory and the host need not see any of it; what fails later, later calls say. NULL: a stream
   * of the context's, which each run waits for; a run with memory of the device begins when what is
   * in the default stream is done. */
  void *stream;
} tenon_context_options;

/* options == NULL: the defaults. Free the context with tenon_context_free, before its model. */
TENON_API tenon_status tenon_context_create(const tenon_model *model,
                                            const tenon_context_options *options,
                                            tenon_context **context);
/* Not during a run. NULL is allowed. */
TENON_API void tenon_context_free(tenon_context *context);

/* How many threads a run uses. */
TENON_API int32_t tenon_context_threads(const tenon_context *context);

/* Runs the model. Inputs and outputs are in the model's order; num_inputs and num_outputs must be
 * the model's, and all must be tensors (else TENON_WRONG_KIND; see tenon_run_values). Inputs are
 * not modified, but for states to whose memory the caller sends the output; if the run fails, such
 * a state may be lost. Memory that the caller gives for an output may be an input's only if the
 * pair is a state (tenon_model_state), and then exactly; any other overlap with an input or output
 * is TENON_INVALID_ARGUMENT, and the message names both. After a first run with the same shapes
 * nothing is allocated. Takes no lock that contexts share. */
TENON_API tenon_status tenon_run(tenon_context *context, const tenon_tensor *inputs,
                                 int32_t num_inputs, tenon_tensor *outputs, int32_t num_outputs);

/* The same for models with inputs or outputs that are no tensors (tenon_tensor_info.num_kinds), and
 * for all others. A caller may give memory for outputs that are tensors or tables, in `tensor`.
 * Each must be of the model's kind: TENON_WRONG_KIND names the input that is not. */
TENON_API tenon_status tenon_run_values(tenon_context *context, const tenon_value *inputs,
                                        int32_t num_inputs, tenon_value *outputs,
                                        int32_t num_outputs);

/* ---- Profiles -------------------------------------------------------------------------------- */

/* Starts to record this context's kernels, forgetting what was recorded before. Costs some 100 ns
 * per kernel and thread. The calls below must not be made during a run. */
TENON_API tenon_status tenon_profile_start(tenon_context *context);
/* Stops recording; what was recorded stays readable. */
TENON_API void tenon_profile_stop(tenon_context *context);

typedef struct tenon_kernel_profile {
  int64_t calls;
  int64_t total_ns; /* from launch to the end of the last thread, summed over calls */
  int64_t min_ns;   /* of one call */
} tenon_kernel_profile;

/* The times of one kernel, indexed as in tenon_model_kernel; zeros if it was never called. */
TENON_API tenon_status tenon_profile_kernel(const tenon_context *context, int64_t index,
                                            tenon_kernel_profile *profile);
/* Number of runs recorded and their summed duration; either pointer may be NULL. */
TENON_API tenon_status tenon_profile_runs(const tenon_context *context, int64_t *runs,
                                          int64_t *total_ns);

/* Writes what was recorded as Chrome trace JSON (chrome://tracing, Perfetto): one event per run,
 * and one per kernel and thread with its nodes. Long recordings keep the first 65536 events of each
 * thread and say how many were left out. */
TENON_API tenon_status tenon_profile_write(const tenon_context *context, const char *path);

#ifdef __cplusplus
}
#endif
#endif
