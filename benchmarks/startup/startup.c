/* Loads a compiled model, runs it once and prints when main began and when the outputs were there,
 * in nanoseconds of the monotonic clock, which all processes share (see compare.py --startup).
 *   tenon-startup MODEL.so [1x3x224x224:INPUT.raw]... */
#include "tenon/runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int fail(const char *what) {
  fprintf(stderr, "tenon-startup: %s: %s\n", what, tenon_last_error());
  return 1;
}

/* Reads "DIMS:FILE" into a tensor of the input's element type; a scalar has no dims. */
static int readInput(char *spec, const tenon_tensor_info *info, tenon_tensor *tensor) {
  char *path = strchr(spec, ':');
  if (!path)
    return -1;
  *path++ = 0;
  int64_t *dims = calloc(64, sizeof *dims);
  int32_t rank = 0;
  for (char *dim = strtok(spec, "x"); dim && rank < 64; dim = strtok(NULL, "x"))
    dims[rank++] = strtoll(dim, NULL, 10);
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status))
    return -1;
  void *data = NULL;
  if (status.st_size) {
    data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED)
      return -1;
  }
  close(file);
  *tensor = (tenon_tensor){info->dtype, rank, dims, data, status.st_size, 0};
  return 0;
}

int main(int argc, char **argv) {
  int64_t begun = now();
  if (argc < 2) {
    fprintf(stderr, "usage: tenon-startup MODEL.so [DIMS:INPUT.raw]...\n");
    return 2;
  }
  tenon_model *model;
  tenon_context *context;
  tenon_context_options options = {.threads = 1};
  if (tenon_model_load(argv[1], &model) || tenon_context_create(model, &options, &context))
    return fail(argv[1]);
  int32_t inputs = argc - 2, outputs = tenon_model_num_outputs(model);
  tenon_tensor *in = calloc(inputs + 1, sizeof *in), *out = calloc(outputs + 1, sizeof *out);
  for (int32_t i = 0; i < inputs; ++i) {
    const tenon_tensor_info *info = tenon_model_input(model, i);
    if (!info || readInput(argv[i + 2], info, &in[i]))
      return fail(argv[i + 2]);
  }
  if (tenon_run(context, in, inputs, out, outputs))
    return fail("run");
  printf("%lld %lld\n", (long long)begun, (long long)now());
  return 0; /* the process ends here; freeing would only delay that */
}
