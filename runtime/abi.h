/* Binary interface between a compiled model and the runtime: data layout and service calls.
 *
 * A compiled model is a shared library, or an object linked into a program, that exports one
 * constant `tenon_model_desc` (symbol `tenon_model` in a library, `tenon_model_<name>` in an
 * object). The runtime fills a `tenon_exec` per run and calls a variant's `run`. Everything the
 * compiled code reads or calls is in this file; both sides check TENON_ABI_VERSION. Fields are
 * only ever appended, and any other change raises the version. */
#ifndef TENON_RUNTIME_ABI_H
#define TENON_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TENON_ABI_VERSION 2 /* 2: files end in a seal (seal.h) */
#define TENON_MAGIC "TENONMDL"

/* Element types: ONNX's TensorProto.DataType numbers, so that no table is needed between them. */

/* One dimension of a signature: a constant (value >= 0), or unknown until run (value == -1). An
 * unknown input dimension names the symbol that it binds or must equal; symbol == -1 is free. */
typedef struct tenon_dim_desc {
  int64_t value;
  int32_t symbol;
  int32_t reserved;
} tenon_dim_desc;

typedef struct tenon_tensor_desc {
  const char *name;
  int32_t dtype;
  int32_t rank;
  const tenon_dim_desc *dims;
} tenon_tensor_desc;

typedef struct tenon_exec tenon_exec;

/* A kernel does its share `task` of `tasks` equal shares. args: buffer pointers, then int64 values.
 */
typedef void (*tenon_kernel_fn)(void *const *args, int64_t task, int64_t tasks);

typedef struct tenon_kernel_desc {
  tenon_kernel_fn fn;
  const char *name;  /* e.g. conv_relu_12 */
  const char *nodes; /* ONNX node names it came from, comma separated */
  int64_t flops;     /* per call; 0 if unknown or shape-dependent */
  int64_t bytes;     /* read + written per call; 0 if unknown */
} tenon_kernel_desc;

enum {
  TENON_EXEC_OK = 0,
  TENON_EXEC_OUT_OF_MEMORY = 1,
  TENON_EXEC_BAD_SHAPE = 2, /* shapes met at run time contradict the model */
  TENON_EXEC_BAD_VALUE = 3  /* a value met at run time is invalid, e.g. an index out of range */
};

/* A byte that no name in a message has. */
#define TENON_VALUE_MARK '\1'

/* One run in progress. Compiled code reads the data fields and calls the services. */
struct tenon_exec {
  void *const *inputs;       /* data, in signature order */
  const int64_t *input_dims; /* all dimensions of all inputs, concatenated */
  char *arena;               /* variant->arena_bytes bytes, 64-byte aligned; contents undefined */
  int64_t threads;           /* width of parallel_for; >= 1 */
  /* Runs kernel->fn for min(max_tasks, threads) tasks and waits. */
  void (*launch)(tenon_exec *exec, const tenon_kernel_desc *kernel, void *const *args,
                 int64_t max_tasks);
  /* Memory for buffers whose size is known only at run time; 64-byte aligned; NULL when none. All
   * of it is taken back when the run ends. Reuses blocks of earlier runs, so a repeated shape does
   * not reach malloc. */
  void *(*alloc)(tenon_exec *exec, int64_t bytes);
  void (*release)(tenon_exec *exec, void *block);
  /* The buffer for output `index`, whose dimensions are now known. Called exactly once per output
   * before it is written. NULL when it cannot be had (the runtime has recorded why). */
  void *(*output)(tenon_exec *exec, int32_t index, const int64_t *dims);
  /* Records a message for the caller and returns `code`, which the compiled code returns. */
  int32_t (*fail)(tenon_exec *exec, int32_t code, const char *message);
  const unsigned char *weights; /* the model's constants, page-aligned */
  /* The same as `fail` with numbers that only the run knows: each TENON_VALUE_MARK in the message
   * stands for the next of `count` values. */
  int32_t (*fail_values)(tenon_exec *exec, int32_t code, const char *message, const int64_t *values,
                         int32_t count);
};

/* The model compiled for one instruction set. */
typedef struct tenon_variant_desc {
  const char *target; /* e.g. "cpu:x86-64-v4" */
  const char *const
      *features;       /* NULL-terminated LLVM feature names the CPU must have, e.g. "avx512f" */
  int64_t arena_bytes; /* static buffers */
  int32_t (*run)(tenon_exec *exec);
  const tenon_kernel_desc *kernels;
  int64_t num_kernels;
  const unsigned char *weights;
  int64_t weights_bytes;
} tenon_variant_desc;

typedef struct tenon_model_desc {
  char magic[8]; /* TENON_MAGIC without the terminator */
  uint32_t abi_version;
  uint32_t size; /* sizeof(tenon_model_desc) */
  const char *name;
  const char *compiler_version;
  uint64_t checksum; /* of the ONNX file it was made from (xxh3-64) */
  int32_t num_inputs, num_outputs, num_symbols, num_variants;
  const tenon_tensor_desc *inputs, *outputs;
  const char *const *symbols;
  const tenon_variant_desc *variants; /* best first; the first one the CPU supports is used */
  uint64_t weights_checksum;          /* of the constants (XXH64); all variants share them */
} tenon_model_desc;

#ifdef __cplusplus
}
#endif
#endif
