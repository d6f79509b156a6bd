/* Binary interface between a compiled model and the runtime: data layout and service calls. This
 * file is its specification.
 *
 * A compiled model is a shared library, or an object linked into a program, that exports one
 * constant `tenon_model_desc` (symbol `tenon_model` in a library, `tenon_model_<name>` in an
 * object). The runtime fills a `tenon_exec` per run and calls a variant's `run`. Everything the
 * compiled code reads or calls is in this file.
 *
 * How it evolves
 *  - `magic` and `abi_version` are where they are in every version. They are read first: a runtime
 *    refuses a model of another version, older or newer, and reads nothing else of it.
 *  - Within a version, fields are only ever appended, to any structure. The descriptor says how
 *    large it is, how large the elements of each of its arrays are, and how much of tenon_exec its
 *    code may use. A runtime steps through arrays by these sizes, ignores the fields that it does
 *    not know, and takes those that it misses for zeros: zero is what held before there was the
 *    field. It refuses a model whose code may use more of tenon_exec than it has.
 *  - Kinds are only ever added. A runtime passes over the variants for devices that it does not
 *    know, whatever else they hold, so that a model may have others beside them.
 *  - Any other change raises the version: what a field means, what a function gets or returns, a
 *    new kind of kernel for a device that had others before. */
#ifndef TENON_RUNTIME_ABI_H
#define TENON_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 2: files end in a seal (seal.h). 3: the descriptor says how large elements are, variants are for
 * a kind of device, kernels are launched by number, and say what scratch memory they need. */
#define TENON_ABI_VERSION 3
#define TENON_MAGIC "TENONMDL"

/* Element types: ONNX's TensorProto.DataType numbers, so that no table is needed between them.
 *
 * An element of type string is an int64 for compiled code: the handle of a string, which is its
 * number in the model's table of strings or, behind these, among those that a run adds. Different
 * handles are different strings, so that moving and comparing strings is moving and comparing
 * integers; the characters are the runtime's. Handle 0 is the empty string. */

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

/* A state: the output is the input's next value. Its type, rank and dimensions are the input's, and
 * no input or output belongs to two states. The compiled code is right when both lie in one memory
 * and when they do not; it writes to no other input's memory. */
typedef struct tenon_state_desc {
  int32_t input, output;
} tenon_state_desc;

typedef struct tenon_exec tenon_exec;

/* The strings of one run: those of the model, those of its inputs, those that it makes. */
typedef struct tenon_strings tenon_strings;
struct tenon_strings {
  /* The bytes of a string, and in *count how many; of what is no handle, those of the empty one.
   * Valid until the run ends. */
  const char *(*get)(const tenon_strings *strings, int64_t handle, int64_t *count);
  /* The handle of the string with these bytes; -1 if there is no memory for it, which the run's
   * status then says. */
  int64_t (*intern)(tenon_strings *strings, const char *bytes, int64_t count);
  /* Memory to make strings in, 16-byte aligned, with what the last call's held as far as both
   * reach; valid until the next call. NULL if there is none, which the run's status then says. */
  void *(*reserve)(tenon_strings *strings, int64_t bytes);
};

/* A kernel does its share `task` of `tasks` equal shares. args: buffer pointers, then one to the
 * scratch memory of all tasks, one task's behind another's, if they need any, then one to the
 * strings of the run if it reads or makes characters (in one task), then int64 values. */
typedef void (*tenon_kernel_fn)(void *const *args, int64_t task, int64_t tasks);

/* What a kernel is. */
enum {
  TENON_KERNEL_FUNCTION = 0 /* `fn`, of the CPU that runs the program */
};

typedef struct tenon_kernel_desc {
  int32_t kind;
  int32_t reserved;
  tenon_kernel_fn fn;
  const char *name;  /* e.g. conv_relu_12 */
  const char *nodes; /* ONNX node names it came from, comma separated */
  int64_t flops;     /* per call; 0 if unknown or shape-dependent */
  int64_t bytes;     /* read + written per call; 0 if unknown */
  /* Of tenon_exec's scratch memory that each task takes: a multiple of 64. */
  int64_t scratch_bytes;
  int64_t max_tasks; /* of a launch; 0 if shape-dependent */
  /* What it computes with, e.g. "f32", "u8 x i8": the types that it multiplies if it is there for
   * products, else that of its results. NULL if the compiler did not say. */
  const char *precision;
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
  /* Runs the kernel of that number in the variant, in min(max_tasks, threads) tasks, and waits. */
  void (*launch)(tenon_exec *exec, int64_t kernel, void *const *args, int64_t max_tasks);
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
  /* What the launch in progress has to itself, 64-byte aligned: kernel->scratch_bytes for each of
   * its tasks. Contents undefined. */
  char *scratch;
  tenon_strings *strings; /* NULL if the model has no table of strings */
};

/* What runs a variant's kernels. */
enum {
  TENON_DEVICE_CPU = 0 /* all of them are functions */
};

/* The model compiled for one kind of device that has certain features. */
typedef struct tenon_variant_desc {
  const char *target; /* e.g. "cpu:x86-64-v4" */
  int32_t device;
  int32_t reserved;
  /* What the device must have, NULL-terminated. Of a CPU, LLVM's names, e.g. "avx512f". */
  const char *const *features;
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
  /* As the compiler knows them; multiples of 8. */
  uint32_t size;                                             /* of this structure */
  uint32_t exec_size;                                        /* of tenon_exec */
  uint32_t dim_size, tensor_size, kernel_size, variant_size; /* of the elements of arrays */
  uint32_t state_size;
  const char *name;
  const char *compiler_version;
  uint64_t checksum; /* of the ONNX file it was made from (xxh3-64) */
  int32_t num_inputs, num_outputs, num_symbols, num_variants;
  const tenon_tensor_desc *inputs, *outputs;
  const char *const *symbols;
  const tenon_variant_desc *variants; /* best first; the first one that can run here is used */
  uint64_t weights_checksum;          /* of the constants (XXH64); all variants share them */
  const tenon_state_desc *states;
  int32_t num_states;
  uint32_t reserved;
  /* The strings that the model knows, each once, the empty one first; none if no element is a
   * string. String i is the bytes of string_bytes from string_ends[i - 1] (0 for the first) to
   * string_ends[i]. */
  int64_t num_strings;
  const char *string_bytes;
  const int64_t *string_ends;
} tenon_model_desc;

#ifdef __cplusplus
}
#endif
#endif
