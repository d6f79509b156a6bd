/* z = x + y for 1024 floats, in two steps through the arena, on any number of threads. Compiled
 * several times with other versions, marks and features to make models that must be refused. */
#include "model.h"

static void copy(void *const *args, int64_t task, int64_t tasks) {
  const float *x = args[0];
  float *t = args[1];
  for (int64_t i = share(1024, task, tasks); i < share(1024, task + 1, tasks); ++i)
    t[i] = x[i];
}

static void add(void *const *args, int64_t task, int64_t tasks) {
  const float *t = args[0], *y = args[1];
  float *z = args[2];
  for (int64_t i = share(1024, task, tasks); i < share(1024, task + 1, tasks); ++i)
    z[i] = t[i] + y[i];
}

static const tenon_kernel_desc kernels[] = {
    FUNCTION(copy, "copy_0", "n0", .bytes = 8192),
    FUNCTION(add, "add_1", "n1,\"quoted\"", .flops = 1024, .bytes = 12288, .precision = "f32")};

static int32_t run(tenon_exec *exec) {
  static const int64_t dims[] = {1024};
  void *z = exec->output(exec, 0, dims);
  if (!z)
    return TENON_EXEC_OUT_OF_MEMORY;
  void *copy_args[] = {exec->inputs[0], exec->arena};
  exec->launch(exec, 0, copy_args, 1024);
  void *add_args[] = {exec->arena, exec->inputs[1], z};
  exec->launch(exec, 1, add_args, 1024);
  return TENON_EXEC_OK;
}

static const tenon_dim_desc dims[] = {{1024, -1, 0}};
static const tenon_tensor_desc inputs[] = {{.name = "x", .dtype = FLOAT, .rank = 1, .dims = dims},
                                           {.name = "y", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const tenon_tensor_desc outputs[] = {{.name = "z", .dtype = FLOAT, .rank = 1, .dims = dims}};
static const char *const features[] = {MODEL_FEATURES, NULL};
#ifdef MODEL_FALLBACK
static const char *const no_features[] = {NULL};
#endif
static const tenon_variant_desc variants[] = {
    {"cpu:best", MODEL_DEVICE, 0, features, 4096, run, kernels, 2, NULL, 0},
#ifdef MODEL_FALLBACK
    {"cpu:any", TENON_DEVICE_CPU, 0, no_features, 4096, run, kernels, 2, NULL, 0},
#endif
};

MODEL = {MODEL_HEAD,         .name = "add",       .compiler_version = "hand",      .checksum = 42,
         .num_inputs = 2,    .num_outputs = 1,    .num_variants = COUNT(variants), .inputs = inputs,
         .outputs = outputs, .variants = variants};
