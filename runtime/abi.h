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

#include <stddef.h>
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
  /* What is around the tensor, from the outside in, e.g. TENON_KIND_OPTIONAL and
   * TENON_KIND_SEQUENCE; none: it is a tensor. Otherwise dtype, rank and dims are those of the
   * tensors inside: rank is -1 if they may differ in it, and each has sizes of its own where there
   * is no number. Those of a map are its values', of rank 0. */
  const int32_t *kinds;
  int32_t num_kinds;
  int32_t key_dtype; /* of maps: TENON_INT64 or TENON_STRING */
  /* A sequence of maps with the same keys is a table: a tensor of rank 2 for the compiled code,
   * with the values of one map in each row. `keys` are int64_t or tenon_string. */
  int64_t num_keys;
  const void *keys;
} tenon_tensor_desc;

/* What values are around tensors: include/tenon/runtime.h's tenon_kind. A map is innermost. */
enum { TENON_KIND_SEQUENCE = 1, TENON_KIND_OPTIONAL = 2, TENON_KIND_MAP = 3 };

/* A value that is no tensor, or a tensor in one, as compiled code reads it. What others refer to
 * does not change. */
typedef struct tenon_object tenon_object;
struct tenon_object {
  int64_t length; /* elements of a sequence; 0 or 1 of an optional; entries of a map */
  /* Of a map: its keys and its values, tensors of rank 1. The keys ascend. */
  tenon_object *const *elements;
  /* Of a tensor. */
  void *data;
  const int64_t *dims;
  int32_t rank;
  int32_t element_bytes; /* in a run none takes less than one */
};

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
  TENON_KERNEL_FUNCTION = 0, /* `fn`, of the CPU that runs the program */
  TENON_KERNEL_CUDA = 1      /* `entry` of the variant's `code`; `fn` is NULL */
};

/* A size that a launch tells: `factor` times those of its args whose bits are set in `values`, from
 * the first one on. */
typedef struct tenon_size_desc {
  int64_t factor;
  uint64_t values;
} tenon_size_desc;

/* Most dimensions of a tensor that a device copies by itself, those of them that are spatial, and
 * most such tensors of a kernel. */
enum { TENON_MAP_RANK = 5, TENON_MAP_SPATIAL_RANK = 3, TENON_KERNEL_MAPS = 8 };

/* A tensor as the copy engine of a GPU reads it: boxes of it, elements outside of the tensor being
 * zeros. Dimensions are innermost first. All fields are 8 bytes. */
typedef struct tenon_tensor_map_desc {
  int64_t arg;       /* the buffer that it is in */
  int64_t offset;    /* bytes from the buffer's beginning to the first element */
  int64_t type;      /* CUtensorMapDataType */
  int64_t rank;      /* of what follows so many count */
  int64_t row_bytes; /* of a box's innermost dimension in shared memory: how it is swizzled */
  tenon_size_desc sizes[TENON_MAP_RANK];
  tenon_size_desc strides[TENON_MAP_RANK - 1]; /* in bytes, of all dimensions but the innermost */
  int64_t box[TENON_MAP_RANK];                 /* elements */
  int64_t steps[TENON_MAP_RANK];               /* from one element to the next */
  /* Not 0: a box is not one of the tensor but a run of box[1] pixels by box[0] channels, all pixels
   * being those from which a filter reaches so far, in each spatial dimension, without leaving its
   * image (im2col). */
  int64_t is_im2col;
  int64_t reach[TENON_MAP_SPATIAL_RANK];
} tenon_tensor_map_desc;

typedef struct tenon_kernel_desc {
  int32_t kind;
  /* Of a kernel that a device runs, not 0: it waits by itself until what is launched before it has
   * ended, and so may begin earlier. */
  int32_t waits;
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
  /* Of a kernel that a device runs: what `code` calls it, how many buffers and values `args` holds
   * (8 bytes each, the entry's parameters in their order), the threads of a block, and the shared
   * memory that a launch gives it beside what the code declares. The tasks of a launch are its
   * blocks. */
  const char *entry;
  int32_t num_args, block_threads, launch_shared_bytes;
  /* What the device's assembler said when the model was compiled, zeros if it was not asked:
   * registers of a thread, bytes of them that it keeps in memory instead, bytes that a block
   * shares in all, and how many blocks a multiprocessor holds. */
  int32_t registers, spilled_bytes, shared_bytes, resident_blocks;
  /* Tensor maps, which are the entry's parameters behind `args`, by value. */
  int32_t num_maps;
  const tenon_tensor_map_desc *maps;
} tenon_kernel_desc;

enum {
  TENON_EXEC_OK = 0,
  TENON_EXEC_OUT_OF_MEMORY = 1,
  TENON_EXEC_BAD_SHAPE = 2, /* shapes met at run time contradict the model */
  TENON_EXEC_BAD_VALUE = 3, /* a value met at run time is invalid, e.g. an index out of range */
  TENON_EXEC_DEVICE_ERROR = 4
};

/* A byte that no name in a message has. */
#define TENON_VALUE_MARK '\1'

/* Where `transfer` copies between. */
enum {
  TENON_TRANSFER_TO_HOST = 0, /* from the device */
  TENON_TRANSFER_TO_DEVICE = 1,
  TENON_TRANSFER_ON_DEVICE = 2 /* ranges do not overlap */
};

/* One run in progress. Compiled code reads the data fields and calls the services.
 *
 * Of a variant for a device with memory of its own, `inputs`, `arena`, `weights` and what `alloc`
 * and `output` give are addresses there: the program adds to them and gives them to kernels, and
 * never reads or writes them itself. Its kernels that are functions get the host's memory
 * (`host_alloc`, `scratch`). Launches and transfers happen in the order of the program. */
struct tenon_exec {
  /* In signature order: the data of a tensor, the tenon_object of another value. */
  void *const *inputs;
  const int64_t *input_dims; /* all dimensions of all inputs that are tensors, concatenated */
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
  /* Values that are no tensors. An object is freed when nothing refers to it any more, and at the
   * end of the run. Who gets one from a service has a reference to it, which he gives to a service
   * that takes it over, or back by release_object. NULL and codes other than TENON_EXEC_OK: the
   * runtime has recorded why; `where` begins its message, e.g. "node 'x' (ConcatFromSequence): ".
   * Positions are known to be right. */
  tenon_object *(*make_tensor)(tenon_exec *exec, int32_t element_bytes, int32_t rank,
                               const int64_t *dims, const void *data); /* copies it */
  /* Takes over the elements. */
  tenon_object *(*make_sequence)(tenon_exec *exec, int64_t length, tenon_object *const *elements);
  /* Takes over the element and, if it `consumes` it, the sequence. */
  tenon_object *(*insert)(tenon_exec *exec, tenon_object *sequence, int64_t position,
                          tenon_object *element, int32_t consumes);
  tenon_object *(*erase)(tenon_exec *exec, tenon_object *sequence, int64_t position,
                         int32_t consumes);
  /* Parts of a tensor along an axis, of `num_sizes` sizes or, if that is -1, of sizes[0] but for
   * the last; `drops_axis`: without the dimension, which is 1 then. */
  tenon_object *(*split)(tenon_exec *exec, int32_t element_bytes, int32_t rank, const int64_t *dims,
                         const void *data, int32_t axis, const int64_t *sizes, int64_t num_sizes,
                         int32_t drops_axis, const char *where);
  /* The dimensions, `rank` in all, of a sequence's tensors joined along an axis of theirs or a new
   * one. */
  int32_t (*concat_dims)(tenon_exec *exec, const tenon_object *sequence, int32_t rank, int32_t axis,
                         int32_t new_axis, int64_t *dims, const char *where);
  /* What has these dimensions. */
  void (*concat)(tenon_exec *exec, const tenon_object *sequence, int32_t axis, int32_t new_axis,
                 void *result);
  void (*retain)(tenon_exec *exec, tenon_object *object);
  void (*release_object)(tenon_exec *exec, tenon_object *object);
  /* Gives output `index` its value; the caller of the run gets a copy. Called exactly once for each
   * output that is no tensor. */
  int32_t (*output_object)(tenon_exec *exec, int32_t index, const tenon_object *object);
  tenon_strings *strings; /* NULL if the model has no table of strings */
  /* Copies when all launches before are done, and returns when the host may use or change the bytes
   * that it gave or got. TENON_EXEC_OK, or a code that the program returns; the runtime has
   * recorded why. */
  int32_t (*transfer)(tenon_exec *exec, int32_t direction, void *to, const void *from,
                      int64_t bytes);
  /* The same as `alloc` and `release`, of the host's memory. */
  void *(*host_alloc)(tenon_exec *exec, int64_t bytes);
  void (*host_release)(tenon_exec *exec, void *block);
  const unsigned char *host_weights; /* the model's constants once more, in the host's memory */
  /* The picture in a file's bytes as an object, a tensor [height, width, samples of a pixel] of
   * bytes; `pixels` is one of TENON_PIXELS_*. What is no picture has height and width 0. NULL as
   * above. */
  tenon_object *(*decode_image)(tenon_exec *exec, const void *bytes, int64_t count, int32_t pixels,
                                const char *where);
};

enum { TENON_PIXELS_GREY = 0, TENON_PIXELS_RGB = 1, TENON_PIXELS_BGR = 2 };

/* How much of tenon_exec the code of a variant for CPUs may use. */
#define TENON_EXEC_SIZE_CPU offsetof(tenon_exec, transfer)
/* The same for one with a device beside the processor, unless it decodes pictures. */
#define TENON_EXEC_SIZE_DEVICE offsetof(tenon_exec, decode_image)

/* What runs a variant's kernels. */
enum {
  TENON_DEVICE_CPU = 0, /* all of them are functions */
  TENON_DEVICE_CUDA = 1 /* an NVIDIA GPU; those that are functions the CPU beside it runs */
};

/* The model compiled for one kind of device that has certain features. */
typedef struct tenon_variant_desc {
  const char *target; /* e.g. "cpu:x86-64-v4" */
  int32_t device;
  int32_t reserved;
  /* What there must be, NULL-terminated. Of a CPU, LLVM's names, e.g. "avx512f". Of a GPU, "sm_80"
   * for that compute capability or a later one, "sm_90a" for exactly that one, "ptx70" for a driver
   * that knows that version of PTX, "tensor_maps" for one that makes such; all others are the
   * host's. */
  const char *const *features;
  int64_t arena_bytes; /* static buffers */
  int32_t (*run)(tenon_exec *exec);
  const tenon_kernel_desc *kernels;
  int64_t num_kernels;
  const unsigned char *weights;
  int64_t weights_bytes;
  /* For a GPU: the PTX of all its kernels, ending in a zero byte that `code_bytes` counts. */
  const char *code;
  int64_t code_bytes;
  /* The same as machine code (a cubin) for one generation of GPUs; NULL if there is none. A runtime
   * that cannot use it takes `code`. */
  const void *binary;
  int64_t binary_bytes;
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
