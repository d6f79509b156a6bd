/* The program inside every executable of --emit=exe: it runs the model that is appended to it on
 * .npy files, and may compare the results with others. It needs libc and nothing else, so that it
 * checks code for a processor wherever there is one. Its library is loaded through a file in
 * memory, because the loader wants a path; its weights are mapped straight from the executable,
 * over the place that the library keeps for them. */
#include "compare.h"
#include "runtime/abi.h"
#include "runtime/seal.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

static const char *program;

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: error: ", program);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static void check(tenon_status status) {
  if (status != TENON_OK)
    fail("%s", tenon_last_error());
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory)
    fail("out of memory");
  return memory;
}

/* ---- Loading ---- */

/* All but the weights is compared with the checksum before any of it is used. What of this program
 * itself runs until then cannot be guarded: a damaged runner may fail in any way. */
static tenon_seal read_seal(const tn_file *file) {
  tenon_seal seal;
  bool sealed;
  check(tn_check_seal(file, &seal, &sealed));
  if (!sealed)
    fail("the executable is truncated, or was changed: it does not end in a seal");
  return seal;
}

static void *load_library(const tn_file *file, const tenon_seal *seal) {
  int memory = memfd_create("tenon_model", MFD_CLOEXEC);
  if (memory < 0)
    fail("cannot make a file in memory");
  off_t offset = (off_t)seal->library_offset;
  for (size_t left = seal->weights_offset - seal->library_offset; left;) {
    ssize_t sent = sendfile(memory, file->fd, &offset, left);
    if (sent <= 0)
      fail("cannot read the model");
    left -= (size_t)sent;
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail("cannot load the model: %s", dlerror());
  close(memory);
  return library;
}

static tenon_model *load_model(void) {
  tn_file file;
  check(tn_open_file("/proc/self/exe", &file));
  file.path = "the executable";
  tenon_seal seal = read_seal(&file);
  void *library = load_library(&file, &seal);
  const tenon_model_desc *desc = dlsym(library, "tenon_model");
  if (!desc)
    fail("the executable holds no model");
  tenon_model *model;
  check(tenon_model_from_desc(desc, &model));
  /* All variants share one place. */
  void *place = (void *)desc->variants[0].weights;
  if (seal.weights_bytes != (uint64_t)desc->variants[0].weights_bytes)
    fail("the executable holds another model's weights");
  if (seal.weights_bytes && mmap(place, seal.weights_bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED,
                                 file.fd, (off_t)seal.weights_offset) != place)
    fail("cannot map the model's weights");
  close(file.fd);
  return model;
}

/* ---- The command line ---- */

typedef struct options {
  const char *input_dir, *output_dir, *expect_dir;
  int threads, repeat;
  bool check, help;
  const char **files; /* by input */
} options;

static const char *value_of(int count, char **arguments, int *at) {
  if (*at + 1 >= count)
    fail("%s needs a value", arguments[*at]);
  return arguments[++*at];
}

static int number_of(int count, char **arguments, int *at) {
  const char *name = arguments[*at], *text = value_of(count, arguments, at);
  char *end;
  long number = strtol(text, &end, 10);
  if (*end || end == text || number < 1 || number > 1 << 20)
    fail("%s: '%s' is not a positive number", name, text);
  return (int)number;
}

static void parse_input(const tenon_model *model, char *text, options *options) {
  char *equals = strchr(text, '=');
  if (!equals)
    fail("--input: '%s' is not NAME=FILE.npy", text);
  *equals = '\0';
  int32_t index = tenon_model_find_input(model, text);
  if (index < 0)
    fail("the model has no input '%s'", text);
  options->files[index] = equals + 1;
}

static options parse_options(const tenon_model *model, int count, char **arguments) {
  options result = {.repeat = 1};
  result.files = allocate((size_t)tenon_model_num_inputs(model), sizeof *result.files);
  result.help = count < 2 && tenon_model_num_inputs(model) > 0;
  for (int i = 1; i < count; ++i) {
    if (!strcmp(arguments[i], "--input"))
      parse_input(model, (char *)value_of(count, arguments, &i), &result);
    else if (!strcmp(arguments[i], "--input-dir"))
      result.input_dir = value_of(count, arguments, &i);
    else if (!strcmp(arguments[i], "--expect-dir"))
      result.expect_dir = value_of(count, arguments, &i);
    else if (!strcmp(arguments[i], "--output-dir"))
      result.output_dir = value_of(count, arguments, &i);
    else if (!strcmp(arguments[i], "--threads"))
      result.threads = number_of(count, arguments, &i);
    else if (!strcmp(arguments[i], "--repeat"))
      result.repeat = number_of(count, arguments, &i);
    else if (!strcmp(arguments[i], "--check"))
      result.check = true;
    else if (!strcmp(arguments[i], "--help"))
      result.help = true;
    else
      fail("unknown option '%s' (--help lists them)", arguments[i]);
  }
  return result;
}

static void print_signature(const char *kind, const tenon_tensor_info *info) {
  printf("  %s %s: %s [", kind, info->name, tenon_dtype_name(info->dtype));
  for (int32_t i = 0; i < info->rank; ++i) {
    printf(i ? ", " : "");
    if (info->dims[i].value >= 0)
      printf("%lld", (long long)info->dims[i].value);
    else
      printf("%s", info->dims[i].symbol ? info->dims[i].symbol : "?");
  }
  printf("]\n");
}

static void print_help(const tenon_model *model) {
  printf("usage: %s [--input NAME=FILE.npy]... [--input-dir DIR] [--output-dir DIR] "
         "[--expect-dir DIR] [--threads N] [--repeat N] [--check]\n"
         "Runs %s (%s, compiled by Tenon %s). A DIR holds a NAME.npy for each tensor; results must "
         "be those of --expect-dir to the bit.\n",
         program, tenon_model_name(model), tenon_model_target(model),
         tenon_model_compiler_version(model));
  for (int32_t i = 0; i < tenon_model_num_inputs(model); ++i)
    print_signature("input", tenon_model_input(model, i));
  for (int32_t i = 0; i < tenon_model_num_outputs(model); ++i)
    print_signature("output", tenon_model_output(model, i));
}

/* ---- Running ---- */

/* Files hold tensors. The maps of a table are the rows of one; other values are refused. */
static void check_kinds(const char *kind, const tenon_tensor_info *info) {
  bool is_table = info->num_kinds && info->rank == 2 && info->key_dtype;
  if (info->num_kinds && !is_table)
    fail("%s '%s' is no tensor, and this program reads and writes nothing else", kind, info->name);
}

static void free_inputs(const tenon_model *model, tenon_value *inputs, npy_array *arrays) {
  for (int32_t i = 0; i < tenon_model_num_inputs(model); ++i)
    free(inputs[i].tensor.data);
  free(inputs);
  free(arrays);
}

typedef struct path {
  char text[4096];
} path;

/* Where a folder holds a tensor. File names keep what is harmless in a path. */
static path path_in(const char *directory, const char *name) {
  path result;
  int length = snprintf(result.text, sizeof result.text, "%s/%s.npy", directory, name);
  if (length < 0 || length >= (int)sizeof result.text)
    fail("the path of '%s' is too long", name);
  for (char *at = result.text + strlen(directory) + 1; *at; ++at)
    if (*at == '/')
      *at = '_';
  return result;
}

static npy_array read_array(const char *file) {
  npy_array array;
  const char *problem = npy_read(file, &array);
  if (problem)
    fail("cannot read '%s': %s", file, problem);
  return array;
}

static tenon_value *read_inputs(const tenon_model *model, const options *options,
                                npy_array *arrays) {
  int32_t count = tenon_model_num_inputs(model);
  tenon_value *inputs = allocate((size_t)count, sizeof *inputs);
  for (int32_t i = 0; i < count; ++i) {
    check_kinds("input", tenon_model_input(model, i));
    const char *name = tenon_model_input(model, i)->name;
    if (options->files[i])
      arrays[i] = read_array(options->files[i]);
    else if (options->input_dir)
      arrays[i] = read_array(path_in(options->input_dir, name).text);
    else
      fail("input '%s' is missing: give --input %s=FILE.npy", name, name);
    inputs[i].tensor = (tenon_tensor){
        arrays[i].dtype, arrays[i].rank, arrays[i].dims, arrays[i].data, arrays[i].bytes, 0, 0, 0};
  }
  return inputs;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static void run(tenon_context *context, const tenon_model *model, const tenon_value *inputs,
                tenon_value *outputs, int repeat) {
  double best = 0;
  for (int i = 0; i < repeat; ++i) {
    double start = now();
    check(tenon_run_values(context, inputs, tenon_model_num_inputs(model), outputs,
                           tenon_model_num_outputs(model)));
    double time = now() - start;
    best = i == 0 || time < best ? time : best;
  }
  if (repeat > 1)
    printf("best of %d runs: %.3f ms\n", repeat, best);
}

static void write_output(const char *directory, const char *name, const tenon_tensor *tensor) {
  path file = path_in(directory, name);
  const char *problem = npy_write(file.text, tensor);
  if (problem)
    fail("cannot write '%s': %s", file.text, problem);
}

static bool is_expected(const char *directory, const char *name, const tenon_tensor *tensor) {
  npy_array expected = read_array(path_in(directory, name).text);
  char difference[600];
  bool same = compare_bits(tensor, &expected, difference, sizeof difference);
  if (!same)
    fprintf(stderr, "%s: output '%s' %s\n", program, name, difference);
  free(expected.data);
  return same;
}

static void report_output(const char *name, const tenon_tensor *tensor) {
  printf("%s: %s [", name, tenon_dtype_name(tensor->dtype));
  for (int32_t i = 0; i < tensor->rank; ++i)
    printf("%s%lld", i ? ", " : "", (long long)tensor->dims[i]);
  printf("]");
  if (tensor->dtype == TENON_FLOAT) {
    size_t count = tensor->bytes / sizeof(float);
    for (size_t i = 0; i < count && i < 8; ++i)
      printf(" %g", (double)((const float *)tensor->data)[i]);
    printf(count > 8 ? " ..." : "");
  }
  printf("\n");
}

/* Whether the results are as expected, if anything was. */
static bool run_on_files(const tenon_model *model, const options *options) {
  npy_array *arrays = allocate((size_t)tenon_model_num_inputs(model), sizeof *arrays);
  for (int32_t i = 0; i < tenon_model_num_outputs(model); ++i)
    check_kinds("output", tenon_model_output(model, i));
  tenon_value *inputs = read_inputs(model, options, arrays);
  tenon_value *outputs = allocate((size_t)tenon_model_num_outputs(model), sizeof *outputs);
  tenon_context_options settings = {.threads = options->threads};
  tenon_context *context;
  check(tenon_context_create(model, &settings, &context));
  run(context, model, inputs, outputs, options->repeat);
  bool expected = true;
  for (int32_t i = 0; i < tenon_model_num_outputs(model); ++i) {
    const char *name = tenon_model_output(model, i)->name;
    const tenon_tensor *tensor = &outputs[i].tensor;
    report_output(name, tensor);
    if (options->output_dir)
      write_output(options->output_dir, name, tensor);
    if (options->expect_dir && !is_expected(options->expect_dir, name, tensor))
      expected = false;
  }
  tenon_context_free(context);
  free(outputs);
  free_inputs(model, inputs, arrays);
  return expected;
}

int main(int argc, char **argv) {
  program = argv[0];
  tenon_model *model = load_model();
  options options = parse_options(model, argc, argv);
  if (options.check)
    check(tenon_model_check_weights(model));
  bool expected = true;
  if (options.help)
    print_help(model);
  else
    expected = run_on_files(model, &options);
  free(options.files);
  tenon_model_free(model);
  return !expected;
}
